import { explainGrant, explainSession } from '../../admin/explain.ts'
import { readGrant, readGrants, readSession, readSessions } from '../../admin/sessions.ts'
import { GrantBody, SessionBody, SessionList } from '../views/console/sessions.tsx'
import { words } from '../views/console/words.ts'
import { asked } from './list.ts'
import type { Pages } from './page.tsx'
import type { ConsoleTools } from './visitor.ts'

/** Living sessions, and of each session and grant why it is over or what will end it. */
export function sessionPages(pages: Pages, tools: ConsoleTools): void {
  pages.get('/sessions', 'sessions:read', async ({ query: given, visitor: { now } }) => {
    const { filter, page, query } = asked(given, ['user_id', 'client_id'])
    const { items, next_cursor: next } = await readSessions(filter, page, tools)
    return {
      section: 'sessions',
      title: words.sections.sessions,
      body: <SessionList sessions={items} query={query} next={next} now={now} />,
    }
  })

  pages.get('/sessions/:id', 'sessions:read', async ({ params: { id = '' }, visitor: { now, may } }) => {
    const session = await readSession(id, tools)
    const explained = await explainSession(id, tools)
    const { items } = await readGrants({ user_id: session.user_id }, { limit: 200 }, tools)
    const grants = items.filter(({ sid }) => sid === session.sid)
    const mayEnd = may('sessions:revoke')
    return {
      section: 'sessions',
      title: words.sessions.title(session.username),
      body: <SessionBody session={session} explained={explained} grants={grants} now={now} mayEnd={mayEnd} />,
    }
  })

  pages.get('/grants/:id', 'sessions:read', async ({ params: { id = '' }, visitor: { now, may } }) => {
    const grant = await readGrant(id, tools)
    const explained = await explainGrant(id, tools)
    return {
      section: 'sessions',
      title: words.grants.title(grant.client_id, grant.kind),
      body: <GrantBody grant={grant} explained={explained} now={now} mayEnd={may('sessions:revoke')} />,
    }
  })
}

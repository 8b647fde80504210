import { makeSetupLink, readAdministrators } from '../../admin/administrators.ts'
import { AdministratorList } from '../views/console/administrators.tsx'
import { Once } from '../views/console/once.tsx'
import { words } from '../views/console/words.ts'
import { asked } from './list.ts'
import type { Pages } from './page.tsx'
import { roleNamed } from './users.tsx'
import type { ConsoleTools } from './visitor.ts'

const say = words.administrators

/** People who may administer, and a link for somebody new. */
export function administratorPages(pages: Pages, tools: ConsoleTools): void {
  pages.get('/administrators', 'users:read', async ({ query: given, visitor, csrf }) => {
    const { page, query } = asked(given, [])
    const { items, next_cursor: next } = await readAdministrators(page, tools)
    const mayChange = visitor.may('admin')
    const body = <AdministratorList people={items} query={query} next={next} csrf={csrf} mayChange={mayChange} />
    return { section: 'administrators', title: words.sections.administrators, body }
  })

  pages.post('/administrators/link', 'admin', async ({ form, visitor }) => {
    const link = await makeSetupLink(roleNamed(form.get('role')) ?? 'viewer', visitor.actor, tools)
    const back = [say.back, '/admin/administrators'] as const
    const body = <Once lead={say.linkOnce} until={link.expires_at} secret={link.url} back={back} />
    return { section: 'administrators', title: say.linkMade, body }
  })
}

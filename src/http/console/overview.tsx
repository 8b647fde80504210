import { createActivityReader } from '../../admin/activity.ts'
import { namesIn, readAuditEvents } from '../../admin/audit-events.ts'
import { Overview } from '../views/console/overview.tsx'
import { words } from '../views/console/words.ts'
import type { Pages } from './page.tsx'
import type { ConsoleTools } from './visitor.ts'

/** GET /admin: how many are signed in, how many came, what happened last. */
export function overviewPages(pages: Pages, tools: ConsoleTools): void {
  const readActivity = createActivityReader(tools)
  pages.get('/', 'audit:read', async ({ visitor: { now } }) => {
    const [activity, { items: events }] = await Promise.all([readActivity(), readAuditEvents({}, { limit: 10 }, tools)])
    return {
      section: 'overview',
      title: words.sections.overview,
      body: <Overview activity={activity} events={events} names={await namesIn(events, tools)} now={now} />,
    }
  })
}

import { namesIn, noteReading, readAuditEvents } from '../../admin/audit-events.ts'
import { AuditList } from '../views/console/audit.tsx'
import { words } from '../views/console/words.ts'
import { asked } from './list.ts'
import type { Pages } from './page.tsx'
import type { ConsoleTools } from './visitor.ts'

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- keys of a constant
const names = Object.keys(words.audit.fields) as (keyof typeof words.audit.fields)[]
const outcomes = ['success', 'failure'] as const

/** What happened, and who did it. */
export function auditPages(pages: Pages, tools: ConsoleTools): void {
  pages.get('/audit', 'audit:read', async ({ query: given, visitor: { actor, now } }) => {
    const { filter, page, query } = asked(given, [...names, 'outcome'])
    const outcome = outcomes.find((known) => known === filter.outcome)
    const { outcome: _, ...rest } = filter
    const wanted = { ...rest, ...(outcome && { outcome }) }
    const { items, next_cursor: next } = await readAuditEvents(wanted, page, tools)
    noteReading(wanted, actor, tools)
    const body = <AuditList events={items} names={await namesIn(items, tools)} query={query} next={next} now={now} />
    return { section: 'audit', title: words.sections.audit, body }
  })
}

import { EventTable, type EventTableProps } from './events.tsx'
import { Pager } from './table.tsx'
import { words } from './words.ts'

const say = words.audit

interface AuditListProps extends EventTableProps {
  query: Record<string, string>
  next: string | null
}

/** What happened, with a form that narrows it down. */
export function AuditList({ query, next, ...found }: AuditListProps) {
  const { cursor: _, ...filters } = query
  return (
    <>
      <details class="filter" open={Object.keys(filters).length > 0}>
        <summary>{words.search}</summary>
        <form class="fields" method="get" action="/admin/audit">
          {Object.entries(say.fields).map(([name, label]) => (
            <p>
              <label for={name}>{label}</label>
              <input id={name} name={name} type="text" value={query[name]} autocomplete="off" autocapitalize="none" />
            </p>
          ))}
          <p>
            <label for="outcome">{say.outcome}</label>
            <select id="outcome" name="outcome">
              {Object.entries(say.outcomes).map(([value, label]) => (
                <option value={value} selected={(query['outcome'] ?? '') === value}>
                  {label}
                </option>
              ))}
            </select>
          </p>
          <p>
            <button class="button primary" type="submit">
              {words.search}
            </button>
          </p>
        </form>
      </details>
      <EventTable {...found} />
      <Pager path="/admin/audit" query={query} next={next} />
    </>
  )
}

import type { AuditEventDocument } from '../../../admin/audit-events.ts'
import { Badge } from './facts.tsx'
import { Instant } from './instant.tsx'
import { Table } from './table.tsx'
import { words } from './words.ts'

/** Names of users by their ids. */
type Names = ReadonlyMap<string, string>

export interface EventTableProps {
  events: readonly AuditEventDocument[]
  names: Names
  now: Date
}

/** Audit events, each with everything that is on record about it. */
export function EventTable({ events, names, now }: EventTableProps) {
  return (
    <Table
      caption={words.audit.list}
      empty={words.audit.none}
      rows={events}
      columns={[
        { name: 'When', value: ({ at }) => <Instant at={at} now={now} /> },
        {
          name: 'Type',
          value: ({ type, outcome }) => (
            <>
              {type} {outcome === 'failure' && <Badge tone="bad">{outcome}</Badge>}
            </>
          ),
        },
        { name: 'Who', value: ({ actor }) => <Who id={actor} names={names} /> },
        { name: 'Target', value: (event) => <Target of={event} names={names} /> },
        { name: words.audit.more, value: (event) => <More of={event} /> },
      ]}
    />
  )
}

function Who({ id, names }: { id: string | null; names: Names }) {
  const [kind, name = ''] = id?.split(/:(.*)/s) ?? []
  if (kind === 'user')
    return <a href={`/admin/users/${encodeURIComponent(name)}`}>{names.get(name) ?? `user ${name.slice(-6)}`}</a>
  if (kind === 'client') return <a href={`/admin/clients/${encodeURIComponent(name)}`}>{name}</a>
  return <>{id}</>
}

const pages: Readonly<Record<string, string>> = {
  session: 'sessions',
  grant: 'grants',
  user: 'users',
  client: 'clients',
}

function Target({ of: event, names }: { of: AuditEventDocument; names: Names }) {
  const { target_kind: kind, target_id: id, user_id: userId } = event
  if (kind === null || id === null) return <span class="nothing">–</span>
  const page = pages[kind]
  const of = kind === 'user' || userId === null ? undefined : names.get(userId)
  const own = kind === 'client' ? id : (names.get(id) ?? `${kind} ${id.slice(-6)}`)
  return (
    <>
      {page === undefined ? own : <a href={`/admin/${page}/${encodeURIComponent(id)}`}>{own}</a>}
      {of !== undefined && <small class="nothing"> of {of}</small>}
    </>
  )
}

function More({ of: event }: { of: AuditEventDocument }) {
  const known = Object.entries(event).filter(([, value]) => value !== null)
  return (
    <details>
      <summary>{event.reason ?? words.audit.more}</summary>
      <dl class="facts small">
        {known.map(([name, value]) => (
          <div>
            <dt>{name}</dt>
            <dd>{typeof value === 'object' ? <code>{JSON.stringify(value)}</code> : String(value)}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}

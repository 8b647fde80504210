import type { ClientDocument } from '../../../admin/clients.ts'
import { Ways } from './ask.tsx'
import { Facts, State, shown } from './facts.tsx'
import { ExactInstant, Instant } from './instant.tsx'
import { Pager, Table } from './table.tsx'
import { words } from './words.ts'

const say = words.clients

interface ClientListProps {
  clients: readonly ClientDocument[]
  query: Record<string, string>
  next: string | null
  now: Date
}

/** The applications and services that use this server. */
export function ClientList({ clients, query, next, now }: ClientListProps) {
  return (
    <>
      <Table
        caption={say.list}
        empty={say.none}
        rows={clients}
        columns={[
          {
            name: 'Client',
            value: ({ client_id: id }) => <a href={`/admin/clients/${encodeURIComponent(id)}`}>{id}</a>,
          },
          { name: 'Name', value: (client) => nameOf(client) },
          { name: 'Grant types', value: ({ grant_types: types }) => types.join(', ') },
          { name: 'State', value: ({ disabled }) => <State isDisabled={disabled} /> },
          { name: 'Made', value: ({ created_at: at }) => <Instant at={at} now={now} /> },
        ]}
      />
      <Pager path="/admin/clients" query={query} next={next} />
    </>
  )
}

interface ClientBodyProps {
  client: ClientDocument
  may: { end: boolean; change: boolean }
}

/** One client, with everything that it was registered with. */
export function ClientBody({ client, may }: ClientBodyProps) {
  const {
    client_id: id,
    client_id_issued_at: _,
    created_at: madeAt,
    updated_at: changedAt,
    disabled,
    ...members
  } = client
  const path = `/admin/clients/${encodeURIComponent(id)}`
  const own = `client_id=${encodeURIComponent(id)}`
  const isConfidential = client.token_endpoint_auth_method !== 'none'
  return (
    <>
      <Ways
        to={[
          [say.sessions, `/admin/sessions?${own}`, true],
          [say.end, `/admin/revoke/preview?${own}`, may.end],
          [say.disable, `${path}/disable`, may.change && !disabled],
          [say.enable, `${path}/enable`, may.change && disabled],
          [say.newSecret, `${path}/secret`, may.change && isConfidential],
        ]}
      />
      <Facts
        of={{
          State: <State isDisabled={disabled} />,
          Made: <ExactInstant at={madeAt} />,
          Changed: <ExactInstant at={changedAt} />,
        }}
      />
      <h2>{say.metadata}</h2>
      <Facts of={Object.fromEntries(Object.entries(members).map(([name, value]) => [name, shown(value)]))} />
    </>
  )
}

/** The members that a client need not have are known by name only. */
function nameOf(client: Readonly<Record<string, unknown>>): string {
  const name = client['client_name']
  return typeof name === 'string' ? name : '–'
}

import type { GrantDocument, SessionDocument } from '../../../admin/sessions.ts'
import type { UserDocument } from '../../../admin/users.ts'
import { Ways } from './ask.tsx'
import { EventTable, type EventTableProps } from './events.tsx'
import { Facts, Id, State, shown } from './facts.tsx'
import { ExactInstant, Instant } from './instant.tsx'
import { GrantTable, SessionTable } from './sessions.tsx'
import { Pager, Table } from './table.tsx'
import { words } from './words.ts'

const say = words.users

interface UserListProps {
  users: readonly UserDocument[]
  query: Record<string, string>
  next: string | null
  now: Date
}

/** Everybody who can sign in; with a query those whose name or address begins with it. */
export function UserList({ users, query, next, now }: UserListProps) {
  return (
    <>
      <form class="search" method="get" action="/admin/users" role="search">
        <label for="query">{say.search}</label>
        <input id="query" name="query" type="search" value={query['query']} autocomplete="off" autocapitalize="none" />
        <button class="button primary" type="submit">
          {words.search}
        </button>
      </form>
      <Table
        caption={say.everybody}
        empty={say.none}
        rows={users}
        columns={[
          { name: 'User name', value: ({ id, username }) => <a href={`/admin/users/${id}`}>{username}</a> },
          { name: 'E-mail', value: ({ email }) => email ?? <span class="nothing">–</span> },
          { name: 'State', value: ({ disabled }) => <State isDisabled={disabled} /> },
          { name: 'Made', value: ({ created_at: at }) => <Instant at={at} now={now} /> },
        ]}
      />
      <Pager path="/admin/users" query={query} next={next} />
    </>
  )
}

interface UserBodyProps extends EventTableProps {
  user: UserDocument
  role: string | null
  sessions: readonly SessionDocument[]
  grants: readonly GrantDocument[]
  may: { end: boolean; change: boolean; administer: boolean }
}

/** One user: who it is, where signed in, which clients have access, and what happened. */
export function UserBody({ user, role, sessions, grants, may, ...latest }: UserBodyProps) {
  const { now } = latest
  const path = `/admin/users/${user.id}`
  const {
    id,
    username,
    email,
    disabled,
    has_password: hasPassword,
    created_at: madeAt,
    updated_at: _,
    ...claims
  } = user
  return (
    <>
      <Ways
        to={[
          [say.end, `/admin/revoke/preview?user_id=${id}`, may.end],
          [say.disable, `${path}/disable`, may.change && !disabled],
          [say.enable, `${path}/enable`, may.change && disabled],
          [say.changeRole, `${path}/role`, may.administer],
        ]}
      />
      <Facts
        of={{
          State: <State isDisabled={disabled} />,
          'User name': username,
          'E-mail': email,
          User: <Id of={id} />,
          Role: role,
          Password: hasPassword ? 'set' : 'none',
          Made: <ExactInstant at={madeAt} />,
          ...Object.fromEntries(Object.entries(claims).map(([name, value]) => [name, shown(value)])),
        }}
      />
      <h2>{say.sessions}</h2>
      <SessionTable of={sessions} now={now} empty={say.noSessions} />
      <h2>{say.grants}</h2>
      <GrantTable of={grants} now={now} empty={say.noGrants} />
      <h2>{say.events}</h2>
      <EventTable {...latest} />
    </>
  )
}

import type { GrantDocument, SessionDocument } from '../../../admin/sessions.ts'
import { Ways } from './ask.tsx'
import { Badge, Facts, Id } from './facts.tsx'
import { ExactInstant, Instant } from './instant.tsx'
import { type Explained, Life } from './life.tsx'
import { Pager, Table } from './table.tsx'
import { words } from './words.ts'

const say = words.sessions
const userHref = (id: string) => `/admin/users/${id}`
const sessionHref = (id: string) => `/admin/sessions/${id}`
const clientHref = (id: string) => `/admin/clients/${encodeURIComponent(id)}`

/** Sessions, each with the way to its own page. */
export function SessionTable({
  of: sessions,
  now,
  empty,
}: {
  of: readonly SessionDocument[]
  now: Date
  empty: string
}) {
  return (
    <Table
      caption={say.list}
      empty={empty}
      rows={sessions}
      columns={[
        { name: 'Device', value: ({ sid, device }) => <a href={sessionHref(sid)}>{device ?? say.unknownDevice}</a> },
        { name: 'User', value: ({ user_id: id, username }) => <a href={userHref(id)}>{username ?? id}</a> },
        { name: 'Address', value: ({ last_ip: ip }) => ip },
        { name: 'Signed in', value: ({ auth_time: at }) => <Instant at={at} now={now} /> },
        { name: 'Last seen', value: ({ last_seen_at: at }) => <Instant at={at} now={now} /> },
        { name: 'Ends unused', value: ({ idle_expires_at: at }) => <Instant at={at} now={now} /> },
      ]}
    />
  )
}

interface SessionListProps {
  sessions: readonly SessionDocument[]
  query: Record<string, string>
  next: string | null
  now: Date
}

/** Everybody who is signed in. */
export function SessionList({ sessions, query, next, now }: SessionListProps) {
  const filter = query['user_id'] ?? query['client_id']
  return (
    <>
      {filter !== undefined && (
        <p>
          {query['user_id'] === undefined ? say.ofClient : say.ofUser} <a href="/admin/sessions">{say.all}</a>
        </p>
      )}
      <SessionTable of={sessions} now={now} empty={say.none} />
      <Pager path="/admin/sessions" query={query} next={next} />
    </>
  )
}

export function GrantTable({ of: grants, now, empty }: { of: readonly GrantDocument[]; now: Date; empty: string }) {
  return (
    <Table
      caption={words.grants.list}
      empty={empty}
      rows={grants}
      columns={[
        { name: 'Client', value: ({ gid, client_id: id }) => <a href={`/admin/grants/${gid}`}>{id ?? gid}</a> },
        { name: 'Kind', value: ({ kind }) => kind },
        { name: 'Scope', value: ({ scope }) => scope },
        { name: 'Last used', value: ({ last_used_at: at }) => <Instant at={at} now={now} /> },
        { name: 'Ends unused', value: ({ idle_expires_at: at }) => <Instant at={at} now={now} /> },
      ]}
    />
  )
}

interface SessionPageProps {
  session: SessionDocument
  explained: Explained
  grants: readonly GrantDocument[]
  now: Date
  mayEnd: boolean
}

/** One session: what it is, why it is over or what will end it, and what hangs on it. */
export function SessionBody({ session, explained, grants, now, mayEnd }: SessionPageProps) {
  return (
    <>
      <Ways to={[[say.end, `/admin/revoke/preview?session_id=${session.sid}`, mayEnd && session.alive]]} />
      <Facts
        of={{
          State: <Alive is={session.alive} />,
          User: <a href={userHref(session.user_id)}>{session.username ?? session.user_id}</a>,
          Session: <Id of={session.sid} />,
          Device: session.device ?? say.unknownDevice,
          Address: session.last_ip,
          'Signed in': <ExactInstant at={session.auth_time} />,
          'Signed in with': session.amr.join(', '),
          'Last seen': <Instant at={session.last_seen_at} now={now} />,
          Remembered: session.remembered ? 'yes' : 'no',
          Ended: session.ended_at && <ExactInstant at={session.ended_at} />,
        }}
      />
      <Life of={explained} now={now} />
      <h2>{say.grants}</h2>
      <GrantTable of={grants} now={now} empty={say.noGrants} />
    </>
  )
}

interface GrantPageProps {
  grant: GrantDocument
  explained: Explained
  now: Date
  mayEnd: boolean
}

/** One grant: the standing access of a client for a user. */
export function GrantBody({ grant, explained, now, mayEnd }: GrantPageProps) {
  return (
    <>
      <Ways to={[[words.grants.end, `/admin/revoke/preview?grant_id=${grant.gid}`, mayEnd && grant.alive]]} />
      <Facts
        of={{
          State: <Alive is={grant.alive} />,
          Client: grant.client_id !== null && <a href={clientHref(grant.client_id)}>{grant.client_id}</a>,
          User: <Id of={grant.user_id} href={userHref(grant.user_id)} />,
          Session: grant.sid !== null && <Id of={grant.sid} href={sessionHref(grant.sid)} />,
          Grant: <Id of={grant.gid} />,
          Scope: grant.scope,
          Resource: grant.resource?.join(', '),
          Begun: <ExactInstant at={grant.created_at} />,
          'Last used': <Instant at={grant.last_used_at} now={now} />,
          Ended: grant.ended_at && <ExactInstant at={grant.ended_at} />,
        }}
      />
      <Life of={explained} now={now} />
    </>
  )
}

const Alive = ({ is }: { is: boolean }) => <Badge tone={is ? 'good' : 'bad'}>{is ? say.alive : say.over}</Badge>

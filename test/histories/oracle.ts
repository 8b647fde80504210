import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { now } from './recorder.ts'

/** Something that the tables must never show to one snapshot. */
export interface Discrepancy {
  readonly at: number
  readonly check: string
  readonly detail: string
}

const lastEight = (id: string) => `substring(uuid_send(${id}) from 9)`
const coveredByUser = (user: string, createdPosition: string) =>
  `exists (select 1 from audit_events a join feed_entries e on e.seq = a.position and e.kind = 'u'
           where a.type = 'user.ended' and a.user_id = ${user} and a.position > ${createdPosition})`
const recent = (column: string) => `${column} > now() - make_interval(secs => $1)`

/** Endings that take several grants, or none: then their one entry stands for nothing, and the cleanup may take it at once. */
const ofSeveral = `'user_client.ended', 'user_sessions.ended'`

/*
 * An ending that takes several grants draws a position for each, and its audit event stands at the last of them.
 *
 * ONE statement, so one snapshot. $1: how many seconds back rows are looked at. Whoever reads the feed knows of every ending that the tables
 * know of, at any instant: an ended row without an entry is an ending that services would never hear of.
 */
const checks: Readonly<Record<string, string>> = {
  'the feed has no hole': `
    select format('position %s is missing below the head at %s', p.seq, h.seq)
    from feed_head h
    cross join generate_series(greatest(coalesce((select min(seq) from feed_entries where until > now()), h.seq + 1), case when $1 > 1000 then 1 else h.seq - 300 end), h.seq) p(seq)
    where not exists (select 1 from feed_entries e where e.seq = p.seq)
      and not exists (select 1 from audit_events a where a.position = p.seq and a.type in (${ofSeveral}) and a.detail @> '{"sessions": 0, "grants": 0}')
    union all
    select format('position %s lies above the head at %s', e.seq, h.seq) from feed_head h join feed_entries e on e.seq > h.seq`,
  'an ended session is in the feed': `
    select format('session %s, %s', s.id, s.revoke_reason) from sessions s where s.revoked_at is not null and ${recent('s.revoked_at')}
      and not exists (select 1 from feed_entries e where e.kind = 's' and e.key = ${lastEight('s.id')})
      and not ${coveredByUser('s.user_id', 's.created_pos')}`,
  'an ended grant is in the feed': `
    select format('grant %s, %s', g.id, g.revoke_reason) from grants g where g.revoked_at is not null and ${recent('g.revoked_at')}
      and not exists (select 1 from feed_entries e where e.kind = 'g' and e.key = ${lastEight('g.id')})
      and not exists (select 1 from feed_entries e where not g.offline and e.kind = 's' and e.key = ${lastEight('g.session_id')})
      and not ${coveredByUser('g.user_id', 'g.created_pos')}`,
  'an ended token is in the feed': `
    select format('jti %s', j.jti) from revoked_jtis j
    where not exists (select 1 from feed_entries e where e.kind = 'j' and e.key = ${lastEight('j.jti')})`,
  'a line has its entry': `
    select format('%s line at %s', l.kind, l.seq) from (
      select 'u' as kind, ended_pos as seq from users union all select 'c', ended_pos from clients union all select 'a', ended_pos from server
    ) l where l.seq > 0 and not exists (select 1 from feed_entries e where e.seq = l.seq and e.kind = l.kind::"char")`,
  'no online grant lives under an ended session': `
    select format('grant %s of session %s', g.id, s.id) from grants g join sessions s on s.id = g.session_id
    where not g.offline and g.revoked_at is null and s.revoked_at is not null and ${recent('g.created_at')}`,
  'no grant lives that user and client were ended over': `
    select format('grant %s of %s and %s, made at %s, ended at %s', g.id, g.user_id, c.client_id, g.created_pos, a.position)
    from grants g join clients c on c.id = g.client
    join audit_events a on a.type = 'user_client.ended' and a.user_id = g.user_id and a.client_id = c.client_id and a.position > g.created_pos
    where g.revoked_at is null and ${recent('g.created_at')}`,
  'a log-in makes one session': `
    select format('session %s belongs to no log-in', s.id) from sessions s join users u on u.id = s.user_id join server v on v.id = 1
    where s.revoked_at is null and s.created_pos >= greatest(v.ended_pos, u.ended_pos)
      and ${recent('s.created_at')} and s.created_at > now() - interval '20 minutes'
      and not exists (select 1 from login_transactions t where t.session_id = s.id)`,
  'a position has one audit event': `
    select format('position %s: %s entries, %s audit events, next %s', p.seq, p.entries, p.events, a.type)
    from (
      select seq, count(*) filter (where is_entry) over same as entries, count(*) filter (where not is_entry) over same as events,
        min(case when not is_entry then seq end) over (order by seq desc) as next
      from (select seq, true as is_entry from feed_entries union all select position, false from audit_events where position is not null) all_of_them
      window same as (partition by seq)
    ) p join feed_head h on p.seq > h.seq - 300 or $1 > 1000
    left join audit_events a on a.position = p.next
    where p.events > 1 or (p.events = 0 and coalesce(a.type, '') not in (${ofSeveral}))`,
}

const statement = Object.entries(checks)
  .map(([name, sql]) => `(select '${name}' as "check", x.detail from (${sql}) x(detail) limit 3)`)
  .join('\nunion all\n')

/** How many looks there were, and what they found. */
export interface OracleReport {
  looks: number
  readonly discrepancies: Discrepancy[]
}

export interface Oracle {
  readonly report: OracleReport
  /** Looks again and again; a dead PostgreSQL is waited for. */
  watch(pauseMs: number, isOver: () => boolean): Promise<void>
  /** Looks at everything, once. */
  conclude(): Promise<void>
}

export function createOracle(url: string): Oracle {
  const report: OracleReport = { looks: 0, discrepancies: [] }
  const look = async (client: Client, seconds: number) => {
    const { rows } = await client.query<{ check: string; detail: string }>(statement, [seconds])
    report.looks++
    for (const row of rows) {
      // What stays wrong is seen at every look.
      const isNew = !report.discrepancies.some(({ check, detail }) => check === row.check && detail === row.detail)
      if (isNew && report.discrepancies.length < 50) report.discrepancies.push({ at: now(), ...row })
    }
  }
  return {
    report,
    watch: async (pauseMs, isOver) => {
      while (!isOver()) {
        await withClient(url, async (client) => {
          for (; !isOver(); await sleep(pauseMs)) await look(client, 5)
        }).catch(retryAfterOutage)
        await sleep(100)
      }
    },
    conclude: () => withClient(url, (client) => look(client, 1e9)),
  }
}

export async function withClient<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.query(`set statement_timeout = '60s'`)
    return await work(client)
  } finally {
    await client.end().catch(() => {})
  }
}

/** A mistake in the statement is not an outage. */
function retryAfterOutage(error: unknown): void {
  const { code } = error as { code?: unknown }
  if (typeof code === 'string' && /^(42|22)/.test(code)) throw error
}

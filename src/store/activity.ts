import type { Queries, Statement } from './database.ts'
import { sessionIdleEnds, sessionIsOver, sessionMaxEnds } from './liveness.ts'

/** How often somebody signed in during one hour, and how often somebody could not. */
export interface HourOfSignIns {
  /** When it began. */
  readonly hour: Date
  readonly succeeded: number
  readonly failed: number
}

/** How many sessions lived when an hour was over; for the hour that runs, now. */
export interface HourOfSessions {
  readonly hour: Date
  readonly alive: number
}

/** The hours that are shown: the one that runs, and as many before it as make a day. */
const hours = 24
const firstHour = `(date_trunc('hour', clock_now(), 'UTC') - interval '${hours - 1} hours')`
const eachHour = `generate_series(${firstHour}, date_trunc('hour', clock_now(), 'UTC'), interval '1 hour')`

const signIns: Statement = {
  name: 'sign_ins_by_hour',
  text: `
select hour, coalesce(e.succeeded, 0)::int as succeeded, coalesce(e.failed, 0)::int as failed
from ${eachHour} as hour left join (
  select date_trunc('hour', at, 'UTC') as hour, count(*) filter (where type <> 'login.failed') as succeeded,
    sum(coalesce((detail->>'count')::int, 1)) filter (where type = 'login.failed') as failed
  from audit_events where at >= ${firstHour} and type in ('session.created', 'session.renewed', 'login.failed') group by 1
) e using (hour) order by hour`,
}

/** Sign-ins of a day, hour by hour, as the audit trail has them. */
export const countSignIns = (db: Queries): Promise<HourOfSignIns[]> => db.run<HourOfSignIns>(signIns, [])

/*
 * Each session counts in the hours from the one in which it began to the one before it ended. One that a line has ended, for everybody or for
 * its user, keeps no time of its own: it counts until now.
 */
const sessions: Statement = {
  name: 'sessions_by_hour',
  text: `
with moves as (
  select floor(extract(epoch from s.created_at - ${firstHour}) / 3600)::int as came,
    case when not ${sessionIsOver} then ${hours}
      else floor(extract(epoch from least(s.revoked_at, ${sessionIdleEnds}, ${sessionMaxEnds}, clock_now()) - ${firstHour}) / 3600)::int end as went
  from sessions s left join users u on u.id = s.user_id join server v on v.id = 1
  where s.expires_at > ${firstHour} and (s.revoked_at is null or s.revoked_at > ${firstHour})
), moved as (
  select greatest(came, 0) as came, least(went, ${hours}) as went, count(*) as n from moves where went > came and went >= 0 group by 1, 2
)
select ${firstHour} + make_interval(hours => i) as hour, coalesce(sum(n) filter (where came <= i and went > i), 0)::int as alive
from generate_series(0, ${hours - 1}) as i left join moved on true group by i order by i`,
}

/** Living sessions of a day, hour by hour. Reads every session on record, and fails where that takes longer than a statement may. */
export const countSessions = (db: Queries): Promise<HourOfSessions[]> => db.run<HourOfSessions>(sessions, [])

import type { Statement } from './database.ts'
import { grantExpired } from './expiry-events.ts'

/*
 * A grant that goes before its session leaves it what it alone knows: when it was used last. Sessions are locked before grants, as everywhere; a
 * grant whose session somebody holds is left for the next round.
 */
export const deleteGrants: Statement = {
  name: 'clean_grants',
  text: `
with due as materialized (
  select id, session_id, active_at from grants
  where expires_at >= coalesce($3::timestamptz, '-infinity') and expires_at < clock_now() - make_interval(secs => $1::double precision)
  order by expires_at limit $2::int
), heirs as materialized (
  select s.id from sessions s where s.id in (select session_id from due where active_at is not null)
  order by s.id
  for no key update of s skip locked
), gone as (
  delete from grants where ctid = any(array(
    select g.ctid from grants g join due on due.id = g.id
    cross join (select count(*) from heirs) first                              -- runs before the locks below
    where g.active_at is null or g.session_id in (select id from heirs) or not exists (select from sessions s where s.id = g.session_id)
    for update of g skip locked))
  returning *
), inherited as (
  update sessions s set last_seen_at = used.at from (select session_id, max(active_at) as at from gone group by session_id) used
  where s.id = used.session_id and s.last_seen_at < used.at
), told as (${grantExpired}
)
select count(*)::int as deleted, max(expires_at) as "reachedAt" from gone`,
}

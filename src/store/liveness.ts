// Whether a session lives is one SQL expression, used by every statement: two implementations would come to disagree.
// Aliases: s sessions, u users, v server, c clients, g grants, h feed_head.

/**
 * Seconds that the session `s` may be unused: as it was begun, or as the server is set now if that is less. A limit that is tightened holds
 * for living sessions; one that is loosened does not.
 */
export const sessionIdle = `least(s.idle_s, case when s.remembered then coalesce(v.remember_idle_s, v.session_idle_s) else v.session_idle_s end)`

const afterIdle = (use: string) => `(${use} + make_interval(secs => ${sessionIdle}))`

/** When the session `s` was used last: by the browser, or through one of its grants, whose rows have that to themselves. */
export const sessionLastUsed =
  '(select greatest(s.last_seen_at, max(used.active_at)) from grants used where used.session_id = s.id)'

/** When the session `s` ends if nobody uses it. */
export const sessionIdleEnds = afterIdle(sessionLastUsed)

/** It was not used for that long. What is at hand is asked first: only where that is not recent, its grants have to be found. */
const sessionIsIdle = (atHand: string): string =>
  `(${afterIdle(atHand)} <= clock_now() and not exists (
          select from grants used where used.session_id = s.id and ${afterIdle('used.active_at')} > clock_now()))`

/** When it ends whatever happens. */
export const sessionMaxEnds = `least(s.expires_at,
        s.created_at + make_interval(secs => case when s.remembered then coalesce(v.remember_max_s, v.session_max_s) else v.session_max_s end))`

/** The browser's use of a session is written at most this often: a twentieth of its idle time, at most a minute, at least a second. */
export const touchIsDue = `s.last_seen_at < clock_now() - make_interval(secs => greatest(1, least(60, ${sessionIdle} / 20)))`

const isDead = (atHand: string): string => `(s.id is null or s.revoked_at is not null
        or s.created_pos < greatest(v.ended_pos, u.ended_pos)
        or s.auth_time < greatest(v.not_before, u.not_before)
        or ${sessionMaxEnds} <= clock_now()
        or ${sessionIsIdle(atHand)})`

/** The session `s` is over, or there is none. A line drawn for a client never ends a session. */
export const sessionIsDead = isDead('s.last_seen_at')

/** The same of the session of the grant `g`, which most often says by itself that it is used. */
export const sessionOfGrantIsDead = isDead('greatest(s.last_seen_at, g.active_at)')

/** The same, or its user may not be there any more: for lists and counts, where no user was proven to be. */
export const sessionIsOver = `(u.id is null or u.disabled_at is not null or ${sessionIsDead})`

/** Seconds that the grant `g` may go without a refresh. Its client may shorten what the server allows. */
export const grantIdle = `least(g.idle_s, case when g.offline then v.offline_idle_s else v.refresh_idle_s end,
        case when g.offline then c.offline_idle_s else c.idle_s end)`

/** When the grant `g` ends if it is not refreshed. */
export const grantIdleEnds = `(g.rt_rotated_at + make_interval(secs => ${grantIdle}))`

/** When it ends whatever happens, counted from its beginning. */
export const grantMaxEnds = `least(g.expires_at, g.created_at + make_interval(secs => least(
        case when g.offline then v.offline_max_s else v.refresh_max_s end, case when g.offline then c.offline_max_s else c.max_s end)))`

/** The grant `g` has run out by time: these are its `grantMaxEnds` and `grantIdle`, or columns that hold them. */
export const grantRunsOut = (maxEnds: string, idle: string): string =>
  `(${maxEnds} <= clock_now() or g.rt_rotated_at + make_interval(secs => ${idle}) <= clock_now())`

/** The grant `g` has run out by time. */
export const grantIsExpired = grantRunsOut(grantMaxEnds, grantIdle)

/** Someone withdrew what the grant `g` rests on: the consent, the offline access, or the client's right to refresh. */
export const grantIsWithdrawn = `(not ('refresh_token' = any(c.grant_types))
        or (g.offline and not ('offline_access' = any(c.scopes)))
        or (not c.skip_consent and not exists (
          select 1 from consents k where k.user_id = g.user_id and k.client = g.client and k.scopes @> string_to_array(g.scope, ' '))))`

/** The grant `g` gives nothing any more, whatever its session does. */
export const grantIsOver = `(g.revoked_at is not null or u.id is null or c.id is null
        or u.disabled_at is not null or c.disabled_at is not null
        or g.created_pos < greatest(v.ended_pos, u.ended_pos, c.ended_pos)
        or g.auth_time < greatest(v.not_before, u.not_before, c.not_before)
        or ${grantIsExpired})`

/** The same, or it is online and its session is dead: for lists and counts. The statements that decide know which of these terms it was. */
export const grantIsDead = `(${grantIsOver} or (not g.offline and ${sessionOfGrantIsDead}))`

/** An instant as tokens name it: the whole seconds since 1970. */
export const inSeconds = (instant: string): string => `floor(date_part('epoch', ${instant}))::bigint`

/** Least `iat` of a new token in whole seconds; services that compare `iat` with /not-before must accept it. */
export const issuedAt = (floor: string): string => `greatest(${inSeconds('clock_now()')}, ${floor})`

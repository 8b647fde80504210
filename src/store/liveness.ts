// Whether a session lives is one SQL expression, used by every statement: two implementations would come to disagree.
// Aliases: s sessions, u users, v server, c clients, g grants, h feed_head.

/** The session `s` is over, or there is none. A line drawn for a client never ends a session. */
export const sessionIsDead = `(s.id is null or s.revoked_at is not null
        or s.created_pos < greatest(v.ended_pos, u.ended_pos)
        or s.auth_time < greatest(v.not_before, u.not_before)
        or s.expires_at <= clock_now()
        or s.last_seen_at + make_interval(secs => s.idle_s) <= clock_now())`

/** Someone withdrew what the grant `g` rests on: the consent, the offline access, or the client's right to refresh. */
export const grantIsWithdrawn = `(not ('refresh_token' = any(c.grant_types))
        or (g.offline and not ('offline_access' = any(c.scopes)))
        or (not c.skip_consent and not exists (
          select 1 from consents k where k.user_id = g.user_id and k.client = g.client and k.scopes @> string_to_array(g.scope, ' '))))`

/** The grant `g` gives nothing any more: for lists and counts. The statements that decide know which of these terms it was. */
export const grantIsDead = `(g.revoked_at is not null or u.id is null or c.id is null
        or u.disabled_at is not null or c.disabled_at is not null
        or g.created_pos < greatest(v.ended_pos, u.ended_pos, c.ended_pos)
        or g.auth_time < greatest(v.not_before, u.not_before, c.not_before)
        or g.expires_at <= clock_now()
        or g.rt_rotated_at + make_interval(secs => g.idle_s) <= clock_now()
        or (not g.offline and ${sessionIsDead}))`

/** Least `iat` of a new token in whole seconds; services that compare `iat` with /not-before must accept it. */
export const issuedAt = (floor: string): string => `greatest(floor(extract(epoch from clock_now()))::bigint, ${floor})`

import type { RequestedClaims } from '../domain/claims.ts'
import { combined, inPlace } from './combiner.ts'
import type { Queries, Statement } from './database.ts'
import {
  grantIdleEnds,
  grantIsExpired,
  grantIsWithdrawn,
  grantMaxEnds,
  sessionIdleEnds,
  sessionMaxEnds,
  sessionOfGrantIsDead,
} from './liveness.ts'

/** Why an access token is dead although its signature is good. */
export type DeadBecause = 'disabled' | 'revoked' | 'not_before' | 'expired' | 'session_dead'

export interface Liveness {
  /** Null: alive. */
  readonly why: DeadBecause | null
  /** The claims a user may appear with; only when asked for. */
  readonly userClaims: Record<string, unknown> | null
  readonly requestedClaims: RequestedClaims | null
  /** The client that asks was disabled, however well its instance remembers it. */
  readonly callerIsDisabled: boolean
}

export interface TokenFacts {
  readonly clientId: string
  readonly grantId?: string
  readonly sessionId?: string
  readonly rvp: number
  /** `auth_time` or, in a token without one, `iat` (seconds). */
  readonly authTimeSeconds: number
  readonly expSeconds: number
  readonly jti: string
  readonly kid: string
  readonly withUserClaims: boolean
  /** Row id of the client that asks. */
  readonly caller?: string
}

/*
 * One read, no lock, no touch: looking at a session is not using it. Every term of liveness stands here, so that a verifier with the feed
 * and this statement agree. A user's token of an online grant has gid and sid, of an offline grant gid only, client_credentials neither.
 */
const readLiveness: Statement = {
  name: 'introspect',
  text: `
select t.place::int, case
    when to_timestamp(t.exp) <= clock_now()                                                            then 'expired'
    when c.disabled_at is not null                                                                     then 'disabled'
    when t.rvp < greatest(v.ended_pos, c.ended_pos)                                                    then 'revoked'
    when to_timestamp(t.auth_time) < greatest(v.not_before, c.not_before)                              then 'not_before'
    when exists (select 1 from revoked_jtis j where j.jti = t.jti)                                     then 'revoked'
    when exists (select 1 from signing_keys k where k.kid = t.kid and k.compromised_at is not null)    then 'revoked'
    when t.grant_id is null                                                                            then null
    when g.id is null or g.client <> c.id or g.revoked_at is not null                                  then 'revoked'
    when u.id is null or u.disabled_at is not null                                                     then 'disabled'
    when least(t.rvp, g.created_pos) < greatest(v.ended_pos, u.ended_pos)
      or g.created_pos < c.ended_pos                                                                   then 'revoked'
    when least(to_timestamp(t.auth_time), g.auth_time) < greatest(v.not_before, u.not_before, c.not_before) then 'not_before'
    when ${grantIsExpired}                                                                             then 'expired'
    when g.offline                                                                                     then null
    when s.id is distinct from t.session_id or ${sessionOfGrantIsDead}                                 then 'session_dead'
  end as why,
  case when t.with_claims then standard_claims(u) end as "userClaims",
  case when t.with_claims then g.claims -> 'userinfo' end as "requestedClaims",
  exists (select 1 from clients o where o.id = t.caller and o.disabled_at is not null) as "callerIsDisabled"
from unnest($1::text[], $2::uuid[], $3::uuid[], $4::bigint[], $5::double precision[], $6::uuid[], $7::text[], $8::double precision[], $9::boolean[], $10::uuid[])
  with ordinality as t (client_id, grant_id, session_id, rvp, auth_time, jti, kid, exp, with_claims, caller, place)
join clients c on c.client_id = t.client_id
join server v on v.id = 1
left join grants g on g.id = t.grant_id
left join users u on u.id = g.user_id
left join sessions s on s.id = g.session_id and not g.offline`,
}

/**
 * Whether an access token of ours, whose signature was checked, is alive now; read together with those that are asked for at the same moment.
 * Undefined: its client is gone.
 */
export const readTokenLiveness = combined<TokenFacts, Liveness | undefined>({
  concurrency: 2,
  run: async (db, batch) => {
    const rows = await db.run<Liveness & { readonly place: number }>(readLiveness, [
      batch.map(({ clientId }) => clientId),
      batch.map(({ grantId }) => grantId ?? null),
      batch.map(({ sessionId }) => sessionId ?? null),
      batch.map(({ rvp }) => rvp),
      batch.map(({ authTimeSeconds }) => authTimeSeconds),
      batch.map(({ jti }) => jti),
      batch.map(({ kid }) => kid),
      batch.map(({ expSeconds }) => expSeconds),
      batch.map(({ withUserClaims }) => withUserClaims),
      batch.map(({ caller }) => caller ?? null),
    ])
    return inPlace(rows, batch.length)
  },
})

export interface RefreshTokenLiveness {
  readonly alive: boolean
  readonly scope: string
  readonly userId: string
  readonly expiresAt: Date
  readonly issuedAt: Date
}

const readRefreshToken: Statement = {
  name: 'introspect_refresh_token',
  text: `
select g.rt_gen = $2::int and g.revoked_at is null and u.disabled_at is null and c.disabled_at is null
    and g.created_pos >= greatest(v.ended_pos, u.ended_pos, c.ended_pos)
    and g.auth_time >= greatest(v.not_before, u.not_before, c.not_before)
    and not ${grantIsExpired}
    and (g.offline or not ${sessionOfGrantIsDead}) and not ${grantIsWithdrawn} as alive,
  g.scope, g.user_id as "userId", g.rt_rotated_at as "issuedAt",
  least(${grantMaxEnds}, ${grantIdleEnds}, ${sessionMaxEnds}, ${sessionIdleEnds}) as "expiresAt"
from grants g join users u on u.id = g.user_id join clients c on c.id = g.client join server v on v.id = 1
left join sessions s on s.id = g.session_id and not g.offline
where g.id = $1::uuid and g.rt_nonce_hash = $3::bytea and g.client = $4::uuid`,
}

/** The same for a refresh token, shown to its own client only. */
export async function readRefreshTokenLiveness(
  db: Queries,
  token: { grantId: string; generation: number; nonceHash: Buffer; client: string },
): Promise<RefreshTokenLiveness | undefined> {
  const rows = await db.run<RefreshTokenLiveness>(readRefreshToken, [
    token.grantId,
    token.generation,
    token.nonceHash,
    token.client,
  ])
  return rows[0]
}

const readOwner: Statement = {
  name: 'owner_of_refresh_token',
  text: `select client from grants where id = $1::uuid and rt_nonce_hash = $2::bytea`,
}

/** Which client a refresh token belongs to, whatever its generation or age: what RFC 7009 needs to know. */
export async function ownerOfRefreshToken(
  db: Queries,
  token: { grantId: string; nonceHash: Buffer },
): Promise<string | undefined> {
  const [row] = await db.run<{ client: string }>(readOwner, [token.grantId, token.nonceHash])
  return row?.client
}

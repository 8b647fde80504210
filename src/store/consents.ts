import type { Actor } from '../domain/ending.ts'
import type { Queries, Statement } from './database.ts'

const grantConsent: Statement = {
  name: 'grant_consent',
  text: `
with k as (
  insert into consents (user_id, client, scopes) values ($1::uuid, $2::uuid, $3::text[])
  on conflict (user_id, client) do update set granted_at = clock_now(),
    scopes = (select array_agg(distinct x) from unnest(consents.scopes || excluded.scopes) x)
)
insert into audit_events (type, actor, target_kind, target_id, user_id, ip, request_id, detail)
values ('consent.granted', $4::text, 'client', $2::text, $1::uuid, $5::text, $6::text, jsonb_build_object('scopes', $3::text[]))`,
}

/** Remembers what a user allowed a client; adds to what was allowed before. */
export async function rememberConsent(
  db: Queries,
  consent: { userId: string; client: string; scopes: readonly string[] },
  actor: Actor,
): Promise<void> {
  const values = [consent.userId, consent.client, consent.scopes, actor.id, actor.ip ?? null, actor.requestId ?? null]
  await db.run(grantConsent, values)
}

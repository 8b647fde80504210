import type { Queries, Statement } from './database.ts'

const hashes: Statement = {
  name: 'read_current_secret_hashes',
  text: `
select c.client_id as "clientId", array_agg(s.hash order by s.hash) as hashes
from client_secrets s join clients c on c.id = s.client where s.expires_at is null group by c.client_id`,
}

/** The hashes of the secrets of every client that are to stay, by client_id. */
export async function readCurrentSecretHashes(db: Queries): Promise<ReadonlyMap<string, readonly Buffer[]>> {
  const rows = await db.run<{ clientId: string; hashes: Buffer[] }>(hashes, [])
  return new Map(rows.map((row) => [row.clientId, row.hashes]))
}

const sessions: Statement = {
  name: 'lock_sessions_of_users',
  text: `
select count(*) from (
  select from sessions where user_id = any($1::uuid[]) and revoked_at is null order by id for no key update) locked`,
}
const grants: Statement = {
  name: 'lock_grants_of_users',
  text: `
select count(*) from (
  select from grants where user_id = any($1::uuid[]) and revoked_at is null order by id for no key update) locked`,
}

/**
 * Locks what the endings of several users will end. The first of them takes the head, after which no other lock may be waited for: whoever
 * ends one of these sessions meanwhile holds it and waits for the head.
 */
export async function lockRowsOfUsers(tx: Queries, userIds: readonly string[]): Promise<void> {
  await tx.run(sessions, [userIds])
  await tx.run(grants, [userIds])
}

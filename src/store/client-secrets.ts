import { sql } from 'kysely'
import type { Queries } from './database.ts'

const isAlive = sql<boolean>`(expires_at is null or expires_at > clock_now())`

export async function insertClientSecret(tx: Queries, client: string, hash: Buffer): Promise<void> {
  await tx.kysely.insertInto('client_secrets').values({ client, hash }).execute()
}

/** The hashes of the secrets that are to stay: those of a rotation that is under way are left out. */
export async function listCurrentSecretHashes(db: Queries, client: string): Promise<Buffer[]> {
  const rows = await db.kysely
    .selectFrom('client_secrets')
    .select('hash')
    .where('client', '=', client)
    .where('expires_at', 'is', null)
    .execute()
  return rows.map((row) => row.hash)
}

/** Lets the secrets that work now expire after so many seconds, none later than it would have. Returns the last of these instants. */
export async function expireSecrets(tx: Queries, client: string, seconds: number): Promise<Date | undefined> {
  const rows = await tx.kysely
    .updateTable('client_secrets')
    .set({ expires_at: sql<Date>`least(expires_at, clock_now() + make_interval(secs => ${seconds}::int))` })
    .where('client', '=', client)
    .where(isAlive)
    .returning('expires_at')
    .execute()
  const instants = rows.flatMap((row) => row.expires_at ?? []).sort((a, b) => a.getTime() - b.getTime())
  return instants.at(-1)
}

/** Deletes the secrets of a client that no longer authenticates. */
export async function deleteSecrets(tx: Queries, client: string): Promise<void> {
  await tx.kysely.deleteFrom('client_secrets').where('client', '=', client).execute()
}

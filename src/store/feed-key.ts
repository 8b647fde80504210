import type { Queries, Statement } from './database.ts'

const readKey: Statement = { name: 'read_feed_key', text: 'select key from feed_head where id = 1' }
const writeKey: Statement = {
  name: 'write_feed_key',
  text: 'update feed_head set key = $1::bytea where id = 1 and key is null',
}

/** The sealed key that hides user and client ids in the feed; `make` is called when there is none yet. The same on every instance. */
export async function readOrMakeFeedKey(db: Queries, make: () => Buffer): Promise<Buffer> {
  const existing = await db.run<{ key: Buffer | null }>(readKey, [])
  if (existing[0]?.key) return existing[0].key
  await db.run(writeKey, [make()])
  const [made] = await db.run<{ key: Buffer | null }>(readKey, [])
  if (!made?.key) throw new Error('feed_head has no row')
  return made.key
}

const replaceKey: Statement = {
  name: 'replace_feed_key',
  text: 'update feed_head set key = $2::bytea where id = 1 and key = $1::bytea',
}

/** Stores the same key sealed anew, unless another instance did so meanwhile. */
export async function replaceFeedKey(db: Queries, before: Buffer, after: Buffer): Promise<void> {
  await db.run(replaceKey, [before, after])
}

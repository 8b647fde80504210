import type { Queries, Statement } from './database.ts'

const lock: Statement = {
  name: 'lock_configuration',
  text: `select pg_advisory_xact_lock(hashtext('falconer.configuration'))`,
}

/** One instance at a time brings in what its environment and its file declare; the others wait and then find it there. */
export async function lockConfiguration(tx: Queries): Promise<void> {
  await tx.run(lock, [])
}

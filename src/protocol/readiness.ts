import { hasAuditPartitionAhead } from '../store/audit-partitions.ts'
import { readClock } from '../store/not-before.ts'
import type { Tools } from './tools.ts'

/** What serving takes: a database that answers, and the keys that sign by default. @throws {Unavailable} */
export async function requireReady({ db, keys }: Tools): Promise<void> {
  await Promise.all([readClock(db), keys.signer('ES256'), keys.signer('RS256')])
}

/** What an operator should look into while the server goes on serving. @throws {Unavailable} */
export async function readWarnings({ db }: Tools): Promise<string[]> {
  return (await hasAuditPartitionAhead(db)) ? [] : ['audit_partition_missing']
}

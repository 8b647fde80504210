import { readClock } from '../store/not-before.ts'
import type { Tools } from './tools.ts'

/** What serving takes: a database that answers, and the keys that sign by default. @throws {Unavailable} */
export async function requireReady({ db, keys }: Tools): Promise<void> {
  await Promise.all([readClock(db), keys.signer('ES256'), keys.signer('RS256')])
}

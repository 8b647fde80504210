import type { Session } from '../domain/session.ts'
import { findSession } from '../store/sessions.ts'
import type { Tools } from './tools.ts'

/** The live session that a browser's cookie names. */
export async function currentSession(
  cookie: { id: string; secretHash: Buffer },
  tools: Tools,
): Promise<Session | undefined> {
  return findSession(tools.db, cookie)
}

import { createHmac } from 'node:crypto'
import { equalBytes } from './equal.ts'
import { deriveKey, type MasterKeys } from './master-keys.ts'

/** Form tokens bound to a subject such as `login:<handle>`; nothing is stored. */
export interface CsrfTokens {
  issue(subject: string): string
  /** Whether the token was issued for this subject under any loaded master key. */
  check(subject: string, token: string | undefined): boolean
}

/**
 * Form tokens as HMACs of their subject (OWASP's HMAC-based pattern).
 * @throws {Error} when there is no master key
 */
export function createCsrfTokens(masterKeys: MasterKeys): CsrfTokens {
  const keys = masterKeys.map((master) => deriveKey(master, 'csrf token'))
  const [current] = keys
  if (current === undefined) throw new Error('MASTER_KEYS holds no key')
  return {
    issue: (subject) => tokenOf(current, subject),
    check(subject, token) {
      if (token === undefined) return false
      const presented = Buffer.from(token)
      return keys.some((key) => equalBytes(Buffer.from(tokenOf(key, subject)), presented))
    },
  }
}

function tokenOf(key: Buffer, subject: string): string {
  return createHmac('sha256', key).update(subject).digest('base64url')
}

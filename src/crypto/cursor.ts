import { createHmac } from 'node:crypto'
import { equalBytes } from './equal.ts'
import { deriveKey, type MasterKeys } from './master-keys.ts'

/** Where a list goes on, as an opaque text that nobody else can make; bound to the name of its list. */
export interface Cursors {
  write(list: string, position: readonly string[]): string
  /** The position, or undefined for a cursor that was not made here or is for another list. */
  read(list: string, cursor: string): string[] | undefined
}

const maxLength = 2000
const tagBytes = 16

/**
 * Cursors signed with HMAC-SHA-256; those of every loaded master key are accepted.
 * @throws {Error} when there is no master key
 */
export function createCursors(masterKeys: MasterKeys): Cursors {
  const keys = masterKeys.map((master) => deriveKey(master, 'list cursor'))
  const [current] = keys
  if (current === undefined) throw new Error('MASTER_KEYS holds no key')
  return {
    write(list, position) {
      const payload = Buffer.from(JSON.stringify(position)).toString('base64url')
      return `${payload}.${tag(current, list, payload).toString('base64url')}`
    },
    read(list, cursor) {
      if (cursor.length > maxLength) return undefined
      const [payload = '', signature = '', ...rest] = cursor.split('.')
      const presented = Buffer.from(signature, 'base64url')
      const isOurs = keys.some((key) => equalBytes(tag(key, list, payload), presented))
      if (rest.length > 0 || !isOurs) return undefined
      return JSON.parse(Buffer.from(payload, 'base64url').toString())
    },
  }
}

// The name is set off by a character that no name has, so that one list's cursor cannot be read as another's.
function tag(key: Buffer, list: string, payload: string): Buffer {
  return createHmac('sha256', key).update(`${list}\n${payload}`).digest().subarray(0, tagBytes)
}

import { hkdfSync, randomBytes } from 'node:crypto'

/** The 32-byte keys that every other secret of the server is derived from or wrapped by; the first is the one in use. */
export type MasterKeys = readonly Buffer[]

const keyBytes = 32

/**
 * The keys of a `MASTER_KEYS` setting: comma-separated, base64url without padding.
 * @throws {Error} naming the position of a bad key and never its value
 */
export function parseMasterKeys(text: string): Buffer[] {
  const keys: Buffer[] = []
  for (const [index, part] of text.split(',').entries()) {
    const written = part.trim()
    const key = Buffer.from(written, 'base64url')
    if (key.length !== keyBytes || key.toString('base64url') !== written)
      throw new Error(`MASTER_KEYS: key ${index + 1} is not ${keyBytes} bytes of base64url`)
    const same = keys.findIndex((earlier) => earlier.equals(key))
    if (same !== -1) throw new Error(`MASTER_KEYS: key ${index + 1} is the same as key ${same + 1}`)
    keys.push(key)
  }
  return keys
}

/** A key for one purpose only (HKDF-SHA-256, RFC 5869): knowing it tells nothing about the master key or its siblings. */
export function deriveKey(master: Buffer, purpose: string, bytes = keyBytes): Buffer {
  return Buffer.from(hkdfSync('sha256', master, '', `falconer ${purpose}`, bytes))
}

/** A new random master key in the form in which `MASTER_KEYS` takes it. */
export function generateMasterKey(): string {
  return randomBytes(keyBytes).toString('base64url')
}

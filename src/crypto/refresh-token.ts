import { randomBytes } from 'node:crypto'
import { equalBytes } from './equal.ts'
import { sha256 } from './hash.ts'
import { createMac, type Mac } from './mac.ts'
import { deriveKey, type MasterKeys } from './master-keys.ts'
import { checksum } from './opaque-token.ts'

/** What an authentic refresh token says; whether it is still good, only its grant's row knows. */
export type PresentedRefreshToken = {
  grantId: string
  nonce: Buffer
  /** SHA-256 of the nonce, as the grant's row keeps it: neither the row nor the pepper alone makes a token. */
  nonceHash: Buffer
  generation: number
  /** The pepper it was made with; a retry is answered under the same one, so that the string is the same. */
  keyId: number
}

/** Writes and reads refresh tokens: grant, nonce and generation under a MAC, so that a forged one never costs a query. */
export interface RefreshTokens {
  /** The 16 random bytes that a new grant's tokens carry for its whole life. */
  newNonce(): { nonce: Buffer }
  /** @throws {Error} when `keyId` is not loaded or a part does not fit its field */
  encode(parts: { grantId: string; nonce: Buffer; generation: number; keyId?: number }): string
  /** The parts of an authentic token in its one valid spelling, or undefined. */
  parse(text: string): PresentedRefreshToken | undefined
}

const prefix = 'flc_rt_'
const version = 1
// version 1 | key id 1 | grant id 16 | nonce 16 | generation 4, big-endian | tag 16
const grantAt = 2
const nonceAt = 18
const generationAt = 34
const tagAt = 38
const totalBytes = 54
// A whole number of three bytes each, so a text in this alphabet has one reading, and a reading one text: no second spelling of a token.
const shape = /^(flc_rt_([A-Za-z0-9_-]{72}))_([0-9A-Za-z]{6})$/
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * Refresh tokens under the peppers of all master keys; new families use the first.
 * @throws {Error} when two peppers share a key id, because a token could then not tell which one made it
 */
export function createRefreshTokens(masterKeys: MasterKeys): RefreshTokens {
  const macs = loadPeppers(masterKeys)
  const [currentKeyId] = macs.keys()
  if (currentKeyId === undefined) throw new Error('MASTER_KEYS holds no key')

  return {
    newNonce: () => ({ nonce: randomBytes(16) }),
    encode({ grantId, nonce, generation, keyId = currentKeyId }) {
      const macOf = macs.get(keyId)
      if (macOf === undefined) throw new Error(`no master key has the refresh token key id ${keyId}`)
      if (!uuid.test(grantId) || nonce.length !== 16) throw new TypeError('a grant id is a UUID, a nonce 16 bytes')
      const bytes = Buffer.allocUnsafe(totalBytes)
      bytes[0] = version
      bytes[1] = keyId
      bytes.write(grantId.replaceAll('-', ''), grantAt, 'hex')
      nonce.copy(bytes, nonceAt)
      // Writing refuses what is out of range, and would cut a fraction off in silence.
      if (!Number.isInteger(generation)) throw new TypeError('a generation is a whole number')
      bytes.writeUInt32BE(generation, generationAt)
      macOf(bytes.subarray(0, tagAt)).copy(bytes, tagAt, 0, totalBytes - tagAt)
      const body = prefix + bytes.toString('base64url')
      return `${body}_${checksum(body)}`
    },
    parse(text) {
      const [, body = '', written = '', sum] = shape.exec(text) ?? []
      if (sum === undefined || checksum(body) !== sum) return undefined
      const bytes = Buffer.from(written, 'base64url')
      const keyId = bytes.readUInt8(1)
      const macOf = macs.get(keyId)
      if (bytes[0] !== version || macOf === undefined) return undefined
      const tag = macOf(bytes.subarray(0, tagAt)).subarray(0, totalBytes - tagAt)
      if (!equalBytes(tag, bytes.subarray(tagAt))) return undefined
      const nonce = bytes.subarray(nonceAt, generationAt)
      return {
        grantId: formatUuid(bytes.toString('hex', grantAt, nonceAt)),
        nonce,
        nonceHash: sha256(nonce),
        generation: bytes.readUInt32BE(generationAt),
        keyId,
      }
    },
  }
}

/** A MAC under the pepper of each master key, by key id. */
function loadPeppers(masterKeys: MasterKeys): ReadonlyMap<number, Mac> {
  const macs = new Map<number, Mac>()
  for (const master of masterKeys) {
    const pepper = deriveKey(master, 'refresh token')
    // The id comes from the key, not from its place in the list: the list may be reordered.
    const keyId = sha256(pepper).readUInt8(0)
    if (macs.has(keyId)) throw new Error('two of MASTER_KEYS have the same refresh token key id: replace the newer')
    macs.set(keyId, createMac(pepper))
  }
  return macs
}

function formatUuid(hex: string): string {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

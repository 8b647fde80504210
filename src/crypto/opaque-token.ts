import { randomBytes } from 'node:crypto'

/** What an opaque secret is: an authorization code, a client secret, or the code of a set-up link. */
export type OpaqueKind = 'ac' | 'cs' | 'sl'

/** Finds any secret of this server in a text, for secret scanners; group-free and without flags so that its source can be published. */
export const tokenPattern = /flc_(?:rt_[A-Za-z0-9_-]{72}|(?:ac|cs|sl)_[A-Za-z0-9_-]{43})_[0-9A-Za-z]{6}/

const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const checksumLength = 6
// 32 bytes are 43 characters, the last of which carries only four bits.
const opaque = /^flc_(ac|cs|sl)_[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]_[0-9A-Za-z]{6}$/

/** A new secret of 256 random bits in the form `flc_<kind>_<secret>_<checksum>`; only its SHA-256 is to be stored. */
export function createOpaqueToken(kind: OpaqueKind): string {
  const body = `flc_${kind}_${randomSecret()}`
  return `${body}_${checksum(body)}`
}

/** Whether this could be a secret that we made: anything else is refused before it costs a database round trip. */
export function parseOpaqueToken(kind: OpaqueKind, text: string): boolean {
  if (opaque.exec(text)?.[1] !== kind) return false
  const end = text.length - checksumLength
  return checksum(text.slice(0, end - 1)) === text.slice(end)
}

/** Random bytes as base64url: state, handles and whatever else must not be guessed. */
export function randomSecret(bytes = 32): string {
  return randomBytes(bytes).toString('base64url')
}

/** CRC-32 of a text as six base62 digits: tells a typing error or a scanner's false find from a secret, and proves nothing. */
export function checksum(text: string): string {
  let rest = crc32(text)
  let written = ''
  for (let position = 0; position < checksumLength; position++) {
    written = digits.charAt(rest % 62) + written
    rest = Math.floor(rest / 62)
  }
  return written
}

const crcTable = Uint32Array.from({ length: 256 }, (_, index) => {
  let value = index
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1
  return value
})

// ASCII only: every text that is summed here has been matched against an ASCII pattern or was made by us.
function crc32(text: string): number {
  let crc = 0xffffffff
  for (let index = 0; index < text.length; index++)
    crc = (crc >>> 8) ^ (crcTable[(crc ^ text.charCodeAt(index)) & 0xff] ?? 0)
  return (crc ^ 0xffffffff) >>> 0
}

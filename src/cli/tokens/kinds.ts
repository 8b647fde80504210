import { checksum, parseOpaqueToken } from '../../crypto/opaque-token.ts'
import type { Document } from '../../domain/field.ts'

/** What a text is, by its form alone. */
export type Recognized =
  | { readonly kind: 'access_token' | 'id_token' | 'jwt'; readonly header: Document; readonly claims: Document }
  | { readonly kind: 'refresh_token'; readonly keyId: number; readonly grantId: string; readonly generation: number }
  | { readonly kind: 'authorization_code' | 'client_secret' }
  | { readonly kind: 'damaged'; readonly what: string }
  | { readonly kind: 'unknown' }

const prefixes = {
  flc_rt_: 'refresh token',
  flc_ac_: 'authorization code',
  flc_cs_: 'client secret',
  flc_sl_: 'set-up code',
} as const

/** Tells a token or a secret of this server by its form. Nothing secret of it is in the answer. */
export function recognize(text: string): Recognized {
  const prefix = Object.entries(prefixes).find(([start]) => text.startsWith(start))
  if (prefix) return recognizeOpaque(text, prefix[1])
  const parts = text.split('.')
  const [header, claims] = parts.length === 3 ? [decode(parts[0]), decode(parts[1])] : []
  if (!header || !claims) return { kind: 'unknown' }
  const typ = (typeof header['typ'] === 'string' ? header['typ'] : 'JWT').toLowerCase()
  const kind = ({ 'at+jwt': 'access_token', 'application/at+jwt': 'access_token', jwt: 'id_token' } as const)[typ]
  return { kind: kind ?? 'jwt', header, claims }
}

function recognizeOpaque(text: string, what: string): Recognized {
  if (parseOpaqueToken('ac', text)) return { kind: 'authorization_code' }
  if (parseOpaqueToken('cs', text)) return { kind: 'client_secret' }
  return refreshToken(text) ?? { kind: 'damaged', what }
}

// version 1 | key id 1 | grant id 16 | nonce 16 | generation 4, big-endian | tag 16: only the server can check the tag.
function refreshToken(text: string): Recognized | undefined {
  const [, encoded = '', sum] = /^flc_rt_([A-Za-z0-9_-]{72})_([0-9A-Za-z]{6})$/.exec(text) ?? []
  if (sum === undefined || checksum(`flc_rt_${encoded}`) !== sum) return undefined
  const bytes = Buffer.from(encoded, 'base64url')
  if (bytes.length !== 54 || bytes[0] !== 1) return undefined
  const hex = bytes.toString('hex', 2, 18)
  const grantId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return { kind: 'refresh_token', keyId: bytes.readUInt8(1), grantId, generation: bytes.readUInt32BE(34) }
}

function decode(part: string | undefined): Document | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Document) : undefined
  } catch {
    return undefined
  }
}

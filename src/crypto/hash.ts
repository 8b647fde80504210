import { hash } from 'node:crypto'

/** SHA-256 of bytes or of a text's UTF-8; fast, so only for what is random enough not to be guessed. */
export function sha256(data: string | Uint8Array): Buffer {
  return hash('sha256', data, 'buffer')
}

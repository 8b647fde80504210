import { hash } from 'node:crypto'

/** SHA-256 of bytes or of a text's UTF-8; fast, so only for what is random enough not to be guessed. */
export function sha256(data: string | Uint8Array): Buffer {
  // By way of a text: a Buffer that the library allocates has memory of its own, which costs twice the hash.
  return Buffer.from(hash('sha256', data, 'binary'), 'latin1')
}

import { sha256 } from './hash.ts'

/** The tag of a message, 32 bytes. */
export type Mac = (message: Uint8Array) => Buffer

const blockBytes = 64

/**
 * HMAC-SHA-256 under one key (RFC 2104 §2), from two hashes: an Hmac of `node:crypto` is an object that the collector has to finish, and two of them
 * took 6 % of a refresh; so they take half of that.
 * @throws {RangeError} for a key of more than 64 bytes, which would have to be hashed first
 */
export function createMac(key: Uint8Array): Mac {
  if (key.length > blockBytes) throw new RangeError(`a key has at most ${blockBytes} bytes`)
  const block = Buffer.alloc(blockBytes)
  block.set(key)
  const inner = block.map((byte) => byte ^ 0x36)
  const outer = block.map((byte) => byte ^ 0x5c)
  return (message) => sha256(Buffer.concat([outer, sha256(Buffer.concat([inner, message]))]))
}

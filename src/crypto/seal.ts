import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { equalBytes } from './equal.ts'
import { sha256 } from './hash.ts'
import { deriveKey, type MasterKeys } from './master-keys.ts'

/** Keeps secrets at rest: what it returns may lie in a database or a backup. */
export interface Seal {
  /** Encrypts under a fresh data key; `context` says what and whose this is, and must be the same at opening. */
  seal(plaintext: Uint8Array, context: string): Buffer
  /** @throws {Error} when no loaded master key fits, or when the bytes or the context are not what was sealed */
  open(sealed: Uint8Array, context: string): Buffer
  /** Whether the first master key sealed this; if not, it should be opened and sealed again. */
  isCurrent(sealed: Uint8Array): boolean
}

// version 1 | master key id 8 | data key: nonce 12, key 32, tag 16 | content: nonce 12, bytes, tag 16
const version = 1
const idBytes = 8
const headerBytes = 1 + idBytes
const nonceBytes = 12
const tagBytes = 16
const dataKeyBytes = 32
const wrappedBytes = nonceBytes + dataKeyBytes + tagBytes
const overheadBytes = headerBytes + wrappedBytes + nonceBytes + tagBytes

/** Envelope encryption with AES-256-GCM: each value has its own key, which the first master key wraps and any loaded one unwraps. */
export function createSeal(masterKeys: MasterKeys): Seal {
  const wrappers = masterKeys.map((master) => {
    const key = deriveKey(master, 'seal')
    const id = sha256(deriveKey(master, 'seal id')).subarray(0, idBytes)
    return { key, header: Buffer.concat([Buffer.of(version), id]) }
  })
  const current = wrappers[0]
  if (current === undefined) throw new Error('MASTER_KEYS holds no key')

  return {
    seal(plaintext, context) {
      const dataKey = randomBytes(dataKeyBytes)
      // The header is authenticated with the data key only, so that a re-wrap need not touch the content.
      const wrapped = encrypt(current.key, dataKey, Buffer.concat([current.header, Buffer.from(context)]))
      return Buffer.concat([current.header, wrapped, encrypt(dataKey, plaintext, Buffer.from(context))])
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength)
      if (bytes.length < overheadBytes || bytes[0] !== version)
        throw new Error(`what is stored as ${context} is not sealed`)
      const header = bytes.subarray(0, headerBytes)
      const wrapper = wrappers.find((candidate) => candidate.header.equals(header))
      if (wrapper === undefined) throw new Error(`MASTER_KEYS does not hold the key that sealed ${context}`)
      try {
        const wrapped = bytes.subarray(headerBytes, headerBytes + wrappedBytes)
        const dataKey = decrypt(wrapper.key, wrapped, Buffer.concat([header, Buffer.from(context)]))
        return decrypt(dataKey, bytes.subarray(headerBytes + wrappedBytes), Buffer.from(context))
      } catch (cause) {
        throw new Error(`what is stored as ${context} was altered or belongs elsewhere`, { cause })
      }
    },
    isCurrent(sealed) {
      return equalBytes(sealed.subarray(0, headerBytes), current.header)
    },
  }
}

function encrypt(key: Buffer, plaintext: Uint8Array, context: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes })
  cipher.setAAD(context)
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: Buffer, box: Buffer, context: Buffer): Buffer {
  // Without a fixed length GCM accepts a tag cut to four bytes.
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, nonceBytes), { authTagLength: tagBytes })
  decipher.setAAD(context)
  decipher.setAuthTag(box.subarray(box.length - tagBytes))
  return Buffer.concat([decipher.update(box.subarray(nonceBytes, box.length - tagBytes)), decipher.final()])
}

// The people who sign in, the same at every server: a thousand with a password hashed as in production, a thousand whose hash costs nothing.
import { randomBytes } from 'node:crypto'
import argon2 from 'argon2'

const count = 1000
const password = randomBytes(12).toString('base64url')

const hash = (memoryCost, timeCost) =>
  argon2.hash(password, { type: argon2.argon2id, memoryCost, timeCost, parallelism: 1 })

/** Both hashes, for the user tables. */
export const passwordHashes = async () => ({ passwordHash: await hash(19_456, 2), cheapHash: await hash(8, 1) })

/** Names and passwords, each with an address of its own, so that limits count as they would in life. */
export const people = (prefix) =>
  Array.from({ length: count }, (_, i) => ({
    username: `${prefix}${i + 1}`,
    password,
    address: `10.0.${i >> 8}.${i & 255}`,
  }))

/** States that are the same at every server. */
export const commonSeeds = {
  login: async () => people('user-'),
  'login-unhashed': async () => people('cheap-'),
  'client-credentials': async (states) => Array.from({ length: states }, () => null),
  jwks: async (states) => Array.from({ length: states }, () => null),
  discovery: async (states) => Array.from({ length: states }, () => null),
}

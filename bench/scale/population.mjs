// Who is in a database: everything about row n follows from n, in SQL and here, so that nothing has to be kept of ten million.
import { createHash } from 'node:crypto'

/** Sessions began over this long before the seeding; a server with `lifetimes` lets all of them live. */
const spanMs = 20 * 86_400_000

/** Of a site whose people stay signed in: nobody's session runs out while it is measured. */
export const lifetimes = { idleSeconds: 28_800, maxSeconds: 30 * 86_400 }

/** How many rows of each kind `rows` grants come with. */
export const counts = (rows) => ({ sessions: rows, users: Math.max(1, Math.floor(rows / 2)), clients: 1000 })

/** How often the refresh token of a grant has been used before. */
export const firstGeneration = (n) => n % 100
export const firstGenerationSql = (n) => `${n} % 100`

/**
 * SQL of a UUIDv7 as `new_id()` makes it: its time, a few digits that look random, and n in the last six bytes.
 * @param {'g' | 's' | 'u' | 'c'} kind grant, session, user or client
 * @param {string} n SQL of the number of the row
 * @param {string} ms SQL of its time
 */
export const idSql = (kind, n, ms) =>
  `(lpad(to_hex(${ms}), 12, '0') || '7' || substr(md5('${kind}' || ${n}), 1, 3) || '8' || substr(md5('${kind}' || ${n}), 4, 3) ||
    lpad(to_hex(${n}), 12, '0'))::uuid`

/** SQL of when row n began. */
export const beganSql = (n, rows, seededAtMs) => `(${seededAtMs - spanMs} + ${n} * ${spanMs} / ${rows})`

/** SQL of the user that session n is of. A prime: neighbours in time are of users who are no neighbours. */
export const userSql = (n, rows) => `(${n} * 7919 % ${counts(rows).users})`

/** SQL of when user n registered, before anybody signed in. */
export const registeredSql = (n, rows, seededAtMs) =>
  `(${seededAtMs - 365 * 86_400_000} + ${n} * ${300 * 86_400_000} / ${counts(rows).users})`

/** SQL of the nonce of grant n. */
export const nonceSql = (n) => `decode(md5('nonce' || ${n}), 'hex')`

/** The same ids and nonces here. */
export function createPopulation({ rows, seededAtMs }) {
  const id = (kind, n) => {
    const ms = seededAtMs - spanMs + Math.floor((n * spanMs) / rows)
    const look = md5(`${kind}${n}`).toString('hex')
    const digits = `${hex(ms)}7${look.slice(0, 3)}8${look.slice(3, 6)}${hex(n)}`
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  }
  return {
    rows,
    grantId: (n) => id('g', n),
    sessionId: (n) => id('s', n),
    nonce: (n) => md5(`nonce${n}`),
  }
}

const md5 = (text) => createHash('md5').update(text).digest()
const hex = (number) => number.toString(16).padStart(12, '0')

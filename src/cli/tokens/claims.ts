import type { Document } from '../../domain/field.ts'
import { say } from '../columns.ts'
import { exact } from '../times.ts'

const instant = (value: unknown): string =>
  typeof value === 'number' && Math.abs(value) < 1e11 ? exact(new Date(value * 1000).toISOString()) : say(value)

/** The claims of our tokens in words, in the order in which one asks. */
const words: Readonly<Record<string, readonly [name: string, (value: unknown, claims: Document) => string]>> = {
  iss: ['issuer', say],
  aud: ['for', (value) => `${say(value)} (aud)`],
  client_id: ['client', say],
  sub: [
    'subject',
    (value, { client_id: client }) => (value === client ? `${say(value)}, the client itself` : `user ${say(value)}`),
  ],
  scope: ['scope', say],
  iat: ['issued', instant],
  exp: [
    'expires',
    (value) => `${instant(value)}${typeof value === 'number' && value * 1000 <= Date.now() ? ': expired' : ''}`,
  ],
  auth_time: ['signed in', instant],
  acr: ['acr', say],
  amr: ['how', (value) => `${say(value)} (amr)`],
  sid: ['session', (value) => `${say(value)}   falconer sessions explain tells about it`],
  gid: ['grant', (value) => `${say(value)}   falconer grants explain tells about it`],
  rvp: ['position', (value) => `${say(value)} (rvp): dead once an ending with a greater position covers it`],
  jti: ['id', say],
  nonce: ['nonce', say],
  at_hash: ['at_hash', say],
  cnf: ['bound to', say],
  act: ['acting', say],
}

export function describeClaims(claims: Document): [string, string][] {
  const known = Object.entries(words).filter(([claim]) => claim in claims)
  const others = Object.keys(claims).filter((claim) => !Object.hasOwn(words, claim))
  return [
    ...known.map(([claim, [name, describe]]): [string, string] => [name, describe(claims[claim], claims)]),
    ...others.map((claim): [string, string] => [say(claim), say(claims[claim])]),
  ]
}

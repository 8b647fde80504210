import { readKeys, rotateSigningKeys } from '../../admin/keys.ts'
import { revoke } from '../../admin/revocations.ts'
import { appliedWait } from '../prefer.ts'
import { page, revocation, rotatedKeys, signingKey } from './answers.ts'
import type { AddRoute } from './route.ts'
import { object, string } from './schema.ts'

const listing = {
  operation: 'list_keys',
  summary: 'Lists the signing keys with their states',
  answer: page(signingKey),
}
const compromise = {
  operation: 'compromise_key',
  summary: 'Ends everything that a key has signed; another key signs at once',
  params: object({ kid: string({ minLength: 1, maxLength: 100 }) }, {}),
  answer: revocation,
  confirms: () => true,
  waits: true,
} as const
const rotation = {
  operation: 'rotate_keys',
  summary: 'Publishes a new key of every algorithm; each signs from its activate_at',
  answer: rotatedKeys,
}

/** Signing keys. */
export function keyRoutes(add: AddRoute): void {
  add('GET', '/keys', 'keys:read', listing, async (_request, _caller, tools) => ({ body: await readKeys(tools) }))
  add('POST', '/keys/:kid/compromise', 'keys:write', compromise, async ({ params, waitSeconds }, { actor }, tools) => ({
    body: await revoke(params, actor, tools, waitSeconds),
    headers: appliedWait(waitSeconds),
  }))
  add('POST', '/keys/rotate', 'keys:write', rotation, async (_, { actor }, tools) => ({
    body: await rotateSigningKeys(actor, tools),
  }))
}

import type { Actor } from '../domain/ending.ts'
import { rotateKeys } from '../protocol/keys/rotation.ts'
import { listSigningKeys } from '../store/signing-keys.ts'
import { instant } from './document.ts'
import type { AdminTools } from './tools.ts'

/** Every signing key with its state; nothing private. There are few: one page. */
export async function readKeys(tools: AdminTools) {
  const keys = await listSigningKeys(tools.db, tools.keyPolicy.rotationSeconds)
  const items = keys.map((key) => ({
    kid: key.kid,
    alg: key.alg,
    state: key.state,
    created_at: key.createdAt.toISOString(),
    activate_at: key.activateAt.toISOString(),
    retire_at: instant(key.retireAt),
    remove_at: instant(key.removeAt),
  }))
  return { items, next_cursor: null }
}

/** Publishes a new key of every algorithm now; each signs from its `activate_at`. */
export async function rotateSigningKeys(actor: Actor, tools: AdminTools) {
  const made = await rotateKeys(tools.db, tools.seal, tools.keyPolicy, actor)
  tools.keys.reload()
  const items = made.map(({ kid, alg, activateAt }) => ({ kid, alg, activate_at: activateAt.toISOString() }))
  return { items, activate_at: items.at(-1)?.activate_at ?? null }
}

import type { Clock } from './clock.ts'
import { importSigningKey, type SigningKey } from './signing-key.ts'
import { held } from './waiting.ts'

/** `unknown`: the issuer has no such key. `unavailable`: nobody could be asked. `revoked`: the feed said so. */
export type KeyMiss = 'unknown' | 'unavailable' | 'revoked'

/** The issuer's public keys. What is known keeps working while the issuer is away. */
export interface IssuerKeys {
  find(kid: string): Promise<SigningKey | KeyMiss>
  refresh(): Promise<void>
  /** Lets go of the keys that the feed has revoked, for good: longer than their entries live. */
  dropRevoked(): void
  readonly size: number
}

/** A token with a kid that nobody knows must not make the issuer work each time. */
const leastPauseMs = 1000

export function createIssuerKeys(
  fetchJwks: () => Promise<string>,
  clock: Clock,
  isRevoked: (kid: string) => boolean,
): IssuerKeys {
  let keys = new Map<string, SigningKey>()
  const revoked = new Set<string>()
  let triedAtMs = Number.NEGATIVE_INFINITY
  let isKnown = false
  let running: Promise<void> | undefined

  async function load(): Promise<void> {
    triedAtMs = clock.monotonicMs()
    try {
      const document = JSON.parse(await fetchJwks()) as { keys?: unknown } | null
      if (!Array.isArray(document?.keys)) throw new Error('The JWKS has no keys')
      const imported = await Promise.all(document.keys.map(importSigningKey))
      keys = new Map(imported.filter((key) => key !== undefined).map((key) => [key.kid, key]))
      isKnown = true
      dropRevoked()
    } catch (error) {
      isKnown = false
      throw error
    }
  }

  function dropRevoked(): void {
    for (const kid of keys.keys()) if (isRevoked(kid)) revoked.add(kid)
  }

  const refresh = (): Promise<void> => {
    running ??= load().finally(() => {
      running = undefined
    })
    return running
  }

  return {
    get size() {
      return keys.size
    },
    find: async (kid) => {
      if (revoked.has(kid)) return 'revoked'
      const known = keys.get(kid)
      if (known) return known
      if (running || clock.monotonicMs() - triedAtMs >= leastPauseMs) await held(refresh().catch(() => undefined))
      if (revoked.has(kid)) return 'revoked'
      return keys.get(kid) ?? (isKnown ? 'unknown' : 'unavailable')
    },
    refresh,
    dropRevoked,
  }
}

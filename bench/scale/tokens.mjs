// Refresh tokens of random grants, each the current one of its grant.
import { firstGeneration } from './population.mjs'

const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href)

/**
 * Tokens for the grants of a database.
 * @param {Awaited<ReturnType<typeof import('./database.mjs').installSize>>} database
 */
export async function createTokens({ population, masterKeys }) {
  const { createRefreshTokens } = await built('crypto/refresh-token.js')
  const { parseMasterKeys } = await built('crypto/master-keys.js')
  const refreshTokens = createRefreshTokens(parseMasterKeys(masterKeys))
  /** How often each has been used here; those that were not are not in it. */
  const uses = new Map()

  const encode = (n) =>
    refreshTokens.encode({
      grantId: population.grantId(n),
      nonce: population.nonce(n),
      generation: firstGeneration(n) + (uses.get(n) ?? 0),
    })

  return {
    /** The tokens of up to `count` grants, no grant twice. */
    draw: (count) => {
      const drawn = sample(population.rows, Math.min(count, population.rows))
      return { drawn, tokens: drawn.map(encode) }
    },
    /** To be told of those that were used. */
    used: (drawn) => {
      for (const n of drawn) uses.set(n, (uses.get(n) ?? 0) + 1)
    },
  }
}

/** `count` different numbers below `size`: the beginning of a shuffled list of which only what was moved is kept. */
function sample(size, count) {
  const moved = new Map()
  return Array.from({ length: count }, (_, i) => {
    const j = i + Math.floor(Math.random() * (size - i))
    const taken = moved.get(j) ?? j
    moved.set(j, moved.get(i) ?? i)
    return taken
  })
}

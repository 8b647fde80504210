// Refresh tokens of random grants, each the current one of its grant.
import { firstGeneration } from './population.mjs'

const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href)

/**
 * Tokens for the grants of a database.
 * @param {Awaited<ReturnType<typeof import('./database.mjs').installSize>>} database
 */
export async function createTokens({ population, masterKeys, pool }) {
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
    /**
     * The tokens of up to `count` grants, no grant twice. Sessions that were touched a moment ago are set back, so that each refresh does
     * the same work: it rotates and touches.
     */
    draw: async (count) => {
      const drawn = sample(population.rows, Math.min(count, population.rows))
      const touched = drawn.filter((n) => uses.has(n)).map(population.sessionId)
      return { drawn, tokens: drawn.map(encode), setBack: await setBack(pool, touched) }
    },
    /** To be told of those that were used. */
    used: (drawn) => {
      for (const n of drawn) uses.set(n, (uses.get(n) ?? 0) + 1)
    },
  }
}

/** @returns how many updates that took, and how many of them were HOT: none of the load's */
async function setBack(pool, sessionIds) {
  const sum = { updates: 0, hotUpdates: 0 }
  const client = await pool.connect()
  try {
    // A commit for each part: what it leaves behind makes room for the next, as it does when people do it one by one.
    for (let from = 0; from < sessionIds.length; from += part) {
      await client.query('begin')
      // Not zero: what earlier transactions have counted may not have been passed on yet.
      const before = (await client.query(updatesSoFar)).rows[0]
      await client.query(setBackSome, [sessionIds.slice(from, from + part)])
      const after = (await client.query(updatesSoFar)).rows[0]
      // Or this connection would keep its counts to itself, and the difference would be short of them.
      await client.query('select pg_stat_force_next_flush()')
      await client.query('commit')
      sum.updates += after.updates - before.updates
      sum.hotUpdates += after.hotUpdates - before.hotUpdates
    }
  } finally {
    client.release()
  }
  return sum
}

const part = 500
const setBackSome = `update sessions set last_seen_at = clock_now() - interval '5 minutes' where id = any($1::uuid[])`
const updatesSoFar = `
  select n_tup_upd::float8 as updates, n_tup_hot_upd::float8 as "hotUpdates" from pg_stat_xact_user_tables where relname = 'sessions'`

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

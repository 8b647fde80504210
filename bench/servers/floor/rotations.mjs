import { Pool } from 'pg'

const mostInFlight = 2
const mostInBatch = 64

const statement = {
  name: 'rotate',
  // In the order of the ids, so that two statements never wait for each other.
  text: `with cur as materialized (
    select g.id from rotations g join unnest($1::uuid[], $2::int[]) as p (id, gen) on g.id = p.id and g.gen = p.gen order by g.id for no key update of g
  ) update rotations g set gen = g.gen + 1 from cur where g.id = cur.id returning g.id, g.gen, g.sub, g.scope`,
}

/** Rotates one generation at a time; those that come while a statement is under way share the next one. */
export function createRotations(databaseUrl) {
  const pool = new Pool({ connectionString: databaseUrl, max: mostInFlight })
  pool.on('error', () => {})
  let waiting = []
  let inFlight = 0
  let isScheduled = false

  const flush = async () => {
    isScheduled = false
    if (waiting.length === 0 || inFlight === mostInFlight) return
    const batch = waiting.splice(0, mostInBatch)
    inFlight++
    try {
      const values = [batch.map(({ id }) => id), batch.map(({ generation }) => generation)]
      const { rows } = await pool.query({ ...statement, values })
      const byId = new Map(rows.map((row) => [row.id, row]))
      for (const { id, resolve } of batch) {
        resolve(byId.get(id))
        // Of two with the same token one has won.
        byId.delete(id)
      }
    } catch (error) {
      for (const { reject } of batch) reject(error)
    } finally {
      inFlight--
      schedule()
    }
  }
  const schedule = () => {
    if (isScheduled || waiting.length === 0 || inFlight === mostInFlight) return
    isScheduled = true
    setImmediate(() => void flush())
  }

  return {
    /** The row after its rotation, or undefined when the generation is not the current one. */
    rotate: (presented) =>
      new Promise((resolve, reject) => {
        waiting.push({ ...presented, resolve, reject })
        schedule()
      }),
    close: () => pool.end(),
  }
}

import { randomInt } from 'node:crypto'
import { asyncModelRun, asyncProperty, check } from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { furniture, history } from './steps/index.ts'
import { notBefore } from './steps/not-before.ts'
import { authorize } from './steps/sign-in.ts'
import { advanceClock } from './steps/time.ts'
import { World } from './world.ts'

// Random histories of one server against a sequential model of it: after every step both must say the same.
//   FALCONER_SEED=…        replays a failure
//   FALCONER_MODEL_RUNS=…  histories per seed, for long runs by hand

const runs = Number(process.env['FALCONER_MODEL_RUNS'] ?? 8)
const given = process.env['FALCONER_SEED']
const seeds = given === undefined ? [1, 2, randomInt(2 ** 31)] : [Number(given)]
/** A world grows older with every history, and its months of audit partitions are made at its start. */
const historiesPerWorld = 60
const maxSteps = 50

let world: World
beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world.close())

describe('any history of one server is one that the rules allow', () => {
  it.each(seeds)('seed %i', { timeout: 3_600_000 }, async (seed) => {
    const result = await check(
      asyncProperty(history(maxSteps), async ({ furnishedFor, steps }) => {
        if (world.served >= historiesPerWorld) {
          await world.close()
          world = await World.start()
        }
        const model = await world.beginHistory()
        if (furnishedFor !== null) for (const step of furniture(furnishedFor)) await step.run(model, world)
        await asyncModelRun(() => ({ model, real: world }), steps)
      }),
      { seed, numRuns: runs },
    )
    if (!result.failed) return
    const cause = result.errorInstance instanceof Error ? result.errorInstance.message : String(result.errorInstance)
    const place = `seed ${seed}, path ${result.counterexamplePath ?? ''}, after ${result.numShrinks} shrinks`
    expect.fail(
      `${cause}\n\n${place}\nReplay: FALCONER_SEED=${seed} FALCONER_MODEL_RUNS=${runs} npx vitest run test/histories/model`,
    )
  })
})

describe('histories that came out wrong once', () => {
  it('a request that the line of its client refuses is no activity of the session', async () => {
    const model = await world.beginHistory()
    const steps = [
      ...furniture(0),
      advanceClock.of(31),
      notBefore.of({ scope: 'client', line: 'behind', pick: 0, user: 0, client: 0 }),
      authorize.of({ browser: 0, client: 0, scope: 'openid' }),
    ]
    for (const step of steps) await step.run(model, world)
    expect(model.codes).toHaveLength(3)
  })
})

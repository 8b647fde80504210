import { describe, expect, it } from 'vitest'
import { allPairs, mainPairs, type Pair } from './operations.ts'
import { type Raced, race, storm } from './race.ts'
import { linesOf, type Result, tableOf } from './report.ts'
import { openStage, type Stage } from './stage.ts'

// Without settings as many as fit into a quarter of a minute, in another order each time. By hand, as long as one likes: npm run test:races
const given = process.env['RACES_SECONDS']
const wanted = process.env['RACES_PAIRS']?.split(' ')
const seconds = Number(given ?? 0.2)
const pairs = wanted
  ? wanted.filter((name) => name !== 'storm').map((name) => name.split(',') as unknown as Pair)
  : process.env['RACES_ALL'] === 'yes'
    ? allPairs
    : mainPairs
const withStorm = wanted?.includes('storm') ?? true

type Race = (stage: Stage) => Promise<Raced>
const races: Race[] = [
  ...pairs.map(
    (pair): Race =>
      (stage) =>
        race(stage, pair, seconds),
  ),
  ...(withStorm ? [(stage: Stage) => storm(stage, given === undefined ? 1 : seconds)] : []),
]

/** Races on one database, one after the other, for as long as there is time to begin one; tells each as it ends. */
async function runAll(
  some: readonly Race[],
  mostSeconds: number,
  tell: (result: Result, at: number) => void,
): Promise<{ results: Result[]; deadlocks: number }> {
  const stage = await openStage()
  try {
    const results: Result[] = []
    const until = performance.now() + mostSeconds * 1000
    for (const [at, one] of some.entries()) {
      if (performance.now() > until) break
      const raced = await one(stage)
      const result = { ...raced, deadlocks: stage.takeDeadlocks(), errors: stage.takeErrors() }
      results.push(result)
      tell(result, at)
    }
    return { results, deadlocks: await stage.stop() }
  } finally {
    await stage.close()
  }
}

function hold({ results, deadlocks }: { results: readonly Result[]; deadlocks: number }): void {
  for (const { name, meetings, survivors, innocents, failures, errors } of results) {
    const found = { name, survivors, innocents, failures, errors }
    expect(found).toEqual({ name, survivors: [], innocents: [], failures: [], errors: [] })
    expect(meetings, name).toBeGreaterThan(0)
  }
  expect(deadlocks, 'deadlocks').toBe(0)
}

describe.runIf(given === undefined)('every two operations at the same few sessions, over three processes', () => {
  it('no deadlock, no survivor, no innocent ended (nhost#4192, trap 40)', { timeout: 240_000 }, async () => {
    const first: Race = (stage) => race(stage, ['refresh', 'logout'], seconds)
    const shuffled = races.toSorted(() => Math.random() - 0.5)
    const all = await runAll([first, ...shuffled], 15, (result) => {
      for (const deadlock of result.deadlocks) console.log(deadlock)
    })
    const sum = (of: (result: Result) => number) => all.results.reduce((total, result) => total + of(result), 0)
    const tried = sum((result) => result.tried)
    console.log(
      `${all.results.length} of ${races.length + 1} races, ${sum(({ meetings }) => meetings)} meetings, ${tried} ended things tried again, ` +
        `${all.deadlocks} deadlocks, ${sum(({ survivors }) => survivors.length)} survivors`,
    )
    hold(all)
    expect(tried).toBeGreaterThan(0)
  })
})

describe.runIf(given !== undefined)('by hand', () => {
  it('as long as one likes', { timeout: 2_000_000_000 }, async () => {
    const all = await runAll(races, Number.POSITIVE_INFINITY, (result, at) => {
      console.log(`[${at + 1}/${races.length}] ${linesOf(result).join('\n')}`)
    })
    console.log(`\n${tableOf(all.results)}\n\nPostgreSQL counted ${all.deadlocks} deadlocks.`)
    hold(all)
  })
})

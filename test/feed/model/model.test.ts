import { afterAll, describe, expect, it } from 'vitest'
import { type Invariant, type Mutant, mutants } from './mutants.ts'
import { deepScenes, everything, type SceneName, scenes } from './scenes.ts'
import { search, story } from './search.ts'
import type { Scene } from './state.ts'

// Everything that can happen to the feed in some small worlds, and to some depth in a larger one.
//   FALCONER_FEED_MODEL=deep      larger worlds: some minutes
//   FALCONER_FEED_MODEL=traces    prints how each mutant is caught

const mode = process.env['FALCONER_FEED_MODEL']
const chosen = mode === 'deep' ? deepScenes : scenes
const bounds = mode === 'deep' ? { states: 500_000 } : { depth: 5 }
const report: string[] = []
afterAll(() => console.log(report.join('\n')))

describe('the feed keeps its promises, whatever happens', () => {
  it.each(Object.keys(scenes) as SceneName[])('%s: searched to the end', { timeout: 3_600_000 }, (name) => {
    const result = search(chosen[name])
    report.push(`${name}: ${result.states} states, all within ${result.depth} steps`)
    expect(story(result)).toBe('nothing')
    expect(result.isExhausted).toBe(true)
  })

  it('everything at once: two writers, two instances, two verifiers, to a depth', { timeout: 3_600_000 }, () => {
    const result = search(everything, bounds)
    report.push(`everything: ${result.states} states, all that are within ${result.depth} steps`)
    expect(story(result)).toBe('nothing')
    expect(result.states).toBeGreaterThan(10_000)
  })
})

/** The smallest world that has what a mutant needs to be caught. */
const worlds: Record<Mutant, Scene> = {
  'draw without holding the lock to COMMIT': scenes.order,
  'freshness from arrival': scenes.network,
  'the anchor taken when the frame is sent': { ...scenes.network, ticks: 3 },
  'the clock of the instance taken when its answer arrives': scenes.network,
  'an anchor judged by the clock of another instance': { ...scenes.lease, onTheWay: 2 },
  'cursor advanced before the entries are applied': scenes.order,
  'a gap ignored': scenes.order,
  'epoch ignored': scenes.replacement,
  'until without leeway': scenes.memory,
  'jump forgotten after a failover': scenes.failover,
  'published from above the cursor of a subscriber': scenes.order,
  'a frame with more to come makes fresh': scenes.pages,
}

const expected = (Object.keys(mutants) as Mutant[]).flatMap((mutant) =>
  mutants[mutant].map((invariant): [Mutant, Invariant] => [mutant, invariant]),
)

describe('what the protocol must not do is caught', () => {
  it.each(expected)('%s: breaks %s', (mutant, invariant) => {
    const result = search(worlds[mutant], { mutant, invariant })
    if (mode === 'traces') report.push(`\n${mutant} (${result.states} states)\n${story(result)}`)
    expect(result.violation?.invariant).toBe(invariant)
  })
})

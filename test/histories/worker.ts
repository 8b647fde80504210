// One of the worker processes of a run: honest clients, scenes, and those who attack and observe.
import process from 'node:process'
import type { Shot } from './action.ts'
import type { Actors } from './actors.ts'
import { createAdmin } from './admin.ts'
import { assail, observe } from './assailants.ts'
import { createHonest } from './honest.ts'
import type { Assignment, ToRun, ToWorker } from './messages.ts'
import { createRandom } from './random.ts'
import { createRecorder } from './recorder.ts'
import { scenes } from './scenes/index.ts'
import { Abandoned, createStage } from './stage.ts'
import { createVolleys } from './volleys.ts'
import type { Held } from './wire.ts'

const send = (message: ToRun) => void process.send?.(message)
// Nobody is left to work for.
process.once('disconnect', () => process.exit(1))
process.on('message', (message: ToWorker) => {
  if (message.type === 'start') work(message.assignment)
})

const remembered = 60

function work(assignment: Assignment): void {
  const { process: number, seed, profile, instances, issuer } = assignment
  const recorder = createRecorder(number, assignment.file)
  const actors: Actors = { instances, recorder, admin: createAdmin() }
  const volleys = createVolleys(number, actors, send)
  const fire = (shots: readonly Shot[]) => volleys.fire(shots)
  const prey: Held[] = []
  const played: Record<string, number> = {}
  let isStopped = false
  const isOver = () => isStopped

  const honest = assignment.honest.map(({ name, client, person }) =>
    createHonest({
      name,
      client,
      person,
      actors,
      issuer,
      isOver,
      random: createRandom(seed, name),
      pauseMs: profile.honestPauseMs,
      onGrant: (held) => send({ type: 'prey', held }),
    }),
  )

  const lane = async (name: string) => {
    const random = createRandom(seed, name)
    for (let count = 1; !isOver(); count++) {
      const scene = random.weighted(profile.scenes)
      const actor = `${scene} ${name}.${count}`
      const { people } = assignment
      const processes = assignment.processes
      const stage = createStage({ actor, random, people, actors, issuer, processes, fire })
      try {
        await scenes[scene](stage)
        played[scene] = (played[scene] ?? 0) + 1
      } catch (error) {
        if (!(error instanceof Abandoned)) throw error
      }
    }
  }

  const parts = (name: string) => ({
    name: `${name} ${number}`,
    random: createRandom(seed, `${name} ${number}`),
    actors,
    prey,
    pauseMs: profile.assailantPauseMs,
    isOver,
  })
  const lanes = Array.from({ length: profile.lanes }, (_, i) => lane(`${number}.${i}`))
  const working = Promise.all([
    ...honest.map((one) => one.run()),
    ...lanes,
    assail(parts('assailant')),
    observe(parts('observer')),
  ])

  const counting = setInterval(() => send({ type: 'counts', counts: recorder.counts, scenes: played }), 1000)
  process.on('message', (message: ToWorker) => {
    if (message.type === 'fire') void volleys.take(message.volley, message.at, message.shots)
    if (message.type === 'fired') volleys.collect(message.volley, message.results)
    if (message.type === 'prey') prey.splice(0, Math.max(0, prey.push(message.held) - remembered))
    if (message.type === 'stop') {
      isStopped = true
      void working.then(() => send({ type: 'stopped' }))
    }
    if (message.type === 'finish') void finish()
  })

  async function finish(): Promise<void> {
    const results = await Promise.all(honest.map((one) => one.finish()))
    clearInterval(counting)
    await recorder.close()
    send({ type: 'counts', counts: recorder.counts, scenes: played })
    send({ type: 'finished', working: results.filter(Boolean).length, honest: honest.length })
  }
}

// A process with some verifiers, which are asked about tokens while the paths to the server are disturbed.
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { nowMs } from './clock.ts'
import type { Assignment, Standing, ToProber, ToRun } from './messages.ts'
import { createProbing, type Probed } from './probing.ts'
import { routeConnections, through } from './routing.ts'

const send = (message: ToRun) => void process.send?.(message)
// Nobody is left to work for.
process.once('disconnect', () => process.exit(1))
process.on('message', (message: ToProber) => {
  if (message.type === 'start') void work(message.assignment)
})
process.on('unhandledRejection', (error) => {
  console.error(error)
  process.exit(2)
})

async function work(assignment: Assignment): Promise<void> {
  const { issuer, clientId, clientSecret, maxStalenessSeconds } = assignment
  routeConnections()
  const loaded: unknown = await import(pathToFileURL(assignment.verifierModule).href)
  const { createVerifier } = loaded as typeof import('@falconer/verifier')
  const probed: Probed[] = assignment.verifiers.map(({ index, port }) => {
    const verifier = through(port, () =>
      createVerifier({
        issuer,
        audience: issuer,
        clientId,
        clientSecret,
        maxStalenessSeconds,
        ...(assignment.reconnects ? {} : { reconnectAfterMs: false }),
        onEvent: (event) => {
          if (process.env['CHAOS_EVENTS'] !== undefined)
            console.error(Math.round(nowMs()), index, JSON.stringify(event))
          if (event.type !== 'fresh') return
          const one = probed.find((other) => other.index === index)
          if (one) probing.becameFresh(one)
        },
      }),
    )
    return { index, port, verifier }
  })
  const probing = createProbing(probed, maxStalenessSeconds * 1000, assignment.seed)
  process.on('message', (message: ToProber) => {
    if (message.type === 'conclude') void conclude(message)
    else if (message.type !== 'start') probing.tell(message)
  })
  setInterval(() => send({ type: 'counts', counts: probing.counts }), 1000)
  await Promise.all(probed.map(({ verifier }) => verifier.ready()))
  send({ type: 'ready' })

  async function conclude({ head, epoch, withinMs }: Extract<ToProber, { type: 'conclude' }>): Promise<void> {
    const deadline = nowMs() + withinMs
    const isThere = ({ verifier }: Probed) => {
      const state = verifier.state()
      return state.fresh && state.epoch === epoch && state.cursor === head
    }
    while (!probed.every(isThere) && nowMs() < deadline) await sleep(20)
    while (!(await probing.askAll()) && nowMs() < deadline) await sleep(50)
    await probing.askAgain(500)
    const standings = probed.map(({ index, verifier }): Standing => {
      const { cursor, epoch: own = '', entries } = verifier.state()
      return { verifier: index, cursor, epoch: own, entries }
    })
    const { counts, strange } = probing
    send({ type: 'concluded', findings: probing.findings(), standings, counts, strange })
  }
}

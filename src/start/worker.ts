import cluster from 'node:cluster'
import { EventEmitter, once } from 'node:events'
import { Unavailable } from '../domain/unavailable.ts'
import type { Numbers } from '../metrics.ts'
import { factsOf } from './failure.ts'
import { stopGracefully, terminalSignals } from './graceful-stop.ts'
import { type ServiceHere, serveHere } from './service.ts'
import { createWelcome } from './welcome.ts'
import type { ToPrimary, ToWorker, WorkerParts } from './worker-messages.ts'

// A process that only serves. Its primary (workers.ts) has done what happens once, says what to serve, and outlives it.

const said = new EventEmitter()
// Many may ask for the numbers at once.
said.setMaxListeners(0)
let starting: Promise<ServiceHere> | undefined

const send = (message: ToPrimary): Promise<void> =>
  new Promise((resolve) => void process.send?.(message, undefined, undefined, () => resolve()))

/** The numbers of all workers, by way of the primary. */
async function gather(): Promise<Numbers[]> {
  const gathered = process.connected ? once(said, 'gathered') : []
  await send({ kind: 'gather' })
  const [numbers]: (Numbers[] | undefined)[] = await gathered
  if (!numbers) throw new Unavailable('The numbers of the other workers cannot be had')
  return numbers
}

async function serve({ config, databaseUrl, masterKeys }: WorkerParts): Promise<void> {
  const { logger } = createWelcome(process.stdout, config)
  try {
    starting = serveHere({ config, databaseUrl, masterKeys, logger }, gather)
    const service = await starting
    await service.listen()
    await send({ kind: 'serving' })
  } catch (error) {
    // The primary tells it, once for all workers.
    await send({ kind: 'failed', failure: factsOf(error) })
    process.exit(1)
  }
}

async function count(): Promise<void> {
  const service = await starting
  if (service) await send({ kind: 'counted', numbers: await service.numbers() })
}

// Listening is not waited for: without a primary it would never come to an end.
const stop = stopGracefully(async () => (await starting)?.close(), terminalSignals)
cluster.worker?.once('disconnect', () => {
  // Node would exit at once, in the middle of what it answers.
  if (cluster.worker) cluster.worker.exitedAfterDisconnect = true
  said.emit('gathered', undefined)
  stop()
})
process.on('message', (message: ToWorker) => {
  if (message.kind === 'serve') void serve(message.parts)
  if (message.kind === 'count') void count()
  if (message.kind === 'gathered') said.emit('gathered', message.numbers)
})
void send({ kind: 'ready' })

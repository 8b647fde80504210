import { createHash } from 'node:crypto'
import fs from 'node:fs'
import type { Event } from './event.ts'

/** Microseconds of CLOCK_MONOTONIC: the same clock in every process of the host. */
export const now = (): number => Number(process.hrtime.bigint() / 1000n)

/** What a token or a code is called in a history. */
export const hashOf = (token: string): string => createHash('sha256').update(token).digest('hex').slice(0, 16)

/** What is known of an operation before it is sent. */
export type Invocation = Omit<Event, 'id' | 'process' | 'tInvoke' | 'tComplete' | 'outcome'>
/** What its answer adds. */
export type Completion = Pick<Event, 'outcome'> & Partial<Omit<Event, 'id' | 'process' | 'tInvoke' | 'tComplete'>>

export interface Recorder {
  /** Runs an operation and writes its event. A failure of the network is an `info`, never an exception. */
  record(invocation: Invocation, send: () => Promise<Completion>): Promise<Event>
  /** How often each operation ended how, as `op|outcome`, so far. */
  readonly counts: Record<string, number>
  close(): Promise<void>
}

/** Writes the events of one process as JSON lines. */
export function createRecorder(process: number, file: string): Recorder {
  const stream = fs.createWriteStream(file)
  const counts: Record<string, number> = {}
  let count = 0
  return {
    counts,
    record: async (invocation, send) => {
      const id = `${process}-${++count}`
      const tInvoke = now()
      const completion = await send().catch(
        (error: unknown): Completion => ({ outcome: 'info', error: causeOf(error) }),
      )
      const event: Event = { id, process, tInvoke, tComplete: now(), ...invocation, ...completion }
      const key = `${event.op}|${event.outcome}`
      counts[key] = (counts[key] ?? 0) + 1
      stream.write(`${JSON.stringify(event)}\n`)
      return event
    },
    close: () => new Promise((resolve) => stream.end(resolve)),
  }
}

/** Why there was no answer. Anything but a failure of the network is a mistake in this program. */
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) throw error
  if (error.name === 'TimeoutError') return 'timeout'
  const { code } = (error.cause ?? error) as { code?: unknown }
  if (typeof code === 'string') return code
  if (error instanceof TypeError && /fetch failed|terminated/.test(error.message)) return 'reset'
  throw error
}

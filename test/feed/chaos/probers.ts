import { type ChildProcess, fork } from 'node:child_process'
import type { Assignment, Counts, ToProber, ToRun } from './messages.ts'

export type Conclusion = Extract<ToRun, { type: 'concluded' }>

/** The processes of verifiers. */
export interface Probers {
  readonly processes: number
  /** To all of them. */
  tell(message: ToProber): void
  /** SIGSTOP, or SIGCONT. */
  signal(process: number, signal: 'SIGSTOP' | 'SIGCONT'): void
  /** Of all of them, as of about a second ago. */
  counts(): Counts
  /** Resolves when every verifier is fresh for the first time. */
  readonly ready: Promise<unknown>
  /** Rejects when one of them dies. */
  readonly failure: Promise<never>
  conclude(message: Extract<ToProber, { type: 'conclude' }>): Promise<Conclusion[]>
  end(): void
}

export const noCounts: Counts = { samples: 0, fresh: 0, accepted: 0, revoked: 0, stale: 0, other: 0 }

export const sumOf = (counts: readonly Counts[]): Counts =>
  counts.reduce(
    (sum, one) => ({
      samples: sum.samples + one.samples,
      fresh: sum.fresh + one.fresh,
      accepted: sum.accepted + one.accepted,
      revoked: sum.revoked + one.revoked,
      stale: sum.stale + one.stale,
      other: sum.other + one.other,
    }),
    noCounts,
  )

export function startProbers(file: string, assignments: readonly Assignment[]): Probers {
  const children = assignments.map((assignment) => {
    const child = fork(file, [], { serialization: 'json', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    process.once('exit', () => void child.kill('SIGKILL'))
    child.send({ type: 'start', assignment } satisfies ToProber)
    return child
  })
  const latest = new Map<ChildProcess, Counts>()
  let isEnding = false
  const failure = new Promise<never>((_, reject) => {
    for (const child of children)
      child.once('exit', (code, signal) => {
        if (!isEnding) reject(new Error(`a process of verifiers ended: ${code ?? signal}`))
      })
  })
  failure.catch(() => {})
  for (const child of children)
    child.on('message', (message: ToRun) => {
      if (message.type === 'counts') latest.set(child, message.counts)
    })
  const first = <T extends ToRun['type']>(child: ChildProcess, type: T): Promise<Extract<ToRun, { type: T }>> =>
    new Promise((resolve) => {
      const listen = (message: ToRun) => {
        if (message.type !== type) return
        child.off('message', listen)
        resolve(message as Extract<ToRun, { type: T }>)
      }
      child.on('message', listen)
    })
  const tell = (message: ToProber) => {
    for (const child of children) if (child.connected) child.send(message)
  }
  return {
    processes: children.length,
    tell,
    signal: (index, signal) => void children[index]?.kill(signal),
    counts: () => sumOf([...latest.values()]),
    ready: Promise.race([Promise.all(children.map((child) => first(child, 'ready'))), failure]),
    failure,
    conclude: (message) => {
      const all = Promise.all(children.map((child) => first(child, 'concluded')))
      tell(message)
      return Promise.race([all, failure])
    },
    end: () => {
      isEnding = true
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

import { type ChildProcess, fork } from 'node:child_process'
import { type Assignment, ownerOf, type ToRun, type ToWorker } from './messages.ts'

/** The worker processes of a run, and the post between them. */
export interface Workers {
  /** Operations by `op|outcome`, of all workers, as of about a second ago. */
  counts(): Record<string, number>
  scenes(): Record<string, number>
  /** Rejects when a worker dies. */
  readonly failure: Promise<never>
  stop(): Promise<void>
  /** How many honest clients ended with a working token. */
  finish(): Promise<{ working: number; honest: number }>
  end(): void
}

export function startWorkers(file: string, assignments: readonly Assignment[]): Workers {
  const children = assignments.map((assignment) => {
    const child = fork(file, [], { serialization: 'json', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    post(child, { type: 'start', assignment })
    return child
  })
  const latest = new Map<number, Extract<ToRun, { type: 'counts' }>>()
  let isEnding = false
  const failure = new Promise<never>((_, reject) => {
    for (const child of children)
      child.once('exit', (code, signal) => {
        if (!isEnding) reject(new Error(`a worker ended: ${code ?? signal}`))
      })
  })
  failure.catch(() => {})
  for (const [from, child] of children.entries()) child.on('message', (message: ToRun) => receive(from, message))

  function receive(from: number, message: ToRun): void {
    if (message.type === 'counts') latest.set(from, message)
    if (message.type === 'prey') for (const child of children) post(child, message)
    if (message.type === 'fired') post(children[ownerOf(message.volley)], message)
    if (message.type === 'fire') {
      for (const [process, child] of children.entries()) {
        const shots = message.shots.filter((shot) => shot.process === process)
        if (shots.length > 0) post(child, { ...message, shots })
      }
    }
  }

  const all = async <T extends ToRun['type']>(type: T): Promise<Extract<ToRun, { type: T }>[]> => {
    const answers = children.map(
      (child) =>
        new Promise<Extract<ToRun, { type: T }>>((resolve) => {
          const listen = (message: ToRun) => {
            if (message.type !== type) return
            child.off('message', listen)
            resolve(message as Extract<ToRun, { type: T }>)
          }
          child.on('message', listen)
        }),
    )
    return Promise.race([Promise.all(answers), failure])
  }
  const summed = (of: (message: Extract<ToRun, { type: 'counts' }>) => Record<string, number>) => {
    const sum: Record<string, number> = {}
    for (const message of latest.values())
      for (const [key, count] of Object.entries(of(message))) sum[key] = (sum[key] ?? 0) + count
    return sum
  }

  return {
    failure,
    counts: () => summed((message) => message.counts),
    scenes: () => summed((message) => message.scenes),
    stop: async () => {
      const stopped = all('stopped')
      for (const child of children) post(child, { type: 'stop' })
      await stopped
    },
    finish: async () => {
      const finished = all('finished')
      for (const child of children) post(child, { type: 'finish' })
      const answers = await finished
      const sum = (of: 'working' | 'honest') => answers.reduce((total, answer) => total + answer[of], 0)
      return { working: sum('working'), honest: sum('honest') }
    },
    end: () => {
      isEnding = true
      for (const child of children) child.kill('SIGKILL')
    },
  }
}

function post(child: ChildProcess | undefined, message: ToWorker): void {
  if (child?.connected === true) child.send(message)
}

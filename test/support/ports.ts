import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

// Below the ports that systems give to connections that go out (32768 up on Linux, 49152 up on macOS). One of those, free when it was looked at, may
// be some connection's own by the time the server listens.
const first = 10_000
const perWorker = 1000
/** Two workers of one run never look at the same port. */
const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % 22
let next = Math.floor(Math.random() * perWorker)

/** A port that is free, and that nobody else of this run is given. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < perWorker; tries++) {
    const port = first + worker * perWorker + (next++ % perWorker)
    if (await isFree(port)) return port
    await sleep(0)
  }
  throw new Error(`no port is free from ${first + worker * perWorker} on`)
}

/** Ports that are free, each another one. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) ports.push(await freePort())
  return ports
}

/** On every address of this machine: who listens on one of them listens on the port. */
async function isFree(port: number): Promise<boolean> {
  const probe = createServer().listen(port)
  try {
    await once(probe, 'listening')
  } catch {
    return false
  }
  probe.close()
  await once(probe, 'close')
  return true
}

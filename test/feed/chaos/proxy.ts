import { once } from 'node:events'
import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net'

/** `up`: towards the server; `down`: what it answers. */
export type Way = 'up' | 'down'

/** What is wrong with a path. Connections that exist suffer from it, and those that are opened meanwhile. */
export type PathFault =
  /** Nothing gets through, and nobody is told. */
  | { readonly kind: 'hole'; readonly ways: readonly Way[] }
  /** Everything arrives so much later. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** New connections are reset at once; those that exist go on. */
  | { readonly kind: 'refuse' }

/** What becomes of the bytes that were held up. `slowly`: one write after the other, with pauses, as from a queue that drains. */
export type Aftermath = 'released' | 'slowly' | 'dropped'

/** A TCP proxy that a test can disturb. */
export interface Proxy {
  readonly port: number
  readonly connections: number
  /** Answers how to end it. Several faults add up. */
  inflict(fault: PathFault): (aftermath?: Aftermath) => void
  /** RST to both ends of every connection; answers how many there were. */
  reset(): number
  close(): void
}

const drainPauseMs = 25

interface Pipe {
  pump(): void
  drainSlowly(): void
}

interface Connection {
  readonly sockets: readonly [Socket, Socket]
  readonly pipes: readonly [Pipe, Pipe]
}

/** @param next where the next connection goes */
export async function startProxy(next: () => NetConnectOpts): Promise<Proxy> {
  const faults = new Set<PathFault>()
  const connections = new Set<Connection>()

  const isHeld = (way: Way): boolean => [...faults].some((fault) => fault.kind === 'hole' && fault.ways.includes(way))
  const delayMs = (): number => [...faults].reduce((sum, fault) => sum + (fault.kind === 'delay' ? fault.ms : 0), 0)
  const isRefusing = (): boolean => [...faults].some((fault) => fault.kind === 'refuse')
  const pumpAll = () => connections.forEach(({ pipes }) => pipes.forEach((pipe) => pipe.pump()))

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on('error', () => {})
    if (isRefusing()) {
      breakOff(client)
      return
    }
    const upstream = connect({ ...next(), allowHalfOpen: true, noDelay: true } as NetConnectOpts)
    upstream.on('error', () => {})
    const connection: Connection = {
      sockets: [client, upstream],
      pipes: [
        createPipe(client, upstream, () => isHeld('up'), delayMs),
        createPipe(upstream, client, () => isHeld('down'), delayMs),
      ],
    }
    connections.add(connection)
    const forget = () => {
      if (client.destroyed && upstream.destroyed) connections.delete(connection)
    }
    client.once('close', forget)
    upstream.once('close', forget)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()

  const reset = (): number => {
    const count = connections.size
    for (const { sockets } of connections) for (const socket of sockets) breakOff(socket)
    return count
  }

  return {
    port: typeof address === 'object' && address ? address.port : 0,
    get connections() {
      return connections.size
    },
    inflict: (fault) => {
      faults.add(fault)
      return (aftermath = 'released') => {
        if (!faults.delete(fault)) return
        if (aftermath === 'dropped') reset()
        if (aftermath === 'slowly') for (const { pipes } of connections) for (const pipe of pipes) pipe.drainSlowly()
        pumpAll()
      }
    },
    reset,
    close: () => {
      reset()
      server.close()
    },
  }
}

/**
 * With an RST, where there is such a thing: a Unix socket just closes. `resetAndDestroy` of Node 20 ends the socket first; when the other end
 * breaks off in that moment, the reset fails, the handle is never closed, and the process spins at its exit. So it is destroyed at once.
 */
function breakOff(socket: Socket): void {
  const isEnding = socket.writableEnded && !socket.writableFinished
  if (socket.remoteAddress !== undefined && !isEnding) Object.assign(socket, { resetAndClosing: true })
  socket.destroy()
}

/** One direction of a connection. The end of it, and its breaking off, wait in the queue like everything else. */
function createPipe(from: Socket, to: Socket, isHeld: () => boolean, delayMs: () => number): Pipe {
  const queue: { readonly item: Buffer | 'end' | 'reset'; dueMs: number }[] = []
  let lastDueMs = 0
  let timer: NodeJS.Timeout | undefined

  const pump = (): void => {
    clearTimeout(timer)
    for (let first = queue[0]; first; first = queue[0]) {
      if (isHeld()) return
      const waitMs = first.dueMs - performance.now()
      if (waitMs > 0) {
        timer = setTimeout(pump, waitMs)
        return
      }
      queue.shift()
      if (to.destroyed) continue
      if (first.item === 'reset') breakOff(to)
      else if (first.item === 'end') to.end()
      else to.write(first.item)
    }
  }
  const push = (item: Buffer | 'end' | 'reset'): void => {
    // Nothing overtakes what was written before it.
    lastDueMs = Math.max(lastDueMs, performance.now() + delayMs())
    queue.push({ item, dueMs: lastDueMs })
    pump()
  }
  from.on('data', push)
  from.once('end', () => push('end'))
  from.once('close', (hadError) => hadError && push('reset'))

  return {
    pump,
    drainSlowly: () => {
      const start = performance.now()
      for (const [index, one] of queue.entries()) one.dueMs = start + index * drainPauseMs
      lastDueMs = start + queue.length * drainPauseMs
    },
  }
}

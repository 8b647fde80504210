import { once } from 'node:events'
import type { FastifyReply } from 'fastify'

/** Server-sent events to one reader (HTML Living Standard §9.2). */
export interface EventStream {
  /** Writes an event. One who does not keep up is cut off; it resolves when there is room for more. */
  write(event: string): Promise<void>
  end(): void
  /** Resolves when it is over, whoever ended it. */
  readonly closed: Promise<void>
}

/** What may wait for a reader to take it, in bytes. */
const mostWaiting = 1024 * 1024

/** Answers with a stream; from here on Fastify has nothing to do with the reply. */
export function openEventStream(reply: FastifyReply): EventStream {
  reply
    .header('content-type', 'text/event-stream; charset=utf-8')
    .header('cache-control', 'no-store, no-transform')
    .header('x-accel-buffering', 'no') // nginx would gather it
    .header('connection', 'close') // what was a stream is no use to anybody after it; a server that stops would wait for it
  reply.hijack()
  const { raw } = reply
  // Events are small and must not wait for each other.
  raw.socket?.setNoDelay(true)
  raw.writeHead(
    200,
    Object.fromEntries(Object.entries(reply.getHeaders()).map(([name, value]) => [name, String(value)])),
  )
  raw.flushHeaders()
  const over = new AbortController()
  const closed = new Promise<void>((resolve) => {
    raw.once('close', () => {
      over.abort()
      resolve()
    })
  })
  return {
    closed,
    write: async (event) => {
      if (raw.destroyed || raw.writableEnded) return
      if (raw.writableLength > mostWaiting) {
        reply.log.warn({ bytes: raw.writableLength }, 'a reader of the feed did not keep up and was cut off')
        raw.destroy()
        return
      }
      if (raw.write(event)) return
      await Promise.race([once(raw, 'drain', { signal: over.signal }), closed]).catch(() => undefined)
    },
    // A reader that has stopped reading would never close its side.
    end: () => void raw.end(() => raw.destroy()),
  }
}

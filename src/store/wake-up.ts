import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'

export interface WakeUp {
  stop(): Promise<void>
}

const pauseMs = { least: 100, most: 5000 }

/**
 * Calls `onWake` whenever the feed may have something new. Only a hint that saves waiting: nothing may depend on it, because a connection that
 * listens can die without a sound. The hint `keys`: a signing key was ended. It never gives up, and keeps no
 * process alive.
 *
 * @param url past a transaction pooler, which would give the connection to somebody else
 */
export function listenToFeed(url: string, onWake: (hint: string) => void): WakeUp {
  const stopping = new AbortController()
  let client: Client | undefined

  const listen = async (): Promise<void> => {
    const own = new Client({ connectionString: url, connectionTimeoutMillis: 3000, keepAlive: true })
    client = own
    const ended = new Promise<void>((resolve) => {
      own.on('error', () => resolve())
      own.once('end', () => resolve())
    })
    try {
      await own.connect()
      own.on('notification', ({ payload = '' }) => onWake(payload))
      await own.query('listen falconer_feed')
      // Something may have happened while nobody listened.
      onWake('keys')
      await ended
    } finally {
      await own.end().catch(() => undefined)
    }
  }

  const running = (async () => {
    for (let pause = pauseMs.least; !stopping.signal.aborted; pause = Math.min(pause * 2, pauseMs.most)) {
      const began = performance.now()
      await listen().catch(() => undefined)
      if (performance.now() - began > pauseMs.most) pause = pauseMs.least
      const ms = pause * (0.5 + Math.random() / 2)
      await sleep(ms, undefined, { signal: stopping.signal, ref: false }).catch(() => undefined)
    }
  })()

  return {
    stop: async () => {
      stopping.abort()
      await client?.end().catch(() => undefined)
      await running
    },
  }
}

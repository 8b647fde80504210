import { AsyncLocalStorage } from 'node:async_hooks'
import http from 'node:http'

const ports = new AsyncLocalStorage<number>()

/** Does something for the verifier behind a proxy; all that comes of it, later too, goes that way. */
export const through = <T>(port: number, work: () => T): T => ports.run(port, work)

/**
 * All verifiers have the same issuer, so the same address to connect to; each has a way of its own to it. The package itself is left as it is:
 * the way is chosen where Node opens a socket.
 */
export function routeConnections(): void {
  const agent = http.Agent.prototype
  const usual = agent.createConnection.bind(agent)
  agent.createConnection = (options, callback) => {
    const port = ports.getStore()
    if (port === undefined) throw new Error('a connection of nobody')
    return usual({ ...options, port }, callback)
  }
}

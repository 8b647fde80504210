import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { sendUnreadable } from './error-page.tsx'
import { RequestLog } from './request-log.ts'

const bodyBytes = 64 * 1024
const closeIdleMs = 50

/** What it has to know of the settings. */
interface AppSettings {
  readonly issuer: string
  /** Proxies whose forwarding headers give the client's address; never the host or the scheme. */
  readonly trustProxy: readonly string[]
}

/** An empty server: how it reads, how it logs, and whom it believes about addresses. */
export function createApp(settings: AppSettings, logger: FastifyBaseLogger): FastifyInstance {
  const app = fastify({
    loggerInstance: logger,
    logController: new RequestLog(),
    genReqId: () => crypto.randomUUID(),
    trustProxy: settings.trustProxy.length > 0 ? [...settings.trustProxy] : false,
    bodyLimit: bodyBytes,
    requestTimeout: 30_000,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 2048 }, // a resource is named by a URI
    frameworkErrors: (_error, request, reply) => sendUnreadable(request, reply, settings.issuer.startsWith('https:')),
  })
  closeUnusedConnections(app)
  return app
}

/** Browsers open connections in advance, and keep those that they have used. A server that stops would wait a minute for the next request. */
function closeUnusedConnections(app: FastifyInstance): void {
  const unused = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', ({ socket }: IncomingMessage) => unused.delete(socket))
  app.addHook('preClose', async () => {
    for (const socket of unused) socket.destroy()
    if (!app.server.listening) return
    // Those that are idle now are closed by Node, and those that become idle by nobody.
    const closing = setInterval(() => app.server.closeIdleConnections(), closeIdleMs)
    app.server.once('close', () => clearInterval(closing))
  })
}

import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Probes and caches ask for it again and again, and it tells nothing of anybody: while all is well, that is told at level debug. */
    isRoutine?: boolean
  }
}

/** The `config` of such a route. */
export const routine = { isRoutine: true } as const

/** One line for each request, when it is answered, with the id that audit events and problem documents name too. */
export class RequestLog extends LogController {
  constructor() {
    super({ disableRequestLogging: true, requestIdLogLabel: 'request' })
  }

  /** The path without its query: codes, hints and handles travel there. A path that is none of ours may hold anything, a token too. */
  override requestCompleted(_error: Error | null | undefined, request: FastifyRequest, reply: FastifyReply): void {
    const { method, url, log } = request
    const status = reply.statusCode
    const ms = Math.round(reply.elapsedTime * 10) / 10
    const level = status < 400 && request.routeOptions.config.isRoutine === true ? 'debug' : 'info'
    log[level]({ method, path: request.is404 ? shortened(url) : pathOf(url), status, ms }, 'answered')
  }
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query === -1 ? url : url.slice(0, query)
}

const shortened = (url: string): string =>
  pathOf(url)
    .slice(0, 200)
    .replaceAll(/[^/]{33,}/g, '…')

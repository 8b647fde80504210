import type { FastifyInstance, FastifyReply } from 'fastify'
import { isClientOrigin } from '../protocol/origins.ts'
import type { HttpTools } from './tools.ts'

const methods = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'authorization, content-type, dpop',
  'access-control-max-age': '600',
}

/** Documents that everyone may read, from any page. */
export function allowEveryOrigin(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('access-control-allow-origin', '*')
    done()
  })
}

/** Answers that only the pages of a registered client may read; never with credentials, so a browser's cookies are never part of it. */
export function allowClientOrigins(app: FastifyInstance, paths: readonly string[], tools: HttpTools): void {
  const allow = async (origin: string, reply: FastifyReply): Promise<void> => {
    if (await isClientOrigin(origin, tools)) reply.header('access-control-allow-origin', origin)
  }
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('vary', 'Origin')
    const { origin } = request.headers
    return origin === undefined ? done() : allow(origin, reply) // no promise for a refresh that no page sends
  })
  for (const path of paths) app.options(path, (_request, reply) => reply.headers(methods).status(204).send())
}

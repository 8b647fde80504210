import type { FastifyInstance } from 'fastify'
import { notFound } from '../../admin/problem.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { clientRoutes } from './clients.ts'
import { auditRoutes, keyRoutes } from './keys.ts'
import { notBeforeRoutes } from './not-before.ts'
import { sendProblem } from './problems.ts'
import { resourceRoutes } from './resources.ts'
import { type AddRoute, createRouter } from './router.ts'
import { sessionRoutes } from './sessions.ts'
import { userRoutes } from './users.ts'

/** The admin API, one line per resource. */
const routes: readonly ((add: AddRoute, tools: AdminTools) => void)[] = [
  clientRoutes,
  resourceRoutes,
  userRoutes,
  sessionRoutes, // grants and revocations too
  notBeforeRoutes,
  keyRoutes,
  auditRoutes,
]

/** Registers the admin API under `/admin/v1`: JSON in, JSON or problem documents out, never cached. */
export function registerAdmin(app: FastifyInstance, tools: AdminTools): void {
  void app.register(
    async (admin) => {
      readJson(admin)
      admin.addHook('onRequest', async (_, reply) => {
        reply.header('cache-control', 'no-store')
      })
      admin.setErrorHandler(sendProblem)
      admin.setNotFoundHandler((request, reply) => sendProblem(notFound('path'), request, reply))
      const add = createRouter(admin, tools)
      for (const addRoutes of routes) addRoutes(add, tools)
    },
    { prefix: '/admin/v1' },
  )
}

/** JSON only, so that no form of a foreign page can be read as a request; an empty body is none, whatever its type. */
function readJson(admin: FastifyInstance): void {
  const parse = admin.getDefaultJsonParser('error', 'error')
  admin.removeAllContentTypeParsers()
  admin.addContentTypeParser('application/json', { parseAs: 'string' }, (request, body, done) => {
    if (body === '') done(null, undefined)
    else void parse(request, String(body), done)
  })
}

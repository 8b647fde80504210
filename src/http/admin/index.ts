import type { FastifyInstance } from 'fastify'
import { notFound } from '../../admin/problem.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { documentOf, sendDocument } from '../routes/documents.ts'
import { administratorRoutes } from './administrators.ts'
import { auditRoutes } from './audit.ts'
import { clientRoutes } from './clients.ts'
import { configurationRoutes } from './configuration.ts'
import { keyRoutes } from './keys.ts'
import { notBeforeRoutes } from './not-before.ts'
import { describeApi } from './openapi.ts'
import { sendProblem } from './problems.ts'
import { resourceRoutes } from './resources.ts'
import type { AddRoute, Route } from './route.ts'
import { createRouter } from './router.ts'
import { sessionRoutes } from './sessions.ts'
import { settingRoutes } from './settings.ts'
import { userRoutes } from './users.ts'
import { webhookRoutes } from './webhooks.ts'

/** The admin API, one line per resource. */
const routes: readonly ((add: AddRoute, tools: AdminTools) => void)[] = [
  clientRoutes,
  resourceRoutes,
  userRoutes,
  administratorRoutes,
  sessionRoutes, // grants and revocations too
  notBeforeRoutes,
  keyRoutes,
  settingRoutes,
  webhookRoutes,
  configurationRoutes,
  auditRoutes,
]

/** Registers the admin API under `/admin/v1`: JSON in, JSON or problem documents out, never cached but for its own description. */
export function registerAdmin(app: FastifyInstance, tools: AdminTools): void {
  void app.register(
    async (admin) => {
      readJson(admin)
      admin.addHook('onRequest', async (_, reply) => {
        reply.header('cache-control', 'no-store')
      })
      admin.setErrorHandler(sendProblem)
      admin.setNotFoundHandler((request, reply) => sendProblem(notFound('path'), request, reply))
      const router = createRouter(admin, tools)
      for (const addRoutes of routes) addRoutes(router.add, tools)
      describe(admin, router.routes, tools.issuer)
    },
    { prefix: '/admin/v1' },
  )
}

/** The description of the API, for everybody: it is the same in every installation. Made when somebody asks. */
function describe(admin: FastifyInstance, declared: readonly Route[], issuer: string): void {
  let document: ReturnType<typeof documentOf> | undefined
  admin.get('/openapi.json', (request, reply) => {
    document ??= documentOf(describeApi(declared, issuer))
    return sendDocument(request, reply, document, 'max-age=300')
  })
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

import type { FastifyInstance } from 'fastify'
import { readWarnings, requireReady } from '../../protocol/readiness.ts'
import { routine } from '../request-log.ts'
import type { HttpTools } from '../tools.ts'

const asked = { exposeHeadRoute: true, config: routine }

/** GET /livez: this process runs. GET /readyz: it can serve, which takes the database and a signing key; `warnings` are for the operator. */
export function healthRoutes(app: FastifyInstance, tools: HttpTools): void {
  app.get('/livez', asked, async () => ({ status: 'ok' }))
  app.get('/readyz', asked, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    try {
      await requireReady(tools)
      const warnings = await readWarnings(tools)
      return { status: 'ok', ...(warnings.length > 0 && { warnings }) }
    } catch {
      return reply.status(503).header('retry-after', 1).send({ status: 'unavailable' })
    }
  })
}

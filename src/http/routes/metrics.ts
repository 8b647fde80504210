import type { FastifyInstance } from 'fastify'
import { Unavailable } from '../../domain/unavailable.ts'
import { routine } from '../request-log.ts'

/** Where the numbers come from. */
interface Metrics {
  readonly contentType: string
  text(): Promise<string>
}

/** GET /metrics: the numbers of this server, with all its workers, in the text format of Prometheus. They are for operators: a proxy keeps the path inside. */
export function metricsRoutes(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', { config: routine }, async (_request, reply) => {
    reply.header('cache-control', 'no-store')
    try {
      return await reply.type(metrics.contentType).send(await metrics.text())
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error
      return reply.status(503).header('retry-after', error.retryAfterSeconds).type('text/plain').send(error.message)
    }
  })
}

import type { FastifyInstance } from 'fastify'

/** Where the numbers come from. */
interface Metrics {
  readonly contentType: string
  text(): Promise<string>
}

/** GET /metrics: the numbers of this instance in the text format of Prometheus. They are for operators: a proxy keeps the path inside. */
export function metricsRoutes(app: FastifyInstance, metrics: Metrics): void {
  app.get('/metrics', async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(metrics.contentType)
      .send(await metrics.text()),
  )
}

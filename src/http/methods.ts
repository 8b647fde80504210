import type { FastifyInstance } from 'fastify'

/** Answers every other method on POST-only endpoints with 405: parameters of a token request must never stand in a URL (RFC 6749 §3.2). */
export function refuseOtherMethods(app: FastifyInstance, paths: readonly string[]): void {
  for (const url of paths) {
    app.route({
      method: ['GET', 'PUT', 'PATCH', 'DELETE'],
      url,
      handler: (_request, reply) =>
        reply.status(405).header('allow', 'POST').send({ error: 'invalid_request', error_description: 'Use POST' }),
    })
  }
}

import { type AccessTokenClaims, createVerifier } from '@falconer/verifier'
import type { FastifyInstance } from 'fastify'
import { names } from './seed.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What the token says that the verifier has let through. */
    auth?: AccessTokenClaims
  }
}

const notes = [
  { id: 1, text: 'Two kestrels over the quarry, hovering into the wind.' },
  { id: 2, text: 'The falconer whistles once. Both birds turn.' },
]

/**
 * A protected API (RFC 6750): GET /api/notes for access tokens of the issuer that are meant for it and alive. Each is checked here, without asking
 * the issuer; which of them were revoked, the feed tells. It comes up before its issuer too, and answers 503 until it knows.
 */
export async function notesApi(
  app: FastifyInstance,
  { issuer, secret }: { issuer: string; secret: string },
): Promise<void> {
  const verifier = createVerifier({ issuer, audience: names.api, clientId: names.apiClient, clientSecret: secret })
  app.addHook('onClose', async () => verifier.close())
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  await app.register(verifier.fastify, { scope: names.scope })
  app.get('/api/notes', async (request) => ({ notes, read_by: request.auth?.sub }))
}

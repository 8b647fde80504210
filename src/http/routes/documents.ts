import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sha256 } from '../../crypto/hash.ts'
import { reachableAcr } from '../../login/sign-in.ts'
import { discovery } from '../../protocol/discovery.ts'
import { allowEveryOrigin } from '../cors.ts'
import type { HttpTools } from '../tools.ts'

/** The documents that every client reads: metadata (OpenID Connect Discovery §4, RFC 8414 §3) and keys (RFC 7517 §5). */
export function documentRoutes(app: FastifyInstance, tools: HttpTools): void {
  allowEveryOrigin(app)
  const metadata = JSON.stringify(discovery(tools.issuer, reachableAcr, tools.feed.policy.maxStalenessSeconds))
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    app.get(path, { exposeHeadRoute: true }, (request, reply) => sendDocument(request, reply, metadata, 'max-age=300'))
  }
  app.get('/.well-known/jwks.json', { exposeHeadRoute: true }, async (request, reply) =>
    sendDocument(request, reply, JSON.stringify(await tools.keys.jwks()), 'max-age=300, stale-while-revalidate=60'),
  )
}

/** Sends JSON that may be cached, or says that the reader has it already (RFC 9110 §13.1.2). */
export function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  body: string,
  caching: string,
  visibility = 'public',
): FastifyReply {
  const etag = `"${sha256(body).toString('base64url').slice(0, 22)}"`
  reply.header('cache-control', `${visibility}, ${caching}`).header('etag', etag)
  if (request.headers['if-none-match'] === etag) return reply.status(304).send()
  return reply.type('application/json; charset=utf-8').send(body)
}

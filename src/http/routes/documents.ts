import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { sha256 } from '../../crypto/hash.ts'
import { reachableAcr } from '../../login/sign-in.ts'
import { discovery } from '../../protocol/discovery.ts'
import type { JwkSet } from '../../protocol/keys/ring.ts'
import { allowEveryOrigin } from '../cors.ts'
import { routine } from '../request-log.ts'
import type { HttpTools } from '../tools.ts'

const asked = { exposeHeadRoute: true, config: routine }

/** The documents that every client reads: metadata (OpenID Connect Discovery §4, RFC 8414 §3) and keys (RFC 7517 §5). */
export function documentRoutes(app: FastifyInstance, tools: HttpTools): void {
  allowEveryOrigin(app)
  const metadata = documentOf(discovery(tools.issuer, reachableAcr, tools.feed.policy.maxStalenessSeconds))
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']) {
    app.get(path, asked, (request, reply) => sendDocument(request, reply, metadata, 'max-age=300'))
  }
  // Written once for as long as the keys stay what they are.
  const jwks = new WeakMap<JwkSet, Document>()
  app.get('/.well-known/jwks.json', asked, (request, reply) => {
    const send = (set: JwkSet) => {
      const document = jwks.get(set) ?? documentOf(set)
      jwks.set(set, document)
      return sendDocument(request, reply, document, 'max-age=300, stale-while-revalidate=60')
    }
    const set = tools.keys.jwks()
    return set instanceof Promise ? set.then(send) : send(set)
  })
}

/** JSON as it is sent, and the tag by which a reader knows that it has it already. */
interface Document {
  readonly body: string
  readonly etag: string
}

export function documentOf(value: object): Document {
  const body = JSON.stringify(value)
  return { body, etag: `"${sha256(body).toString('base64url').slice(0, 22)}"` }
}

/** Sends JSON that may be cached, or says that the reader has it already (RFC 9110 §13.1.2). */
export function sendDocument(
  request: FastifyRequest,
  reply: FastifyReply,
  { body, etag }: Document,
  caching: string,
  visibility = 'public',
): FastifyReply {
  reply.header('cache-control', `${visibility}, ${caching}`).header('etag', etag)
  if (request.headers['if-none-match'] === etag) return reply.status(304).send()
  return reply.type('application/json; charset=utf-8').send(body)
}

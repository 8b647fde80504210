import type { FastifyInstance } from 'fastify'
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'
import { type Configuration, tokenIntrospection } from 'openid-client'
import { names } from './seed.ts'

/** What the API knows of its issuer, read from the metadata at the first request. */
export interface ApiIssuer {
  readonly configuration: () => Promise<Configuration>
  readonly issuer: string
}

interface Refusal {
  readonly status: 401 | 403
  readonly error: 'invalid_request' | 'invalid_token' | 'insufficient_scope'
  readonly description: string
}

type Verdict = { readonly claims: JWTPayload } | { readonly refusal: Refusal }

const notes = [
  { id: 1, text: 'Two kestrels over the quarry, hovering into the wind.' },
  { id: 2, text: 'The falconer whistles once. Both birds turn.' },
]

/** A protected API (RFC 6750): GET /api/notes for access tokens of the issuer that are meant for it and alive. */
export function notesApi(app: FastifyInstance, api: ApiIssuer): void {
  const verify = createVerifier(api)
  // Whoever cannot ask the issuer must not answer as if it had said yes.
  app.setErrorHandler((_error, _request, reply) =>
    reply.status(503).send({ error: 'temporarily_unavailable', error_description: 'The issuer does not answer' }),
  )
  app.get('/api/notes', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    const verdict = await verify(/^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1])
    if ('claims' in verdict) return { notes, read_by: verdict.claims.sub }
    const { status, error, description } = verdict.refusal
    reply.status(status).header('www-authenticate', `Bearer error="${error}", error_description="${description}"`)
    return { error, error_description: description }
  })
}

function createVerifier({ configuration, issuer }: ApiIssuer): (token: string | undefined) => Promise<Verdict> {
  let keys: ReturnType<typeof createRemoteJWKSet> | undefined
  return async (token) => {
    if (token === undefined) return refuse(401, 'invalid_request', 'Send an access token')
    const config = await configuration()
    keys ??= createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri ?? ''))
    // First here: signature, issuer, audience, type (RFC 9068 §4) and expiry need no request.
    const { payload } = await jwtVerify(token, keys, { issuer, audience: names.api, typ: 'at+jwt' }).catch(orNothing)
    if (!payload)
      return refuse(401, 'invalid_token', 'The token is not one of this issuer for this API, or it has expired')
    // Then at the issuer: a JWT cannot know that it was revoked.
    const { active } = await tokenIntrospection(config, token)
    if (!active) return refuse(401, 'invalid_token', 'The token was revoked')
    const scopes = typeof payload['scope'] === 'string' ? payload['scope'].split(' ') : []
    if (!scopes.includes(names.scope)) return refuse(403, 'insufficient_scope', `The scope ${names.scope} is needed`)
    return { claims: payload }
  }
}

/** A bad token is no failure of the API; keys that cannot be read are. */
function orNothing(error: unknown): { payload?: undefined } {
  const isAboutToken = error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)
  if (!isAboutToken) throw error
  return {}
}

const refuse = (status: Refusal['status'], error: Refusal['error'], description: string): Verdict => ({
  refusal: { status, error, description },
})

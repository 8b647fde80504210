import { parsePolicy } from '../options.ts'
import type { AccessTokenClaims, VerifyResult } from '../result.ts'
import type { VerifyOptions } from '../verifier.ts'

/** As much of Fastify as the plugin uses; so this package needs none. */
export interface FastifyLike {
  hasRequestDecorator(name: string): boolean
  decorateRequest(name: string, value: null): unknown
  addHook(name: 'onRequest', hook: (request: FastifyRequestLike, reply: FastifyReplyLike) => Promise<unknown>): unknown
}

interface FastifyRequestLike {
  readonly headers: { readonly authorization?: string | undefined }
}

interface FastifyReplyLike {
  code(status: number): unknown
  header(name: string, value: string): unknown
  send(body: unknown): unknown
}

export type FastifyPlugin = (app: FastifyLike, options: Omit<VerifyOptions, 'request'>) => Promise<void>

type Authorize = (header: string | undefined, options: VerifyOptions) => Promise<VerifyResult>

/** Protects all routes of the instance where it is registered, and those of the instances within it. `request.auth` has the claims. */
export function fastifyPlugin(authorize: Authorize): FastifyPlugin {
  const plugin: FastifyPlugin = async (app, options) => {
    if (options.onStale !== undefined) parsePolicy(options.onStale)
    if (!app.hasRequestDecorator('auth')) app.decorateRequest('auth', null)
    app.addHook('onRequest', async (request, reply) => {
      const { scope, onStale } = options
      const result = await authorize(request.headers.authorization, {
        request,
        ...(scope === undefined ? {} : { scope }),
        ...(onStale === undefined ? {} : { onStale }),
      })
      if (result.ok) {
        ;(request as { auth?: AccessTokenClaims }).auth = result.claims
        return undefined
      }
      const { status, wwwAuthenticate, retryAfterSeconds, body } = result
      reply.code(status)
      reply.header('cache-control', 'no-store')
      if (wwwAuthenticate) reply.header('www-authenticate', wwwAuthenticate)
      if (retryAfterSeconds) reply.header('retry-after', String(retryAfterSeconds))
      reply.send(body)
      return reply
    })
  }
  // Otherwise the hook would hold inside the plugin only, and protect nothing.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: '@falconer/verifier',
  })
}

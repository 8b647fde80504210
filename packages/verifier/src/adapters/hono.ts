import { parsePolicy } from '../options.ts'
import type { AccessTokenClaims, VerifyResult } from '../result.ts'
import type { VerifyOptions } from '../verifier.ts'

/** As much of a Hono context as the middleware uses. */
export interface HonoContextLike {
  readonly req: { header(name: string): string | undefined }
  set(key: 'auth', claims: AccessTokenClaims): void
}

/** `c.get('auth')` has the claims. */
export type HonoMiddleware = (context: HonoContextLike, next: () => Promise<void>) => Promise<Response | undefined>

type Authorize = (header: string | undefined, options: VerifyOptions) => Promise<VerifyResult>

export function honoMiddleware(authorize: Authorize, options: VerifyOptions): HonoMiddleware {
  if (options.onStale !== undefined) parsePolicy(options.onStale)
  return async (context, next) => {
    const result = await authorize(context.req.header('authorization'), { ...options, request: context.req })
    if (result.ok) {
      context.set('auth', result.claims)
      await next()
      return undefined
    }
    const { status, wwwAuthenticate, retryAfterSeconds, body } = result
    const headers = new Headers({ 'cache-control': 'no-store' })
    if (wwwAuthenticate) headers.set('www-authenticate', wwwAuthenticate)
    if (retryAfterSeconds) headers.set('retry-after', String(retryAfterSeconds))
    return Response.json(body, { status, headers })
  }
}

import type { IncomingMessage, ServerResponse } from 'node:http'
import { parsePolicy } from '../options.ts'
import type { AccessTokenClaims, Refused, VerifyResult } from '../result.ts'
import type { VerifyOptions } from '../verifier.ts'

export type ExpressOptions = Omit<VerifyOptions, 'request'>

/** For Express, Connect and everything else that hands on Node's own request and response. `req.auth` has the claims. */
export type Middleware = (
  request: IncomingMessage & { auth?: AccessTokenClaims },
  response: ServerResponse,
  next: () => void,
) => Promise<void>

type Authorize = (header: string | undefined, options: VerifyOptions) => Promise<VerifyResult>

export function expressMiddleware(authorize: Authorize, options: ExpressOptions): Middleware {
  // A wrong word is to be noticed at the start, not by the first request.
  if (options.onStale !== undefined) parsePolicy(options.onStale)
  return async (request, response, next) => {
    const result = await authorize(request.headers.authorization, { ...options, request })
    if (!result.ok) return answer(response, result)
    request.auth = result.claims
    return next()
  }
}

function answer(response: ServerResponse, { status, wwwAuthenticate, retryAfterSeconds, body }: Refused): void {
  response.statusCode = status
  response.setHeader('cache-control', 'no-store')
  response.setHeader('content-type', 'application/json; charset=utf-8')
  if (wwwAuthenticate) response.setHeader('www-authenticate', wwwAuthenticate)
  if (retryAfterSeconds) response.setHeader('retry-after', String(retryAfterSeconds))
  response.end(JSON.stringify(body))
}

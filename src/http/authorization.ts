import type { FastifyRequest } from 'fastify'
import { OAuthError } from '../domain/oauth-error.ts'

const name = 'authorization'

/** The Authorization header, if there is exactly one. @throws {OAuthError} invalid_request for several: nobody could tell which counts */
export function authorizationOf(request: FastifyRequest): { authorization?: string } {
  const { rawHeaders } = request.raw
  const isIt = (text: string) => text.length === name.length && text.toLowerCase() === name
  if (rawHeaders.filter((text, i) => i % 2 === 0 && isIt(text)).length > 1)
    throw new OAuthError('invalid_request', 'Send one Authorization header')
  const { authorization } = request.headers
  return authorization === undefined ? {} : { authorization }
}

/** The bearer token of a request (RFC 6750 §2.1). Undefined: it brings none. */
export function bearerOf(request: FastifyRequest): string | undefined {
  const { authorization } = authorizationOf(request)
  return authorization !== undefined && /^bearer /i.test(authorization)
    ? authorization.slice('bearer '.length).trim()
    : undefined
}

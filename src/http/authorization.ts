import type { FastifyRequest } from 'fastify'
import { OAuthError } from '../domain/oauth-error.ts'

/** The Authorization header, if there is exactly one. @throws {OAuthError} invalid_request for several: nobody could tell which counts */
export function authorizationOf(request: FastifyRequest): { authorization?: string } {
  const { rawHeaders } = request.raw
  const count = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'authorization').length
  if (count > 1) throw new OAuthError('invalid_request', 'Send one Authorization header')
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

import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Parameters, parseParameters, refuseMalformed } from '../domain/parameters.ts'

/** Makes forms the only bodies that the routes of `app` read. */
export function readForms(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  )
}

/** The parameters of a POST body. @throws {OAuthError} invalid_request when it is malformed or repeats one */
export const formOf = (request: FastifyRequest): Parameters => refuseMalformed(bodyOf(request))

/** The same without a verdict, for endpoints whose errors depend on what could be read. */
export const bodyOf = (request: FastifyRequest): Parameters =>
  parseParameters(typeof request.body === 'string' ? request.body : '')

/** The parameters of a query string; never throws. */
export function queryOf(request: FastifyRequest): Parameters {
  const at = request.url.indexOf('?')
  return parseParameters(at < 0 ? '' : request.url.slice(at + 1))
}

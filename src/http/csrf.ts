import type { FastifyRequest } from 'fastify'
import { OAuthError } from '../domain/oauth-error.ts'

/**
 * Refuses a form that another site sent. A browser that says where a POST comes from decides it; without both headers the CSRF token of the
 * form decides alone.
 * @throws {OAuthError} access_denied
 */
export function requireSameOrigin(request: FastifyRequest, issuer: string): void {
  const { origin, 'sec-fetch-site': site } = request.headers
  const isSame = site === 'same-origin' || (origin === issuer && (site === undefined || site === 'none'))
  if (!isSame && (origin !== undefined || site !== undefined))
    throw new OAuthError('access_denied', 'This form was sent from another site', 'cross_site_post')
}

/** @throws {OAuthError} access_denied when the form does not carry the token that its page was made with */
export function requireToken(isRight: boolean): void {
  if (!isRight)
    throw new OAuthError('access_denied', 'This form is not the one that this page was made with', 'csrf_token')
}

import { OAuthError } from '../../domain/oauth-error.ts'
import type { Parameters } from '../../domain/parameters.ts'

/** The `resource` of a token request (RFC 8707 §2.2): an access token is for one resource. */
export function requestedResource(parameters: Parameters): { resource?: string } {
  const [resource, second] = parameters.all('resource')
  if (second !== undefined) throw new OAuthError('invalid_target', 'name one resource for each access token')
  return resource === undefined ? {} : { resource }
}

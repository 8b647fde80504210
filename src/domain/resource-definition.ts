import { adminScopes, serviceScopes } from './admin-scopes.ts'
import { resourceIdentifierField } from './client-metadata.ts'
import {
  checkFields,
  type Document,
  type FieldProblem,
  type Fields,
  fieldProblem,
  integer,
  list,
  oneOf,
  text,
  withoutNulls,
} from './field.ts'
import { identityScopes, parseScope } from './scope.ts'
import { longestAccessTokenSeconds, type SigningAlg, signingAlgs } from './signing-key.ts'

/** An API as administrators write it (RFC 8707). */
export interface ResourceDefinition {
  readonly identifier: string
  readonly name?: string
  readonly scopes: readonly string[]
  readonly accessTokenTtlSeconds?: number
  readonly signingAlg: SigningAlg
}

const reserved = new Set<string>([...identityScopes, ...adminScopes, ...serviceScopes])
const scope = text(200, (value) => {
  if (parseScope(value)?.length !== 1) return 'must be one scope'
  return reserved.has(value) ? 'must not be a scope of this server' : undefined
})

/** Every member that an API may have. */
export const resourceFields: Fields = {
  identifier: resourceIdentifierField,
  name: text(200),
  scopes: list(scope, 200),
  access_token_ttl_seconds: integer(1, longestAccessTokenSeconds),
  signing_alg: oneOf(signingAlgs),
}

/** Checks an API as a whole; null members count as absent. */
export function readResourceDefinition(
  given: Document,
): { readonly resource: ResourceDefinition } | { readonly problem: FieldProblem } {
  const document = withoutNulls(given)
  const problem = checkFields(resourceFields, document)
  if (problem) return { problem }
  const { identifier, name, scopes, access_token_ttl_seconds: ttl, signing_alg: alg } = document
  if (typeof identifier !== 'string') return { problem: fieldProblem('is required', 'identifier') }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the fields were checked
  const checked = { scopes: scopes ?? [], signingAlg: alg ?? 'ES256' } as Pick<
    ResourceDefinition,
    'scopes' | 'signingAlg'
  >
  return {
    resource: {
      identifier,
      ...(typeof name === 'string' ? { name } : {}),
      ...(typeof ttl === 'number' ? { accessTokenTtlSeconds: ttl } : {}),
      ...checked,
    },
  }
}

import { problemTypes } from '../../admin/problem.ts'
import { adminScopes } from '../../domain/admin-scopes.ts'
import { problemUrn } from './problems.ts'
import type { Route } from './route.ts'
import { record, type Schema } from './schema.ts'

type Json = Readonly<Record<string, unknown>>

/** The document of the API (OpenAPI 3.1), from what its routes declare. */
export function describeApi(routes: readonly Route[], issuer: string): Json {
  const schemas: Record<string, unknown> = {}
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = route.url.replaceAll(/:(\w+)/g, '{$1}')
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeRoute(route, schemas) }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Falconer admin API',
      version: '1',
      description: 'Clients, resources, users, sessions, grants, keys and the audit trail of an authorization server.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: `${issuer}/admin/v1` }],
    paths,
    components: {
      schemas: { ...schemas, Problem: problem },
      responses: Object.fromEntries(problemStatuses.map((status) => [`Problem${status}`, problemResponse(status)])),
      headers,
      securitySchemes: {
        oauth2: {
          type: 'oauth2',
          description: `An access token for ${issuer}/admin, which a client gets in its own name`,
          flows: {
            clientCredentials: {
              tokenUrl: `${issuer}/token`,
              scopes: Object.fromEntries(adminScopes.map((scope) => [scope, meanings[scope]])),
            },
          },
        },
      },
    },
  }
}

const meanings: Readonly<Record<(typeof adminScopes)[number], string>> = {
  admin: 'Everything',
  'clients:read': 'Read clients and resources',
  'clients:write': 'Change clients and resources',
  'users:read': 'Read users',
  'users:write': 'Change users',
  'sessions:read': 'Read sessions and grants',
  'sessions:revoke': 'End sessions and grants',
  'not-before:write': 'Read and draw not-before lines',
  'keys:read': 'Read signing keys',
  'keys:write': 'Rotate signing keys, and end what one has signed',
  'settings:read': 'Read settings',
  'settings:write': 'Change settings',
  'audit:read': 'Read audit events',
}

function describeRoute({ method, url, scope, shape }: Route, schemas: Record<string, unknown>): Json {
  const { furtherScope: further } = shape
  const scopes = further && !further.onlyIf ? [scope, further.scope] : [scope]
  const shown = (schema: Schema<unknown>) => hoisted(schema, schemas)
  const status = shape.answer ? (shape.status ?? 200) : 204
  const success = {
    description: status === 204 ? 'Done' : 'Success',
    headers: answerHeaders(method, shape),
    ...(shape.answer && { content: { 'application/json': { schema: shown(shape.answer) } } }),
  }
  return {
    operationId: shape.operation,
    summary: shape.summary,
    tags: [url.split('/')[1]],
    security: [{ oauth2: scopes }, ...(scope === 'admin' ? [] : [{ oauth2: ['admin'] }])],
    'x-scope': scope,
    ...(further && { 'x-further-scope': { scope: further.scope, when: further.onlyIf?.when ?? 'always' } }),
    parameters: [
      ...parametersOf('path', shape.params, shown),
      ...parametersOf('query', shape.querystring, shown),
      ...requestHeaders(method, shape),
    ],
    ...(shape.body && {
      requestBody: { required: isNeeded(shape.body), content: { 'application/json': { schema: shown(shape.body) } } },
    }),
    responses: {
      [status]: success,
      ...Object.fromEntries(
        statusesOf(method, shape).map((code) => [code, { $ref: `#/components/responses/Problem${code}` }]),
      ),
    },
  }
}

const isNeeded = ({ required }: Schema<object>): boolean => Array.isArray(required) && required.length > 0

interface Members {
  readonly properties?: Readonly<Record<string, Schema<unknown>>>
  readonly required?: readonly string[]
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `object` and `documentOf`
const membersOf = (schema: Schema<object> | undefined): Members => (schema ?? {}) as Members

function parametersOf(
  place: 'path' | 'query',
  schema: Schema<object> | undefined,
  shown: (schema: Schema<unknown>) => unknown,
): Json[] {
  const { properties = {}, required = [] } = membersOf(schema)
  return Object.entries(properties).map(([name, { description, ...member }]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: shown(member),
  }))
}

const headerParameter = (name: string, description: string, schema: Json): Json => ({
  name,
  in: 'header',
  description,
  schema,
})

const keyHeader = headerParameter(
  'Idempotency-Key',
  'The same key with the same request is answered with the first answer, for a day; nothing is done twice',
  { type: 'string', minLength: 1, maxLength: 257 },
)
const ifMatchHeader = headerParameter('If-Match', 'Only if this is still the ETag of it', { type: 'string' })
const confirmationHeader = headerParameter(
  'Confirmation',
  'Of a person: the confirmation that the same request was refused with',
  { type: 'string' },
)
const preferHeader = headerParameter('Prefer', 'wait=N: answer when every verifier obeys, after N seconds at most', {
  type: 'string',
})

function requestHeaders(method: string, shape: Route['shape']): Json[] {
  return [
    ...(method === 'POST' ? [keyHeader] : []),
    ...(method === 'PATCH' && shape.isVersioned ? [ifMatchHeader] : []),
    ...(shape.waits ? [preferHeader] : []),
    ...(shape.confirms ? [confirmationHeader] : []),
  ]
}

const text = { type: 'string' }
const headers = {
  ETag: { description: 'The version of it, for If-Match', schema: text },
  Link: { description: 'rel="next": where the list goes on (RFC 8288)', schema: text },
  Location: { description: 'Where it is from now on', schema: text },
  'Idempotency-Replayed': { description: 'true: this is the answer to an earlier request', schema: text },
  'Preference-Applied': { description: 'wait=N, if that was preferred', schema: text },
}

function answerHeaders(method: string, shape: Route['shape']): Json {
  const named: (keyof typeof headers)[] = []
  if (shape.isVersioned) named.push('ETag')
  const { properties = {} } = membersOf(shape.querystring)
  if ('cursor' in properties) named.push('Link')
  if (shape.status === 201) named.push('Location')
  if (method === 'POST') named.push('Idempotency-Replayed')
  if (shape.waits) named.push('Preference-Applied')
  return Object.fromEntries(named.map((name) => [name, { $ref: `#/components/headers/${name}` }]))
}

const problemStatuses = [...new Set(Object.values(problemTypes).map(({ status }) => status))]

/** By which problems a request may be refused. */
function statusesOf(method: string, shape: Route['shape']): number[] {
  const isChange = method !== 'GET'
  const never = new Set<number>([
    ...(shape.params || shape.body || shape.querystring ? [] : [404]),
    ...(isChange ? [] : [409, 413, 415]),
    ...(method === 'PATCH' && shape.isVersioned ? [] : [412]),
    ...(method === 'POST' ? [] : [422]),
  ])
  return problemStatuses.filter((status) => !never.has(status))
}

const problem = record(
  {
    type: { enum: Object.keys(problemTypes).map((name) => problemUrn(name as keyof typeof problemTypes)) },
    title: text,
    status: { type: 'integer' },
    detail: text,
    request_id: text,
  },
  {
    pointer: { ...text, description: 'JSON Pointer to the member of the request that is to blame' },
    confirmation: { ...text, description: 'What Confirmation has to say when the same request is sent again' },
  },
)

function problemResponse(status: number): Json {
  const titles = Object.values(problemTypes).filter((type) => type.status === status)
  const challenge = { 'WWW-Authenticate': { schema: text } }
  const later = { 'Retry-After': { schema: { type: 'integer' } } }
  return {
    description: titles.map(({ title }) => title).join('; '),
    ...(status === 401 || status === 403 ? { headers: challenge } : {}),
    ...(status === 409 || status === 503 ? { headers: later } : {}),
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
}

/** The schema with every part that has a title put among the named ones. */
function hoisted(value: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(value)) return value.map((item) => hoisted(item, schemas))
  if (typeof value !== 'object' || value === null) return value
  const copied = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, hoisted(part, schemas)]))
  const { title } = copied
  if (typeof title !== 'string') return copied
  schemas[title] = copied
  return { $ref: `#/components/schemas/${title}` }
}

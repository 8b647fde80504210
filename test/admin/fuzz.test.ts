import { randomUUID } from 'node:crypto'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemTypes } from '../../src/admin/problem.ts'
import { adminScopes } from '../../src/domain/admin-scopes.ts'
import { type ApiDocument, type Operation, readApiDocument } from '../support/admin-answers.ts'
import { adminClient, startServer, type TestServer } from '../support/server.ts'
import { hold } from './explaining.ts'

let server: TestServer
let api: ApiDocument
/** Ids of what is there. */
const known: string[] = []
beforeAll(async () => {
  server = await startServer()
  api = await readApiDocument(server.url)
})
afterAll(() => server.close())

/** Requests destroy what they are about: there is always something new to be found. */
async function makeSomething(): Promise<void> {
  const { sid, gid, user, app } = await hold(server)
  const identifier = `urn:${randomUUID()}`
  await server.admin('POST', '/resources', { identifier })
  known.splice(0, known.length, sid, gid, user.id, user.username, app.clientId, identifier)
}

type Json = Record<string, unknown>
const runs = 40

const tokens = new Map<string, string>()
async function tokenFor(scopes: readonly string[], isFresh = false): Promise<string> {
  const scope = scopes.join(' ')
  const remembered = isFresh ? undefined : tokens.get(scope)
  if (remembered !== undefined) return remembered
  const basic = Buffer.from(`${adminClient.id}:${adminClient.secret}`).toString('base64')
  const form = { grant_type: 'client_credentials', scope }
  const { body } = await server.post('/token', form, { authorization: `Basic ${basic}` })
  const token = String(body['access_token'])
  tokens.set(scope, token)
  return token
}

const anyKnown = fc.nat(5).map((index) => known[index] ?? 'nothing')
const evil = fc.constantFrom(
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  "'; drop table users; --",
  '%',
  '../../etc/passwd',
  '\u202e\ufeff',
  'x'.repeat(600),
  'x'.repeat(20_000),
  'ä'.repeat(3000),
  'now',
  'admin',
  '__proto__',
  '2026-02-30T25:61:00Z',
  '00000000-0000-0000-0000-000000000000',
)
const texts = fc.oneof(
  { weight: 2, arbitrary: anyKnown },
  { weight: 2, arbitrary: fc.stringMatching(/^[a-z]{3,12}$/) },
  { weight: 2, arbitrary: fc.webUrl() },
  evil,
  fc.string({ unit: 'binary' }),
  fc.uuid(),
)
const numbers = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -1, 1, 0.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 53, 1e300, 253_402_300_799),
)
const deep = (depth: number): unknown => {
  let value: unknown = 'end'
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value }
  return value
}
const anything: fc.Arbitrary<unknown> = fc.oneof(
  texts,
  numbers,
  fc.boolean(),
  fc.constant(null),
  fc.constant(deep(500)),
  fc.array(fc.oneof(texts, numbers), { maxLength: 300 }),
  fc.dictionary(texts, texts, { maxKeys: 5 }),
)

/** Something that a schema describes; what it only hints at (an id, a URL) is often wrong. */
function fitting(schema: Json): fc.Arbitrary<unknown> {
  const { type, properties, items } = schema as { type?: string; properties?: Record<string, Json>; items?: Json }
  if (Array.isArray(schema['enum'])) return fc.constantFrom<unknown>(...(schema['enum'] as unknown[]))
  if (Array.isArray(schema['anyOf'])) return fc.oneof(...(schema['anyOf'] as Json[]).map(fitting))
  const { minimum = 0, maximum = 1000 } = schema as { minimum?: number; maximum?: number }
  switch (type) {
    case 'string':
      return texts
    case 'integer':
      return fc.oneof(fc.constantFrom(minimum, maximum), fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31) }))
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(fitting(items ?? {}), { maxLength: 4 })
    case 'object':
      return someMembers(properties ?? {}, (schema['required'] ?? []) as string[])
    default:
      return anything
  }
}
/** What is required, and a few of the others: with all of them one would always be wrong. */
function someMembers(members: Record<string, Json>, required: readonly string[]): fc.Arbitrary<Json> {
  const all = Object.fromEntries(
    // To prune would take the test's own client away.
    Object.entries(members).map(([name, schema]) => [name, name === 'prune' ? fc.constant(false) : fitting(schema)]),
  )
  const optional = Object.keys(members).filter((name) => !required.includes(name))
  return fc
    .subarray(optional, { maxLength: Math.min(3, optional.length) })
    .chain((names) =>
      fc.record(Object.fromEntries([...required, ...names].map((name) => [name, all[name] ?? anything]))),
    )
}

/** What fits, with a member of another kind, without one, or with one too many. */
function spoiled(schema: Json): fc.Arbitrary<unknown> {
  const names = Object.keys(schema['properties'] ?? {})
  const spoil = fc.record({
    base: fitting(schema),
    name: fc.constantFrom(...names, 'colour', 'constructor', 'toString', ''),
    value: anything,
    isGone: fc.boolean(),
  })
  return spoil.map(({ base, name, value, isGone }) => {
    const changed: Json = { ...(base as Json), [name]: name === 'prune' ? 7 : value }
    if (isGone) delete changed[name]
    return changed
  })
}

/** Bodies as they are sent. */
const bodiesFor = (schema: Json): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: fitting(schema).map((body) => JSON.stringify(body)) },
    { weight: 4, arbitrary: spoiled(schema).map((body) => JSON.stringify(body)) },
    { weight: 1, arbitrary: anything.map((body) => JSON.stringify(body)) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(
        '',
        '{',
        'null',
        '{"__proto__":{"admin":true}}',
        '{"constructor":{"prototype":{}}}',
        '{"a":1,"a":2}',
        '['.repeat(30_000),
        `${'{"a":'.repeat(8000)}1${'}'.repeat(8000)}`,
        JSON.stringify({ username: 'x'.repeat(70_000) }),
        '\ufeff{}',
        '{"username":"\\ud800"}',
      ),
    },
  )

const unreadable = '%ED%A0%80'

// A URL cannot say half of a surrogate pair.
const encoded = (text: string) => encodeURIComponent(text.slice(0, 600).replaceAll(/[\ud800-\udfff]/g, '?'))

// Whoever reads a URL takes these away, and asks for another path.
const isKept = (step: string) => step !== '.' && step !== '..'

const inPath = fc.oneof(
  { weight: 3, arbitrary: anyKnown.map(encoded) },
  { weight: 2, arbitrary: fc.string().filter(isKept).map(encoded) },
  fc.constantFrom('%00', unreadable, '..%2Fusers', '%2F', 'x'.repeat(1900), '%F0%9F%A6%85', "'", '*', '%20', 'null'),
  fc.uuid(),
)

interface Request {
  readonly path: string
  readonly body: string | undefined
  readonly scopes: readonly string[] | undefined
  readonly headers: Record<string, string>
}

function requestsFor({ path, parameters, requestBody, security }: Operation): fc.Arbitrary<Request> {
  const own = security.map(({ oauth2 }) => oauth2)
  const query = parameters.filter((parameter) => parameter.in === 'query')
  const limits = fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 0, max: 201 }).map(String) }, texts)
  const one = (schema: Json) => fc.oneof(fitting(schema), texts).map(String)
  return fc
    .record({
      steps: fc.array(inPath, { minLength: 3, maxLength: 3 }),
      query: fc.record(
        Object.fromEntries(query.map(({ name, schema }) => [name, name === 'limit' ? limits : one(schema)])),
        { requiredKeys: [] },
      ),
      colour: fc.oneof({ weight: 8, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: texts }),
      body: requestBody ? bodiesFor(requestBody.content['application/json']?.schema ?? {}) : fc.constant(undefined),
      scopes: fc.oneof(
        { weight: 6, arbitrary: fc.constant(own[0]) },
        { weight: 1, arbitrary: fc.constant(own.at(-1)) },
        { weight: 1, arbitrary: fc.subarray(adminScopes.slice(1), { minLength: 1 }) },
        { weight: 1, arbitrary: fc.constant(undefined) },
      ),
      headers: fc.record(
        {
          'idempotency-key': fc.oneof({ weight: 4, arbitrary: fc.uuid() }, fc.constantFrom('a', '"')),
          'if-match': fc.constantFrom('*', '"x"', 'W/"', ','),
          prefer: fc.constantFrom('wait=0', 'wait=-1', 'wait="', 'respond-async'),
        },
        { requiredKeys: [] },
      ),
    })
    .map(({ steps, query: given, colour, body, scopes, headers }) => {
      const filled = path.replaceAll(/\{\w+\}/g, () => steps.pop() ?? '')
      const all = Object.entries({ ...given, ...(colour === null ? {} : { colour }) })
      const search = all.map(([name, value]) => `${name}=${encoded(value)}`)
      return { path: search.length > 0 ? `${filled}?${search.join('&')}` : filled, body, scopes, headers }
    })
}

async function send(operation: Operation, request: Request, isFresh = false): Promise<Response> {
  const { scopes, body, headers } = request
  return fetch(`${server.url}/admin/v1${request.path}`, {
    method: operation.method,
    headers: {
      ...headers,
      ...(scopes ? { authorization: `Bearer ${await tokenFor(scopes, isFresh)}` } : {}),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  })
}

const statusOfUrn = new Map(
  Object.entries(problemTypes).map(([type, { status }]) => [
    `urn:falconer:problem:${type.replaceAll('_', '-')}`,
    status,
  ]),
)

function judge(operation: Operation, { path, scopes }: Request, response: Response, body: Json | ''): void {
  const { status, headers } = response
  expect(status, JSON.stringify(body)).toBeLessThan(500)
  const isAllowed =
    scopes !== undefined && operation.security.some(({ oauth2 }) => oauth2.every((one) => scopes.includes(one)))
  // A path that cannot be decoded leads to no operation.
  if (path.split('?')[0]?.includes(unreadable)) expect(status).toBe(400)
  else if (!isAllowed) expect(status).toBe(scopes === undefined ? 401 : 403)
  else expect(status).not.toBe(401)
  api.check(operation.method, operation.path, { status, headers, body })
  if (status < 400 || body === '') return
  expect(statusOfUrn.get(String(body['type']))).toBe(status)
  const { pointer } = body
  if (body['type'] === 'urn:falconer:problem:invalid-field') expect(pointer).toMatch(/^(\/([^~/]|~0|~1)*)*$/s)
}

describe('whatever is sent to the admin API', () => {
  it('is answered as its description says, and never with a failure, nor done without its scope', async () => {
    const statuses: Record<number, number> = {}
    for (const operation of api.operations) {
      await makeSomething()
      // A new RSA key each time would be all that this test does.
      const numRuns = operation.path === '/keys/rotate' ? 5 : runs
      await fc.assert(
        fc.asyncProperty(requestsFor(operation), async (request) => {
          let response = await send(operation, request)
          // It may have ended everything, the tests' own tokens too.
          if (response.status === 401 && request.scopes) response = await send(operation, request, true)
          const text = await response.text()
          judge(operation, request, response, text === '' ? '' : (JSON.parse(text) as Json))
          statuses[response.status] = (statuses[response.status] ?? 0) + 1
        }),
        { numRuns, endOnFailure: true },
      )
    }
    // It has come past the validation often enough to mean something.
    for (const status of [200, 204, 400, 401, 403, 404])
      expect(statuses[status] ?? 0, String(status)).toBeGreaterThan(20)
    expect((await server.admin('GET', '/clients')).status).toBe(200)
  })
})

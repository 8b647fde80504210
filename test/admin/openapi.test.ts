import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { problemTypes } from '../../src/admin/problem.ts'
import { adminScopes } from '../../src/domain/admin-scopes.ts'
import { type ApiDocument, readApiDocument } from '../support/admin-answers.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { hold } from './explaining.ts'

let server: TestServer
let api: ApiDocument
beforeAll(async () => {
  server = await startServer()
  api = await readApiDocument(server.url)
})
afterAll(() => server.close())

type Body = Record<string, unknown>

/** Every object in the document, with the way to it. */
function* objectsIn(value: unknown, way = '#'): Generator<[string, Body]> {
  if (typeof value !== 'object' || value === null) return
  if (!Array.isArray(value)) yield [way, value as Body]
  for (const [name, part] of Object.entries(value))
    yield* objectsIn(part, `${way}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`)
}

describe('the description of the admin API (OpenAPI 3.1)', () => {
  it('is there for everybody, and may be cached', async () => {
    const response = await fetch(`${server.url}/admin/v1/openapi.json`)
    expect(response.headers.get('cache-control')).toBe('public, max-age=300')
    const etag = response.headers.get('etag') ?? ''
    const again = await fetch(`${server.url}/admin/v1/openapi.json`, { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
    expect(api.document).toMatchObject({ openapi: '3.1.0', info: { title: expect.any(String), version: '1' } })
  })

  it('has every reference lead somewhere', () => {
    const all = new Map(objectsIn(api.document))
    const references = [...all.values()].flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []))
    expect(references.length).toBeGreaterThan(100)
    expect(references.filter((reference) => !all.has(reference))).toEqual([])
  })

  it('holds valid schemas of 2020-12, which is the dialect of OpenAPI 3.1', () => {
    const ajv = new Ajv2020({ strict: false })
    const schemas = [...objectsIn(api.document)].filter(
      ([way]) => /\/schema$|^#\/components\/schemas\/[^/]+$/.test(way) && !way.includes('/properties/'),
    )
    expect(schemas.length).toBeGreaterThan(100)
    expect(schemas.filter(([, schema]) => ajv.validateSchema(schema) !== true)).toEqual([])
  })

  it('says of every operation what it is, which scope it needs and how it may be refused', () => {
    const names = api.operations.map(({ operationId }) => operationId)
    expect(new Set(names).size).toBe(names.length)
    for (const operation of api.operations) {
      const { operationId, summary, path, parameters, responses } = operation
      expect(operationId).toMatch(/^[a-z]+(_[a-z]+)*$/)
      expect(summary, operationId).toMatch(/^[A-Z][^\n]{8,140}[^.]$/)
      expect(adminScopes, operationId).toContain(operation['x-scope'])
      expect(operation.security[0]?.oauth2, operationId).toContain(operation['x-scope'])
      expect(operation.security.at(-1), operationId).toEqual({ oauth2: ['admin'] })
      const inPath = parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name)
      expect(inPath, operationId).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
      const statuses = Object.keys(responses).map(Number)
      expect(statuses.filter((status) => status < 300)).toHaveLength(1)
      expect(statuses, operationId).toEqual(expect.arrayContaining([401, 403, 500, 503]))
    }
  })

  it('names the headers where they count', () => {
    const headersOf = (method: string, path: string) =>
      api
        .find(method, path)
        ?.parameters.filter((parameter) => parameter.in === 'header')
        .map(({ name }) => name)
    expect(headersOf('POST', '/clients')).toEqual(['Idempotency-Key'])
    expect(headersOf('POST', '/revocations')).toEqual(['Idempotency-Key', 'Prefer', 'Confirmation'])
    expect(headersOf('PATCH', '/users/1')).toEqual(['If-Match'])
    expect(headersOf('PUT', '/not-before')).toEqual(['Prefer', 'Confirmation'])
    expect(headersOf('GET', '/users')).toEqual([])
  })

  it('lists every type of problem, under its status', () => {
    const { schemas, responses } = api.document['components'] as {
      schemas: Record<string, { properties: { type: { enum: string[] } } }>
      responses: Body
    }
    const urns = Object.keys(problemTypes).map((type) => `urn:falconer:problem:${type.replaceAll('_', '-')}`)
    expect(schemas['Problem']?.properties.type.enum).toEqual(urns)
    const statuses = new Set(Object.values(problemTypes).map(({ status }) => `Problem${status}`))
    expect(new Set(Object.keys(responses))).toEqual(statuses)
  })
})

describe('what the admin API answers', () => {
  it('is what its description says, for every operation that there is', async () => {
    const seen = new Set<string>()
    // Every answer is checked by the harness; here it is seen to that no operation is left out.
    const call = async <B = Body>(method: string, path: string, body?: unknown, headers = {}): Promise<B> => {
      const answer = await server.admin<B>(method, path, body, headers)
      expect(answer.status, `${method} ${path} ${JSON.stringify(answer.body)}`).toBeLessThan(300)
      seen.add(api.find(method, path)?.operationId ?? path)
      return answer.body
    }
    const wait = { prefer: 'wait=1' }
    await call('POST', '/clients', { client_id: 'walked', redirect_uris: ['https://a.example/cb'], contacts: ['x'] })
    await call('POST', '/clients/walked/secrets', { overlap_seconds: 1 })
    await call('PATCH', '/clients/walked', { client_name: 'Walked', session_idle_seconds: 60 })
    await call('PATCH', '/clients/walked', { token_endpoint_auth_method: 'none' })
    await call('PATCH', '/clients/walked', { token_endpoint_auth_method: 'client_secret_post' })
    await call('GET', '/clients/walked')
    await call('GET', '/clients?limit=1')
    await call('POST', '/resources', { identifier: 'urn:a', scopes: ['a:read'], name: 'A' })
    await call('POST', '/resources/urn%3Ab', { access_token_ttl_seconds: 60 })
    await call('PATCH', '/resources/urn%3Ab', { name: 'B' })
    await call('GET', '/resources/urn%3Ab')
    await call('GET', '/resources')
    await call('DELETE', '/resources/urn%3Ab')
    const made = await call('POST', '/users', {
      username: 'walker',
      email: 'w@example.com',
      address: { country: 'SE' },
    })
    const path = `/users/${String(made['id'])}`
    await call('PATCH', path, { name: 'W', email_verified: true })
    await call('GET', path)
    await call('GET', '/users?query=walk')

    const held = await hold(server, { client: { skip_consent: false } })
    const offline = await hold(server, { parameters: { scope: 'openid offline_access' } })
    await call('GET', '/sessions')
    await call('GET', `/sessions/${held.sid}`)
    await call('GET', `/sessions/${held.sid}/explain`)
    await call('GET', '/grants')
    await call('GET', `/grants/${offline.gid}`)
    await call('GET', `/grants/${offline.gid}/explain`)
    await call('GET', `/users/${held.user.id}/export`)
    await call('POST', '/revocations', { user_id: held.user.id, dry_run: true })
    await call('POST', '/revocations', { user_id: held.user.id }, wait)
    await call('GET', `/sessions/${held.sid}/explain`)
    await call('GET', `/grants/${held.gid}/explain`)
    await call('DELETE', `/grants/${offline.gid}`)
    await call('DELETE', `/sessions/${offline.sid}`)
    await call('POST', '/revocations', { client_id: 'walked' })
    await call('PUT', '/not-before', { scope: 'user', id: made['id'], not_before: 'now' }, wait)
    await call('PUT', '/not-before', { scope: 'client', id: 'walked', not_before: 1000 })
    await call('GET', '/not-before')
    await call('GET', `/not-before?scope=user&id=${String(made['id'])}`)
    await call('GET', `/sessions/${held.sid}/explain`)
    await call('POST', `${path}/password`, { password: 'correct horse' })
    await call('POST', `${path}/disable`)
    await call('POST', `${path}/enable`)
    await call('GET', '/audit-events?limit=200')
    await call('GET', '/audit-events/verification')
    await call('GET', '/settings')
    await call('PATCH', '/settings', { SESSION_IDLE_SECONDS: 900 })
    const keys = await call<{ items: { kid: string }[] }>('GET', '/keys')
    await call('POST', '/keys/rotate')
    await call('POST', `/keys/${keys.items[0]?.kid}/compromise`, undefined, wait)
    await call('DELETE', path)
    await call('DELETE', '/clients/walked')
    // Of what is walked through here nothing is left out; the rest has walks of its own, which the harness checks in the same way.
    const walked = new Set(api.operations.filter(({ operationId }) => seen.has(operationId)).map(({ tags }) => tags[0]))
    expect(walked.size).toBeGreaterThan(9)
    const left = api.operations.filter(({ operationId, tags }) => walked.has(tags[0]) && !seen.has(operationId))
    expect(left.map(({ operationId }) => operationId)).toEqual([])
  })

  it.each<[string, string, unknown, number]>([
    ['POST', '/clients', {}, 400],
    ['POST', '/users', { username: 'walker', email: 7 }, 400],
    ['GET', '/users/nobody', undefined, 404],
    ['POST', '/resources', { identifier: 'urn:a' }, 409],
    ['PATCH', '/resources/urn%3Aa', {}, 412],
    ['GET', '/clients?cursor=x', undefined, 400],
  ])('%s %s is refused as it says', async (method, path, body, status) => {
    const answer = await server.admin(method, path, body, { 'if-match': '"other"' })
    expect(answer.status).toBe(status)
  })
})

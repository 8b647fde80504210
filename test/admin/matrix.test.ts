import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { adminScopes } from '../../src/domain/admin-scopes.ts'
import { type ApiDocument, type Operation, readApiDocument } from '../support/admin-answers.ts'
import { adminClient, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
let api: ApiDocument
beforeAll(async () => {
  server = await startServer()
  api = await readApiDocument(server.url)
})
afterAll(() => server.close())

async function tokenFor(scope: string): Promise<string> {
  const basic = Buffer.from(`${adminClient.id}:${adminClient.secret}`).toString('base64')
  const form = { grant_type: 'client_credentials', scope }
  const { body } = await server.post('/token', form, { authorization: `Basic ${basic}` })
  return String(body['access_token'])
}

/** Asks for something that is not there, with nothing in the body: it must get as far as that and no further. */
async function statusOf({ method, path, requestBody }: Operation, token?: string): Promise<number> {
  const answer = await fetch(`${server.url}/admin/v1${path.replaceAll(/\{\w+\}/g, 'nothing')}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(requestBody ? { 'content-type': 'application/json' } : {}),
    },
    ...(requestBody ? { body: '{}' } : {}),
  })
  api.check(method, path, {
    status: answer.status,
    headers: answer.headers,
    body: answer.status === 204 ? '' : await answer.json(),
  })
  return answer.status
}

const refusals = new Set([401, 403])

describe('every operation of the admin API', () => {
  it('is refused without a token, and with one that is none', async () => {
    expect(api.operations.length).toBeGreaterThan(38)
    for (const operation of api.operations) {
      expect(await statusOf(operation), operation.operationId).toBe(401)
      expect(await statusOf(operation, 'a.b.c'), operation.operationId).toBe(401)
    }
  })

  it('is refused with every scope but its own', async () => {
    for (const scope of adminScopes) {
      const token = await tokenFor(scope)
      const wrong = api.operations.filter(({ security }) => !security.some(({ oauth2 }) => oauth2.includes(scope)))
      expect(wrong.length === 0).toBe(scope === 'admin')
      for (const operation of wrong)
        expect(await statusOf(operation, token), `${scope} ${operation.operationId}`).toBe(403)
    }
  })

  it('is refused with all scopes but its own', async () => {
    for (const operation of api.operations) {
      const own = operation.security.flatMap(({ oauth2 }) => oauth2)
      for (const missing of own.filter((scope) => scope !== 'admin')) {
        const others = adminScopes.filter((scope) => scope !== missing && scope !== 'admin')
        const status = await statusOf(operation, await tokenFor(others.join(' ')))
        expect(status, `${operation.operationId} without ${missing}`).toBe(403)
      }
    }
  })

  it('is not refused with its own, or with admin', async () => {
    for (const operation of api.operations) {
      for (const { oauth2 } of operation.security) {
        const status = await statusOf(operation, await tokenFor(oauth2.join(' ')))
        expect(refusals.has(status), `${operation.operationId} with ${oauth2.join(' ')}: ${status}`).toBe(false)
        expect(status, operation.operationId).toBeLessThan(500)
      }
    }
  })

  it.each<[string, string, unknown, string]>([
    ['POST', '/revocations', { all: true, dry_run: true }, 'sessions:revoke'],
    ['POST', '/revocations', { kid: 'x' }, 'sessions:revoke'],
    ['PUT', '/not-before', { scope: 'server', not_before: 1 }, 'not-before:write'],
  ])('%s %s %j needs admin besides %s', async (method, path, body, scope) => {
    const operation = api.find(method, path)
    expect(operation?.['x-further-scope']?.scope).toBe('admin')
    const authorization = `Bearer ${await tokenFor(scope)}`
    const { status, headers } = await server.admin(method, path, body, { authorization })
    expect(status).toBe(403)
    expect(headers.get('www-authenticate')).toContain('scope="admin"')
    const key = { 'idempotency-key': 'of one with more scopes' }
    await server.admin(method, path, body, key)
    expect((await server.admin(method, path, body, { ...key, authorization })).status).toBe(403)
  })
})

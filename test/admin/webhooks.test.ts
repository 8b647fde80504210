import { createServer, type Server as HttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sealAuditEvents } from '../../src/admin/audit-sealing.ts'
import { sendWebhooks } from '../../src/admin/webhook-sending.ts'
import { createAddressFilter } from '../../src/outbound/address-filter.ts'
import { createPost } from '../../src/outbound/post.ts'
import { startServer, type TestServer } from '../support/server.ts'

interface Heard {
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

let receiver: HttpServer
let base: string
let server: TestServer
let second: TestServer
const heard: Heard[] = []
/** What the receiver answers at a path; 204 unless it says otherwise. */
const answers = new Map<string, () => number>()

beforeAll(async () => {
  const hear = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const path = request.url ?? ''
    heard.push({ path, headers: request.headers, body })
    const status = answers.get(path)?.() ?? 204
    response.writeHead(status, status === 302 ? { location: `${base}/elsewhere` } : {}).end('what nobody should read')
  }
  receiver = createServer((request, response) => void hear(request, response))
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const { port } = receiver.address() as AddressInfo
  base = `http://127.0.0.1:${port}`
  // Rounds of the servers themselves would come between those of the tests.
  const settings = { OUTBOUND_ALLOW: `127.0.0.1:${port}`, CLEANUP_INTERVAL_SECONDS: '3600' }
  server = await startServer(settings)
  second = await server.another(settings)
})
afterAll(async () => {
  await second.close()
  await server.close()
  receiver.close()
})

const create = async (path: string, events: string[] = ['user.*']) =>
  (await server.admin<{ id: string; secret: string }>('POST', '/webhooks', { url: `${base}${path}`, events })).body
const at = (path: string) => heard.filter((one) => one.path === path)
const seal = async () => {
  await server.wait(10)
  await sealAuditEvents(server.server.tools)
}
const send = (on = server) => sendWebhooks(on.server.tools)
const deliveries = async (id: string, query = '') =>
  (await server.admin<{ items: Record<string, unknown>[] }>('GET', `/webhooks/${id}/deliveries${query}`)).body.items

describe('a webhook', () => {
  it('is told of the events that it asked for, signed so that another library can check it', async () => {
    const { secret } = await create('/signed', ['user.created', 'session.*'])
    const { id, username } = await server.createUser()
    await server.createClient()
    await seal()
    await send()
    const [first, ...others] = at('/signed')
    expect(others).toEqual([])
    const headers = first?.headers as Record<string, string>
    const message = new Webhook(secret).verify(first?.body ?? '', headers)
    expect(message).toMatchObject({
      type: 'user.created',
      data: { type: 'user.created', user_id: id, actor: 'client:test-admin', outcome: 'success' },
    })
    expect(headers['webhook-id']).toBe((message as { data: { id: string } }).data.id)
    expect(first?.body).not.toContain(username)
    expect(() => new Webhook(secret).verify(`${first?.body} `, headers)).toThrow()
  })

  it('hears each event once, although two instances queue and send at the same time', async () => {
    const { id } = await create('/once')
    for (let i = 0; i < 40; i++) await server.createUser()
    await seal()
    await Promise.all([send(), send(second), send(), send(second)])
    const ids = at('/once').map(({ headers }) => headers['webhook-id'])
    expect(ids.length).toBe(40)
    expect(new Set(ids).size).toBe(40)
    expect((await deliveries(id)).map(({ state }) => state)).toEqual(ids.map(() => 'delivered'))
  })

  it('is tried again while it fails, under the same id, and only until it answers', async () => {
    const { id } = await create('/down')
    answers.set('/down', () => 500)
    await server.createUser()
    await seal()
    await send()
    await send()
    expect(at('/down').length).toBe(1)
    expect(await deliveries(id)).toMatchObject([{ state: 'pending', attempts: 1, last_status: 500, settled_at: null }])
    answers.delete('/down')
    await server.wait(6)
    await send()
    await send()
    expect(at('/down').length).toBe(2)
    expect(new Set(at('/down').map(({ headers }) => headers['webhook-id'])).size).toBe(1)
    expect(await deliveries(id, '?state=delivered')).toMatchObject([
      { attempts: 2, last_status: 204, last_error: null },
    ])
  })

  it('does not wait for another one that is down', async () => {
    await create('/stuck')
    await create('/lively')
    answers.set('/stuck', () => 503)
    for (let i = 0; i < 50; i++) await server.createUser()
    await seal()
    await send()
    expect([at('/stuck').length, at('/lively').length]).toEqual([20, 50])
    answers.delete('/stuck')
    await server.wait(6)
    await send()
    expect(at('/stuck').length).toBe(70)
  })

  it('does not follow redirects, and what it answers is kept nowhere', async () => {
    const { id } = await create('/redirecting')
    answers.set('/redirecting', () => 302)
    await server.createUser()
    await seal()
    await send()
    expect(at('/elsewhere')).toEqual([])
    const stored = JSON.stringify(await server.db.query('select * from webhook_deliveries'))
    expect(stored).not.toContain('nobody should read')
    expect(await deliveries(id)).toMatchObject([{ state: 'pending', last_status: 302 }])
  })

  it('hears nothing of the time in which it was disabled', async () => {
    const { id } = await create('/resting')
    await server.admin('PATCH', `/webhooks/${id}`, { disabled: true })
    await server.createUser()
    await seal()
    await send()
    await server.admin('PATCH', `/webhooks/${id}`, { disabled: false })
    const { id: userId } = await server.createUser()
    await seal()
    await send()
    expect(at('/resting').map(({ body }) => (JSON.parse(body) as { data: { user_id: string } }).data.user_id)).toEqual([
      userId,
    ])
  })

  it('gets a new secret at once, and the one before signs nothing any more', async () => {
    const { id, secret: before } = await create('/rotated')
    const { body } = await server.admin<{ secret: string }>('POST', `/webhooks/${id}/secrets`)
    await server.createUser()
    await seal()
    await send()
    const [message] = at('/rotated')
    const headers = message?.headers as Record<string, string>
    expect(new Webhook(body.secret).verify(message?.body ?? '', headers)).toBeTruthy()
    expect(() => new Webhook(before).verify(message?.body ?? '', headers)).toThrow()
  })

  it('has its secret nowhere in the database, the log or another answer', async () => {
    const { id, secret } = await create('/secret')
    const shown = await server.admin('GET', `/webhooks/${id}`)
    const [row] = await server.db.query('select * from webhooks where id = $1', [id])
    const audited = await server.db.query(`select * from audit_events where target_id = $1`, [id])
    for (const text of [shown.body, row, audited, server.log]) expect(JSON.stringify(text)).not.toContain(secret)
    expect(String(row?.['secret'])).not.toContain(secret)
  })

  it.each([
    ['no URL', { url: 'nonsense' }, '/url'],
    ['another scheme', { url: 'file:///etc/passwd' }, '/url'],
    ['a password in the URL', { url: 'https://user:word@example.com/' }, '/url'],
    ['no type of events', { url: 'https://example.com/', events: ['user.*.x'] }, '/events/0'],
  ])('refuses %s', async (_, body, pointer) => {
    const answer = await server.admin('POST', '/webhooks', body)
    expect(answer.status).toBe(400)
    expect(answer.body).toMatchObject({ type: 'urn:falconer:problem:invalid-field', pointer })
  })

  it('is given up after about a day, and can be told again by an administrator', async () => {
    const { id } = await create('/gone')
    answers.set('/gone', () => 410)
    await server.createUser()
    await seal()
    for (let attempt = 0; attempt < 40; attempt++) {
      await send()
      await server.wait(4000)
    }
    const [failed] = await deliveries(id)
    expect(failed).toMatchObject({ state: 'failed', attempts: 29, last_status: 410, next_attempt_at: null })
    answers.delete('/gone')
    const again = await server.admin('POST', `/webhooks/${id}/deliveries/${String(failed?.['event_id'])}`)
    expect(again.body).toMatchObject({ state: 'pending', attempts: 0 })
    await send()
    expect(await deliveries(id)).toMatchObject([{ state: 'delivered', attempts: 1 }])
  })
})

describe('a request to an address that somebody else chose', () => {
  const post = (url: string, exceptions: string[] = []) =>
    createPost(createAddressFilter(exceptions))({ url, headers: {}, body: '{}' })
  const port = () => new URL(base).port

  it.each([
    '127.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '2130706433',
    '0x7f.1',
    '0.0.0.0',
    '169.254.169.254',
    '10.0.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '[fd00::1]',
    '[fe80::1]',
    '[64:ff9b::7f00:1]',
    'localhost',
  ])('does not go to %s', async (host) => {
    const before = heard.length
    expect(await post(`https://${host}:${port()}/inside`)).toEqual({ error: 'forbidden_address' })
    expect(heard.length).toBe(before)
  })

  it('goes to what the operator allowed, by name and port or by range, and in http only by name', async () => {
    expect(await post(`${base}/named`, [`127.0.0.1:${port()}`])).toEqual({ status: 204 })
    expect(await post(`http://localhost:${port()}/named`, [`localhost:${port()}`])).toEqual({ status: 204 })
    expect(await post(`${base}/ranged`, ['127.0.0.0/8'])).toEqual({ error: 'https_required' })
    const secure = await post(`https://127.0.0.1:${port()}/ranged`, ['127.0.0.0/8']) // there is no TLS, but a connection
    expect(secure).not.toEqual({ error: 'forbidden_address' })
    expect('error' in secure).toBe(true)
  })

  it('says in a word why there was no answer', async () => {
    expect(await post('http://127.0.0.1:1/', ['127.0.0.1:1'])).toEqual({ error: 'econnrefused' })
    expect(await post('https://does-not-exist.invalid/')).toMatchObject({ error: expect.stringMatching(/^e[a-z_]+$/) })
  })
})

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ SESSION_IDLE_SECONDS: '600', REMEMBER_ME_IDLE_SECONDS: '86400' })
})
afterAll(() => server.close())

interface Setting {
  readonly name: string
  readonly value: unknown
  readonly source: string
  readonly overridden: boolean
}

async function settingsOf(at: TestServer): Promise<Map<string, Setting>> {
  const { body } = await at.admin<{ items: Setting[] }>('GET', '/settings')
  return new Map(body.items.map((setting) => [setting.name, setting]))
}

describe('admin: settings', () => {
  it('are shown as they hold, under the names of their environment variables', async () => {
    const settings = await settingsOf(server)
    expect(settings.get('SESSION_IDLE_SECONDS')).toEqual({
      name: 'SESSION_IDLE_SECONDS',
      value: 600,
      source: 'database',
      configured: 600,
      overridden: false,
    })
    expect(settings.get('REMEMBER_ME')?.value).toBe(true)
    expect(settings.get('REMEMBER_ME_IDLE_SECONDS')?.value).toBe(86_400)
    expect(settings.get('REFRESH_IDLE_SECONDS')?.value).toBeNull()
    expect(settings.get('ACCESS_TOKEN_TTL_SECONDS')).toMatchObject({ value: 300, source: 'environment' })
  })

  it('follow the instance that started last, where they stand in the database', async () => {
    const other = await server.another({ SESSION_IDLE_SECONDS: '300', ACCESS_TOKEN_TTL_SECONDS: '60' })
    const [here, there] = [await settingsOf(server), await settingsOf(other)]
    expect([here, there].map((each) => each.get('SESSION_IDLE_SECONDS')?.value)).toEqual([300, 300])
    expect([here, there].map((each) => each.get('ACCESS_TOKEN_TTL_SECONDS')?.value)).toEqual([300, 60])
    await other.close()
  })

  it('tell no secret, and nothing else that does not belong to them', async () => {
    const names = [...(await settingsOf(server)).keys()]
    expect(
      names.filter(
        (name) => !/^(SESSION|REMEMBER|MAX_SESSIONS|REFRESH|OFFLINE|ACCESS|AUTHORIZATION|LOGIN|KEY|FEED)_/.test(name),
      ),
    ).toEqual(['REMEMBER_ME'].filter((name) => !names.includes(name)))
  })
})

describe('admin: settings that are set over the environment', () => {
  beforeEach(async () => {
    const names = [...(await settingsOf(server)).values()]
      .filter(({ overridden }) => overridden)
      .map(({ name }) => name)
    await change(Object.fromEntries(names.map((name) => [name, null])))
  })
  const change = (patch: object, headers: Record<string, string> = {}) =>
    server.admin<{ items: Setting[]; detail: string; pointer: string }>('PATCH', '/settings', patch, headers)
  const idle = async (at = server) => (await settingsOf(at)).get('SESSION_IDLE_SECONDS')
  const events = async () =>
    server.db.query(`select actor, detail from audit_events where type = 'settings.changed' order by id`)

  it('hold on every instance, and outlast those that start with another environment', async () => {
    const { body } = await change({ SESSION_IDLE_SECONDS: 120 })
    const other = await server.another({ SESSION_IDLE_SECONDS: '300' })
    const after = { value: 120, configured: 300, overridden: true }
    expect(body.items[0]).toMatchObject({ name: 'SESSION_IDLE_SECONDS', value: 120, overridden: true })
    expect([await idle(), await idle(other)]).toMatchObject([after, after])
    await other.close()
  })

  it('null takes one back to what the instance says that started last', async () => {
    await change({ SESSION_IDLE_SECONDS: 120, REFRESH_IDLE_SECONDS: 60 })
    const other = await server.another({ SESSION_IDLE_SECONDS: '300' })
    await other.close()
    const { body } = await change({ SESSION_IDLE_SECONDS: null })
    expect(body.items[0]).toMatchObject({ value: 300, configured: 300, overridden: false })
    expect((await settingsOf(server)).get('REFRESH_IDLE_SECONDS')).toMatchObject({ value: 60, configured: null })
  })

  it.each<[object, string, string]>([
    [{ SESSION_IDLE_SECONDS: 0 }, '/SESSION_IDLE_SECONDS', 'must be >= 1'],
    [{ SESSION_IDLE_SECONDS: '600' }, '/SESSION_IDLE_SECONDS', 'must be'],
    [{ REMEMBER_ME: 1 }, '/REMEMBER_ME', 'must be'],
    [{ SESSION_LIMIT_POLICY: 'lottery' }, '/SESSION_LIMIT_POLICY', 'must be'],
    [{ ACCESS_TOKEN_TTL_SECONDS: 60 }, '/ACCESS_TOKEN_TTL_SECONDS', 'comes from the environment of each instance'],
    [{ MASTER_KEYS: 'x' }, '/MASTER_KEYS', 'comes from the environment of each instance'],
    [{ SESION_IDLE_SECONDS: 60 }, '/SESION_IDLE_SECONDS', 'is not known'],
    [{ constructor: null }, '/constructor', 'is not known'],
  ])('%j is refused, and nothing with it', async (patch, pointer, detail) => {
    const refused = await change({ MAX_SESSIONS_PER_USER: 3, ...patch })
    expect(refused.status).toBe(400)
    expect(refused.body).toMatchObject({ pointer, detail: expect.stringContaining(detail) })
    expect((await settingsOf(server)).get('MAX_SESSIONS_PER_USER')).toMatchObject({ value: 0, overridden: false })
  })

  it('obey a compliance profile, and one that comes later takes back what is looser', async () => {
    await change({ SESSION_IDLE_SECONDS: 1200, SESSION_MAX_SECONDS: 7200, REFRESH_COUNTS_AS_ACTIVITY: true })
    const strict = await server.another({
      COMPLIANCE_PROFILE: 'pci',
      SESSION_IDLE_SECONDS: '900',
      REMEMBER_ME: 'false',
    })
    expect((await events()).at(-1)).toMatchObject({
      actor: 'system',
      detail: { changes: { SESSION_IDLE_SECONDS: { from: 1200, to: 900 }, COMPLIANCE_PROFILE: { to: 'pci' } } },
    })
    const settings = await settingsOf(server)
    expect(settings.get('SESSION_IDLE_SECONDS')).toMatchObject({ value: 900, overridden: false })
    expect(settings.get('REFRESH_COUNTS_AS_ACTIVITY')).toMatchObject({ value: false, overridden: false })
    expect(settings.get('SESSION_MAX_SECONDS')).toMatchObject({ value: 7200, overridden: true })
    for (const loose of [{ SESSION_IDLE_SECONDS: 901 }, { REMEMBER_ME: true }, { REFRESH_COUNTS_AS_ACTIVITY: true }])
      expect((await change(loose)).body.detail).toContain('under COMPLIANCE_PROFILE=pci')
    expect((await change({ SESSION_IDLE_SECONDS: 60 })).status).toBe(200)
    await strict.close()
    await (await server.another()).close()
  })

  it('change only what was seen, with If-Match', async () => {
    const { headers } = await server.admin('GET', '/settings')
    const seen = { 'if-match': headers.get('etag') ?? '' }
    expect((await change({ SESSION_IDLE_SECONDS: 500 }, seen)).status).toBe(200)
    expect((await change({ SESSION_IDLE_SECONDS: 400 }, seen)).status).toBe(412)
    expect(await idle()).toMatchObject({ value: 500 })
  })

  it('lose no change when two are made at once', async () => {
    const patches = [{ SESSION_IDLE_SECONDS: 500 }, { SESSION_MAX_SECONDS: 5000 }, { MAX_SESSIONS_PER_USER: 5 }]
    await Promise.all(patches.map((patch) => change(patch)))
    const settings = await settingsOf(server)
    for (const [name, value] of patches.flatMap((patch) => Object.entries(patch)))
      expect(settings.get(name)).toMatchObject({ value, overridden: true })
  })

  it('write who changed what, once', async () => {
    const before = (await events()).length
    await change({ SESSION_IDLE_SECONDS: 500 })
    await change({ SESSION_IDLE_SECONDS: 500 })
    await change({ SESSION_IDLE_SECONDS: 600 })
    await change({ SESSION_IDLE_SECONDS: null })
    const told = (from: number, to: number) => ({
      actor: 'client:test-admin',
      detail: { changes: { SESSION_IDLE_SECONDS: { from, to } } },
    })
    // The last one changes nothing but who decides.
    expect((await events()).slice(before)).toEqual([told(600, 500), told(500, 600), told(600, 600)])
  })

  it('decide what the sign-in page of every instance offers', async () => {
    const app = await server.createClient()
    const other = await server.another()
    const offers = async (at: TestServer) => {
      const page = await at.browser().open(app.request().url.replace(server.url, at.url))
      return page.body.includes('id="remember-me"')
    }
    expect([await offers(server), await offers(other)]).toEqual([true, true])
    await change({ REMEMBER_ME: false })
    expect([await offers(server), await offers(other)]).toEqual([false, false])
    await other.close()
  })
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf, isActive, lastReason } from '../support/tokens.ts'

let server: TestServer
let username: string
beforeAll(async () => {
  server = await startServer({ ACCESS_TOKEN_TTL_SECONDS: '3600' })
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

const setPolicy = async (changed: Record<string, string> = {}) => (await server.another(changed)).close()
const change = (client: TestClient, metadata: object) => server.admin('PATCH', `/clients/${client.clientId}`, metadata)
const tighten = async (client: TestClient, metadata: object) =>
  expect((await change(client, metadata)).status).toBe(200)
const scopes = { online: 'openid', offline: 'openid offline_access' } as const
const kinds = ['online', 'offline'] as const
const tokensOf = (client: TestClient, kind: (typeof kinds)[number]) =>
  client.tokens({ username, parameters: { scope: scopes[kind] } })
const members = {
  online: { idle: 'session_idle_seconds', max: 'session_max_seconds' },
  offline: { idle: 'offline_idle_seconds', max: 'offline_max_seconds' },
} as const

const expectOver = async (client: TestClient, { refresh_token, access_token }: Tokens) => {
  expect(await isActive(client, access_token)).toBe(false)
  expect(await isActive(client, refresh_token)).toBe(false)
  expect((await client.refresh(refresh_token)).body).toMatchObject({ error: 'invalid_grant' })
  expect(lastReason(server)).toBe('expired')
  const { gid } = claimsOf(access_token)
  expect((await server.admin('GET', `/grants/${String(gid)}`)).body).toMatchObject({ alive: false, ended_at: null })
}
const expectAlive = async (client: TestClient, { refresh_token, access_token }: Tokens) => {
  expect(await isActive(client, access_token)).toBe(true)
  expect(await isActive(client, refresh_token)).toBe(true)
}

describe.each(kinds)("a client's own limits, %s", (kind) => {
  const { idle, max } = members[kind]

  it(`${idle}: over when it was not refreshed for so long, while the session lives on`, async () => {
    const client = await server.createClient({ [idle]: 100 })
    const tokens = await tokensOf(client, kind)
    expect(tokens.expires_in).toBe(100)
    await server.wait(90)
    const { body } = await client.refresh(tokens.refresh_token)
    expect(body.expires_in).toBe(100)
    await server.wait(90)
    await expectAlive(client, { ...tokens, ...body })
    await server.wait(11)
    await expectOver(client, { ...tokens, ...body })
    const again = await client.signIn({ browser: tokens.browser, parameters: { prompt: 'none' } })
    expect(again.code).not.toBe('')
  })

  it(`${max}: counted from the beginning of the grant, not from its last refresh`, async () => {
    const client = await server.createClient({ [max]: 100 })
    const tokens = await tokensOf(client, kind)
    let last: Tokens = tokens
    for (const left of [70, 40, 10]) {
      await server.wait(30)
      const { body } = await client.refresh(last.refresh_token)
      expect(body.expires_in).toBeLessThanOrEqual(left)
      expect(body.expires_in).toBeGreaterThan(left - 10)
      last = body
    }
    await server.wait(11)
    await expectOver(client, last)
  })

  it('after that the same session gives a new grant, and the old one stays over', async () => {
    const client = await server.createClient({ [max]: 100 })
    const old = await tokensOf(client, kind)
    await server.wait(101)
    const parameters = { prompt: 'none', scope: scopes[kind] }
    const fresh = await client.tokens({ browser: old.browser, parameters })
    expect(claimsOf(fresh.access_token).gid).not.toBe(claimsOf(old.access_token).gid)
    await expectAlive(client, fresh)
    await expectOver(client, old)
  })

  it.each([idle, max])('%s that is tightened holds for living grants at once', async (member) => {
    const client = await server.createClient()
    const tokens = await tokensOf(client, kind)
    await server.wait(90)
    await expectAlive(client, tokens)
    await tighten(client, { [member]: 60 })
    await expectOver(client, tokens)
  })

  it.each([idle, max])('%s that is loosened gives a grant no more than it began with', async (member) => {
    const client = await server.createClient({ [member]: 60 })
    const tokens = await tokensOf(client, kind)
    for (const looser of [600, null]) {
      await tighten(client, { [member]: looser })
      await server.wait(20)
      await expectAlive(client, tokens)
    }
    await server.wait(25)
    await expectOver(client, tokens)
  })

  it('the other kind of grant does not follow them', async () => {
    const client = await server.createClient({ [idle]: 60, [max]: 60 })
    const tokens = await tokensOf(client, kind === 'online' ? 'offline' : 'online')
    await server.wait(90)
    await expectAlive(client, tokens)
    expect((await client.refresh(tokens.refresh_token)).status).toBe(200)
  })

  it.each(kind === 'online' ? ['SESSION', 'REFRESH'] : ['OFFLINE'])(
    "never lengthen the server's: a %s_IDLE_SECONDS below them counts",
    async (name) => {
      const client = await server.createClient({ [idle]: 300, [max]: 300 })
      const tokens = await tokensOf(client, kind)
      await server.wait(90)
      await setPolicy({ [`${name}_IDLE_SECONDS`]: '60' })
      expect(await isActive(client, tokens.refresh_token)).toBe(false)
      expect((await client.refresh(tokens.refresh_token)).status).toBe(400)
      await setPolicy()
    },
  )
})

// The server's own, by default.
const longest: [string, number][] = [
  ['session_idle_seconds', 1800],
  ['session_max_seconds', 36_000],
  ['offline_idle_seconds', 2_592_000],
  ['offline_max_seconds', 5_184_000],
]

describe('more than the server allows', () => {
  const register = (metadata: object) =>
    server.admin('POST', '/clients', { redirect_uris: ['https://app.example.com/cb'], ...metadata })

  it.each(longest)('%s: refused at the registration, with the member named; its equal is not', async (member, most) => {
    const { status, body } = await register({ [member]: most + 1 })
    expect(status).toBe(400)
    expect(JSON.stringify(body)).toContain(member)
    expect(JSON.stringify(body)).toContain(String(most))
    expect((await register({ [member]: most })).status).toBe(201)
  })

  it.each(longest)('%s: refused by PATCH, and nothing changes', async (member, most) => {
    const client = await server.createClient({ [member]: 60 })
    const { status, body } = await change(client, { [member]: most + 1, client_name: 'Other' })
    expect(status).toBe(400)
    expect(JSON.stringify(body)).toContain(member)
    const { body: shown } = await server.admin('GET', `/clients/${client.clientId}`)
    expect(shown).toMatchObject({ [member]: 60, client_name: 'Test App' })
  })

  it.each(longest)('%s: one that was stored before may stay, until it is changed', async (member, most) => {
    const client = await server.createClient({ [member]: most })
    await setPolicy({ [member.toUpperCase()]: '300' })
    try {
      await tighten(client, { client_name: 'Other' })
      await tighten(client, { client_name: 'Another', [member]: most })
      expect((await change(client, { [member]: most - 1 })).status).toBe(400)
      await tighten(client, { [member]: 300 })
      expect((await change(client, { [member]: most })).status).toBe(400)
    } finally {
      await setPolicy()
    }
  })

  it('with REMEMBER_ME the limit is that of remembered sessions', async () => {
    await setPolicy({ REMEMBER_ME: 'true' })
    const day = 86_400
    expect((await register({ session_idle_seconds: 14 * day, session_max_seconds: 30 * day })).status).toBe(201)
    expect((await register({ session_idle_seconds: 14 * day + 1 })).status).toBe(400)
    expect((await register({ session_max_seconds: 30 * day + 1 })).status).toBe(400)
    await setPolicy()
  })

  it.each([0, -1, 1.5, '60', true])('%j is no time at all', async (value) => {
    for (const [member] of longest) expect((await register({ [member]: value })).status).toBe(400)
  })

  it('null takes a limit of its own away again', async () => {
    const client = await server.createClient({ session_idle_seconds: 60 })
    await tighten(client, { session_idle_seconds: null })
    const { body } = await server.admin('GET', `/clients/${client.clientId}`)
    expect(body).not.toHaveProperty('session_idle_seconds')
  })
})

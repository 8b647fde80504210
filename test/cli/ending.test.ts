import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { claimsOf, isActive } from '../support/tokens.ts'
import { createOperator, type Operator, operatorOf, start } from './cli.ts'

let server: TestServer
let app: TestClient
let falconer: Operator

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  falconer = createOperator(server)
})
afterAll(() => server.close())

async function signIn() {
  const user = await server.createUser()
  const tokens = await app.tokens({ username: user.username, parameters: { scope: 'openid offline_access' } })
  const { sid = '', gid = '' } = claimsOf(tokens.access_token)
  return { ...tokens, user, sid, gid }
}

describe('sessions and grants', () => {
  it('lists those of a user by name, shows and explains them', async () => {
    const { user, sid, gid } = await online()
    const sessions = await falconer.json<{ sid: string }[]>('sessions', 'list', '--user', user.username)
    expect(sessions.map((session) => session.sid)).toEqual([sid])
    expect(await falconer.json<unknown[]>('grants', 'list', '--user', user.username, '--kind', 'online')).toHaveLength(
      1,
    )
    expect(
      await falconer.json<unknown[]>(
        'grants',
        'list',
        '--client',
        app.clientId,
        '--user',
        user.id,
        '--kind',
        'offline',
      ),
    ).toEqual([])
    expect(await falconer.json('sessions', 'show', sid)).toMatchObject({ sid, alive: true })
    const { out } = await falconer('sessions', 'explain', sid)
    expect(out).toMatch(new RegExp(`^alive  The session of ${user.username} is alive; it ends on .* UTC`))
    expect(out).toMatch(
      /^→ ends \d{4}-.* UTC \(in .*\): nobody uses the session \(.* by server SESSION_IDLE_SECONDS\); this one comes first$/m,
    )
    expect(out).toMatch(/^ {2}ends .*: the session may not last longer/m)
    expect((await falconer('grants', 'explain', gid)).out).toContain('It can be refreshed.')
  })

  it('says why a session is over, since when and by whom', async () => {
    const { user, sid, gid, refresh_token: token } = await online()
    expect(await falconer('sessions', 'revoke', sid)).toEqual({ code: 0, out: '', err: 'The session is over.\n' })
    expect((await app.refresh(token)).status).toBe(400)
    const { out } = await falconer('sessions', 'explain', sid)
    expect(out).toMatch(
      new RegExp(`^over  The session of ${user.username} ended on .* because an administrator ended it\\.`),
    )
    expect(out).toMatch(/Reason admin, since \d{4}-.* UTC \(.* ago\), by client test-admin\./)
    expect((await falconer('grants', 'explain', gid)).out).toContain('Its session is over (admin).')
    expect(await falconer.json('grants', 'explain', gid)).toMatchObject({ alive: false, gid })
    expect(await falconer('sessions', 'explain', gid)).toMatchObject({ code: 1, err: 'There is no such session.\n' })
  })

  it('marks the deadline that has ended it', async () => {
    const { sid } = await online()
    await server.wait(86_400)
    const { out } = await falconer('sessions', 'explain', sid)
    expect(out).toMatch(/^→ ended .*; this one ended it$/m)
  })

  async function online() {
    const user = await server.createUser()
    const tokens = await app.tokens({ username: user.username })
    const { sid = '', gid = '' } = claimsOf(tokens.access_token)
    return { ...tokens, user, sid, gid }
  }
})

describe('revoke', () => {
  it('counts with --dry-run and changes nothing', async () => {
    const { user, access_token: token } = await signIn()
    const { code, out } = await falconer('revoke', '--user', user.username, '--dry-run')
    expect({ code, out }).toEqual({ code: 0, out: 'This would end 1 session and 1 grant. Nothing was changed.\n' })
    expect(await isActive(app, token)).toBe(true)
  })

  it('ends exactly what was named', async () => {
    const [kept, other] = [await signIn(), await signIn()]
    const answer = await falconer.json(
      'revoke',
      '--user',
      other.user.username,
      '--client',
      app.clientId,
      '--reason',
      'test',
    )
    expect(answer).toMatchObject({ ended: { sessions: 0, grants: 1 } })
    expect(await isActive(app, other.access_token)).toBe(false)
    expect(await isActive(app, kept.access_token)).toBe(true)
    await falconer.json('revoke', '--jti', claimsOf(kept.access_token).jti)
    expect(await isActive(app, kept.access_token)).toBe(false)
    expect((await app.refresh(kept.refresh_token)).status).toBe(200)
    await falconer.json('revoke', '--grant', kept.gid)
    expect((await app.refresh(kept.refresh_token)).status).toBe(400)
  })

  it('asks before it ends what is of many people, and tells the counts', async () => {
    const { access_token: token } = await signIn()
    for (const [args, name] of [
      [['--all'], /^This ends everything of everybody: \d+ sessions and \d+ grants, and every token\. .* say --yes/],
      [['--client', app.clientId], /^This ends everything of the client .*: 0 sessions and \d+ grants\. .* say --yes/],
    ] as const) {
      const { code, out, err } = await falconer('revoke', ...args)
      expect({ code, out }).toEqual({ code: 2, out: '' })
      expect(err).toMatch(name)
    }
    expect(await isActive(app, token)).toBe(true)
    const { code, out } = await falconer('revoke', '--all', '--yes', '--wait', '2')
    expect(code).toBe(0)
    expect(out).toContain('Everything that it covers has ended')
    expect(await isActive(app, token)).toBe(false)
  })
})

describe('not-before', () => {
  it('draws a line for a client, a user and everybody, and shows them', async () => {
    const { user, access_token: token } = await signIn()
    expect((await falconer('not-before', 'set', '1h', '--user', user.username)).code).toBe(0)
    expect(await isActive(app, token)).toBe(true)
    expect(await falconer.json('not-before', 'set', 'now', '--user', user.username)).toMatchObject({ scope: 'user' })
    expect(await isActive(app, token)).toBe(false)
    expect((await falconer('not-before', 'set', 'now', '--client', app.clientId)).code).toBe(2)
    expect((await falconer('not-before', 'set', 'now', '--client', app.clientId, '--yes')).code).toBe(0)
    const lines = await falconer.json<{ clients: object }>('not-before', 'show')
    expect(lines.clients).toHaveProperty(app.clientId)
    expect((await falconer('not-before', 'show')).out).toContain(app.clientId)
    expect((await falconer('not-before', 'set', 'now')).err).toContain(
      'Name exactly one of --user, --client and --server',
    )
    expect((await falconer('not-before', 'set', 'tomorrow', '--server')).code).toBe(2)
    const future = String(Math.floor(Date.now() / 1000) + 864_000)
    expect((await falconer('not-before', 'set', future, '--server', '--yes')).err).toBe(
      '<when> must be "now" or seconds that have passed.\n',
    )
  })
})

describe('keys', () => {
  it('lists, rotates and compromises', async () => {
    const { access_token: token } = await signIn()
    const before = await falconer.json<{ kid: string; alg: string; state: string }[]>('keys', 'list')
    const { kid = '' } = before.find(({ alg, state }) => alg === 'ES256' && state === 'active') ?? {}
    const { out } = await falconer('keys', 'rotate')
    expect(out).toMatch(/^ES256 {2}\S{43} {2}signs from \d{4}-/m)
    expect((await falconer.json<unknown[]>('keys', 'list')).length).toBe(before.length + 3)
    const refused = await falconer('keys', 'compromise', kid)
    expect(refused.code).toBe(2)
    expect(refused.err).toContain('Besides, this ends 0 sessions and 0 grants')
    expect(await isActive(app, token)).toBe(true)
    expect((await falconer('keys', 'compromise', kid, '--yes')).out).toContain(`What ${kid} has signed is dead`)
    expect(await isActive(app, token)).toBe(false)
    expect((await falconer('keys', 'compromise', 'none', '--yes')).err).toContain('falconer keys list')
  })
})

describe('audit', () => {
  it('lists, tails and exports what happened', async () => {
    const { user } = await signIn()
    const all = await falconer.json<{ id: string; type: string }[]>('audit', 'list', '--user', user.username)
    expect(all.map(({ type }) => type)).toContain('user.created')
    const tail = await falconer('audit', 'tail', '--user', user.username, '--json')
    const lines = tail.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string })
    expect(lines.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toReversed())
    const exported = await falconer('audit', 'export', '--from', '7d')
    expect(exported.code).toBe(0)
    expect(exported.out.trim().split('\n').length).toBeGreaterThan(all.length)
    expect((await falconer('audit', 'list', '--from', 'yesterday')).code).toBe(2)
    expect((await falconer('audit', 'export', '--limit', '2')).out.trim().split('\n')).toHaveLength(2)
  })

  it('follows until Ctrl-C, each event once', async () => {
    for (let i = 0; i < 3; i++) await server.createUser()
    const child = start(['audit', 'tail', '--follow', '--json', '-n', '1', '--type', 'user.created'], {
      env: operatorOf(server),
    })
    let out = ''
    child.stdout?.on('data', (part) => (out += String(part)))
    const events = () =>
      out
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as { id: string; user_id: string })
    await vi.waitFor(() => expect(events()).toHaveLength(1), { timeout: 30_000 })
    const users = [await server.createUser(), await server.createUser()]
    const ids = users.map(({ id }) => id)
    await vi.waitFor(
      () =>
        expect(
          events()
            .slice(1)
            .map((event) => event.user_id),
        ).toEqual(ids),
      { timeout: 30_000 },
    )
    const third = await server.createUser()
    await vi.waitFor(() => expect(events().at(-1)?.user_id).toBe(third.id), { timeout: 30_000 })
    expect(events()).toHaveLength(4)
    // It outlives its token.
    await server.wait(3600)
    const fourth = await server.createUser()
    await vi.waitFor(() => expect(events().at(-1)?.user_id).toBe(fourth.id), { timeout: 30_000 })
    expect(events()).toHaveLength(5)
    const gone = new Promise<number | null>((resolve) => child.once('close', resolve))
    child.kill('SIGINT')
    expect(await gone).toBe(130)
  })
})

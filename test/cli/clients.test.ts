import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { basic } from '../support/tokens.ts'
import { collect, createFolder, createOperator, type Operator, operatorOf, run, start } from './cli.ts'

let server: TestServer
let falconer: Operator
const folder = createFolder()

beforeAll(async () => {
  server = await startServer()
  falconer = createOperator(server)
})
afterAll(async () => {
  folder.remove()
  await server.close()
})

const canGetToken = async (id: string, secret: string): Promise<boolean> =>
  (await server.post('/token', { grant_type: 'client_credentials' }, basic(id, secret))).status === 200

describe('clients', () => {
  it('registers one with any of its members, shows, changes and deletes it', async () => {
    const redirects = ['https://shop.example.com/callback', 'https://shop.example.com/other']
    const members = [
      '--redirect',
      redirects[0]!,
      '--redirect',
      redirects[1]!,
      '--session-idle',
      '600',
      '--skip-consent',
    ]
    const more = ['--name', 'Shop', '--no-refresh-counts-as-activity', '--scope', 'openid profile']
    const created = await falconer.json('clients', 'create', 'shop-web', ...members, ...more)
    expect(created).toMatchObject({
      client_id: 'shop-web',
      client_name: 'Shop',
      redirect_uris: redirects,
      skip_consent: true,
      refresh_counts_as_activity: false,
      session_idle_seconds: 600,
      client_secret: expect.stringMatching(/^flc_cs_/),
    })
    const shown = await falconer.json('clients', 'show', 'shop-web')
    const { body } = await server.admin('GET', '/clients/shop-web')
    expect(shown).toEqual(body)
    const text = await falconer('clients', 'show', 'shop-web')
    expect(text.out).toMatch(
      /^redirect_uris +https:\/\/shop.example.com\/callback, https:\/\/shop.example.com\/other$/m,
    )
    expect(text.out).toMatch(/^created_at +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC \(.+\)$/m)
    expect(text.out).not.toContain(String(created['client_secret']))

    const changed = await falconer.json(
      'clients',
      'update',
      'shop-web',
      '--unset',
      'session_idle_seconds',
      '--no-skip-consent',
    )
    expect(changed).toMatchObject({ skip_consent: false })
    expect(changed).not.toHaveProperty('session_idle_seconds')
    expect(await falconer.json('clients', 'update', 'shop-web', '--add-scope', 'email')).toMatchObject({
      scope: 'openid profile email',
    })

    const { code, err } = await falconer('clients', 'delete', 'shop-web')
    expect(code).toBe(2)
    expect(err).toContain('say --yes')
    expect((await server.admin('GET', '/clients/shop-web')).status).toBe(200)
    expect(await falconer('clients', 'delete', 'shop-web', '--yes')).toMatchObject({ code: 0, out: '' })
    expect((await server.admin('GET', '/clients/shop-web')).status).toBe(404)
    expect(await falconer('clients', 'show', 'shop-web')).toEqual({
      code: 1,
      out: '',
      err: 'There is no such client.\n',
    })
  })

  it('tells a refusal in words of the command line', async () => {
    const redirects = ['--redirect', 'https://a.example.com/x', '--redirect', 'http://a.example.com/x']
    const { code, err } = await falconer('clients', 'create', ...redirects)
    expect({ code, err }).toEqual({
      code: 1,
      err: '--redirect (number 2) must use https unless it is on the same device.\n',
    })
    const taken = await falconer('clients', 'create', 'test-admin', '--redirect', 'https://a.example.com/x')
    expect(taken).toEqual({ code: 1, out: '', err: '<client_id> is taken.\n' })
  })

  it('lists page by page: aligned for people, whole values for pipes, one array for machines', async () => {
    for (let i = 0; i < 5; i++) await server.createClient({ client_id: `listed-${i}` })
    const all = await falconer.json<{ client_id: string }[]>('clients', 'list')
    const { body } = await server.admin<{ items: unknown[] }>('GET', '/clients?limit=200')
    expect(all).toEqual(body.items)
    expect(await falconer.json<unknown[]>('clients', 'list', '-n', '3')).toEqual(body.items.slice(0, 3))
    const { out } = await falconer('clients', 'list')
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[0]),
    ).toEqual(all.map(({ client_id: id }) => id))
    expect(out).not.toContain('\u001B')
  })

  it('reads further pages only when somebody wants them, and a reader who has seen enough is no failure', async () => {
    await server.db.query(`insert into clients (client_id, metadata) select 'many-' || n, metadata
      from clients, generate_series(1, 700) as n where client_id = 'test-admin'`)
    const child = start(['clients', 'list'], { env: operatorOf(server) })
    server.log.length = 0
    const said = collect(child)
    child.stdout?.once('data', () => child.stdout?.destroy())
    expect(await said).toMatchObject({ code: 0, err: '' })
    const all = await falconer.json<unknown[]>('clients', 'list')
    expect(all.length).toBeGreaterThan(700)
    server.log.length = 0
    await falconer('clients', 'list', '--limit', '201')
    expect(server.log.filter(({ path }) => path === '/admin/v1/clients')).toHaveLength(2)
    await server.db.query(`delete from clients where client_id like 'many-%'`)
  })

  it('rotates a secret: the old one works as long as the overlap says, and the new one can go into a file', async () => {
    const made = await falconer.json('clients', 'create', 'rotating', '--grant-type', 'client_credentials')
    const old = String(made['client_secret'])
    const shown = await falconer('clients', 'rotate-secret', 'rotating')
    const fresh = /flc_cs_\S+/.exec(shown.out)?.[0] ?? ''
    expect(await canGetToken('rotating', old)).toBe(true)
    expect(await canGetToken('rotating', fresh)).toBe(true)
    const file = path.join(folder.path, 'rotated.env')
    const said = await falconer('clients', 'rotate-secret', 'rotating', '--overlap', '0', '--write-env', file)
    const written = parseEnv(readFileSync(file, 'utf8'))['CLIENT_SECRET'] ?? ''
    expect(said.out + said.err).not.toContain(written)
    expect(await canGetToken('rotating', written)).toBe(true)
    expect(await canGetToken('rotating', fresh)).toBe(false)
    const again = await falconer('clients', 'rotate-secret', 'rotating', '--write-env', file)
    expect(again).toMatchObject({ code: 1, out: '' })
    expect(await canGetToken('rotating', written)).toBe(true)
  })
})

describe('--write-env', () => {
  const file = path.join(folder.path, '.env')
  const preset = [
    'clients',
    'create',
    '--preset',
    'express',
    '--redirect',
    'http://localhost:5000/callback',
    '--write-env',
  ]

  it('writes beside what is there, for the owner only, and never shows the secret', async () => {
    writeFileSync(file, '# mine\nPORT=5000\nCLIENT_SECRET=\nGREETING="Hello you"')
    chmodSync(file, 0o644)
    const { code, out, err } = await falconer(...preset, file)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    const text = readFileSync(file, 'utf8')
    const values = parseEnv(text)
    expect(values).toMatchObject({
      PORT: '5000',
      GREETING: 'Hello you',
      ISSUER_BASE_URL: server.url,
      BASE_URL: 'http://localhost:5000',
    })
    expect(text).toMatch(/^# mine\nPORT=5000\nCLIENT_SECRET=flc_cs_\S+\nGREETING="Hello you"\n/)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(await falconer.json('clients', 'show', values['CLIENT_ID'] ?? '')).toMatchObject({
      grant_types: ['authorization_code', 'refresh_token'],
    })
    expect(out).not.toContain(values['CLIENT_SECRET'])
  })

  it('refuses to replace other values before anything is registered, unless it is told to', async () => {
    const before = readFileSync(file, 'utf8')
    const count = (await falconer.json<unknown[]>('clients', 'list')).length
    const { code, err } = await falconer(...preset, file)
    expect(code).toBe(1)
    expect(err).toContain('ISSUER_BASE_URL, BASE_URL, CLIENT_ID, CLIENT_SECRET, SECRET')
    expect(err).toContain('--force')
    expect(readFileSync(file, 'utf8')).toBe(before)
    expect(await falconer.json<unknown[]>('clients', 'list')).toHaveLength(count)
    expect((await falconer(...preset, file, '--force')).code).toBe(0)
    expect(parseEnv(readFileSync(file, 'utf8'))['CLIENT_ID']).not.toBe(parseEnv(before)['CLIENT_ID'])
  })

  it('shows a secret that could not be written: it is nowhere else', async () => {
    const { code, out, err } = await falconer(...preset, path.join(folder.path, 'nowhere/.env'))
    expect(code).toBe(1)
    expect(err).toContain('cannot be written (ENOENT)')
    expect(out).toMatch(/^CLIENT_SECRET=flc_cs_/m)
  })
})

describe('resources', () => {
  it('registers, lists, changes and deletes one', async () => {
    const identifier = 'https://api.example.com/v1?x=1'
    const created = await falconer.json(
      'resources',
      'create',
      identifier,
      '--scope',
      'orders:read',
      '--scope',
      'orders:write',
    )
    expect(created).toMatchObject({ identifier, scopes: ['orders:read', 'orders:write'] })
    expect(await falconer.json('resources', 'show', identifier)).toMatchObject({ identifier })
    expect(
      await falconer.json('resources', 'update', identifier, '--access-token-ttl', '60', '--signing-alg', 'RS256'),
    ).toMatchObject({
      access_token_ttl_seconds: 60,
      signing_alg: 'RS256',
    })
    expect(await falconer.json<unknown[]>('resources', 'list')).toHaveLength(1)
    expect(await falconer('resources', 'update', identifier, '--scope', 'admin')).toEqual({
      code: 1,
      out: '',
      err: '--scope must not be a scope of this server.\n',
    })
    expect((await falconer('resources', 'delete', identifier, '--yes')).code).toBe(0)
    expect(await falconer.json<unknown[]>('resources', 'list')).toEqual([])
  })
})

describe('without permission', () => {
  it('asks for no more than it needs, takes admin where that is all there is, and says which scope is missing', async () => {
    const reader = await server.createClient({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'clients:read',
    })
    const root = await server.createClient({ grant_types: ['client_credentials'], redirect_uris: [], scope: 'admin' })
    const as = ({ clientId, secret = '' }: typeof reader, ...args: string[]) =>
      run(args, { env: { FALCONER_URL: server.url, FALCONER_CLIENT_ID: clientId, FALCONER_CLIENT_SECRET: secret } })
    expect((await as(reader, 'clients', 'list')).code).toBe(0)
    expect((await as(root, 'clients', 'list')).code).toBe(0)
    const { code, err } = await as(reader, 'clients', 'create', '--redirect', 'https://a.example.com/x')
    expect(code).toBe(1)
    expect(err).toContain('clients:write')
    const command = /falconer (clients update .*)/.exec(err)?.[1]?.split(' ') ?? []
    expect((await falconer(...command)).code).toBe(0)
    expect((await as(reader, 'clients', 'create', '--redirect', 'https://a.example.com/x')).code).toBe(0)
    // The scopes of the tokens, as the audit trail of the changes does not show them: the token endpoint refused the others.
    expect((await as(reader, 'users', 'list')).err).toContain('users:read')
  })
})

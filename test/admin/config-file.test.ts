import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bootstrapAdminClient } from '../../src/admin/bootstrap.ts'
import { applyConfigFile } from '../../src/admin/config-file.ts'
import { adminClient, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

type Body = Record<string, unknown>
const secret = 'the-secret-of-the-shop-0123456789abcdef'
const env = { SHOP_WEB_SECRET: secret, ALICE_PASSWORD: 'correct horse', SHORT: 'short', OTHER: 'another password' }
const apply = (text: string, options: { production?: boolean } = {}) =>
  applyConfigFile(server.server.tools, text, {
    production: options.production ?? true,
    env,
    readFile: async (path) => {
      if (path !== '/run/secrets/shop') throw new Error('ENOENT')
      return `${secret}\n`
    },
  })
const snapshot = () =>
  server.db.query(
    `select (select jsonb_agg(c order by c.id) from clients c) as clients, (select jsonb_agg(s order by s.id) from client_secrets s) as secrets,
       (select jsonb_agg(u order by u.id) from users u) as users, (select jsonb_agg(r) from resources r) as resources,
       (select count(*) from audit_events) as events`,
  )

const shop = `
resources:
  - identifier: https://api.example.com
    scopes: [orders:read, orders:write]
clients:
  - client_id: shop-web
    redirect_uris: [https://shop.example.com/callback]
    client_secret: {env: SHOP_WEB_SECRET}
    grant_types: [authorization_code, refresh_token]
    scope: openid profile offline_access orders:read
    default_resource: https://api.example.com
users:
  - username: alice
    email: alice@example.com
    password: {env: ALICE_PASSWORD}
`

describe('a configuration file', () => {
  it('is applied once, and the second time changes nothing', async () => {
    expect(await apply(shop)).toEqual({ created: 3, changed: 0, unchanged: 0 })
    const before = await snapshot()
    expect(await apply(shop)).toEqual({ created: 0, changed: 0, unchanged: 3 })
    expect(await apply(shop.replace('{env: SHOP_WEB_SECRET}', '{file: /run/secrets/shop}'))).toMatchObject({
      unchanged: 3,
    })
    expect(await snapshot()).toEqual(before)
  })

  it('may be JSON, or empty', async () => {
    expect(await apply('')).toEqual({ created: 0, changed: 0, unchanged: 0 })
    const json = { resources: [{ identifier: 'https://api.example.com', scopes: ['orders:read', 'orders:write'] }] }
    expect(await apply(JSON.stringify(json))).toEqual({ created: 0, changed: 0, unchanged: 1 })
  })

  it('changes what it names and keeps the rest', async () => {
    await server.admin('PATCH', '/clients/shop-web', { client_name: 'Shop', disabled: true })
    const changed = shop
      .replace('[orders:read, orders:write]', '[orders:read]')
      .replace('email: alice@example.com', 'name: Alice')
    expect(await apply(changed)).toEqual({ created: 0, changed: 2, unchanged: 1 })
    expect((await server.admin('GET', '/clients/shop-web')).body).toMatchObject({ client_name: 'Shop', disabled: true })
    const users = await server.admin<{ items: Body[] }>('GET', '/users?query=alice')
    expect(users.body.items).toMatchObject([{ name: 'Alice', email: 'alice@example.com' }])
  })

  it('sets what it names over the environment, and takes back what is null', async () => {
    const held = async () => {
      const { body } = await server.admin<{ items: Body[] }>('GET', '/settings')
      return body.items.filter(({ overridden }) => overridden).map(({ name, value }) => [name, value])
    }
    await server.admin('PATCH', '/settings', { MAX_SESSIONS_PER_USER: 4 })
    const settings = 'settings: {SESSION_IDLE_SECONDS: 600, REMEMBER_ME: true}'
    expect(await apply(settings)).toEqual({ created: 0, changed: 1, unchanged: 0 })
    expect(await apply(settings)).toEqual({ created: 0, changed: 0, unchanged: 1 })
    expect(await held()).toEqual([
      ['SESSION_IDLE_SECONDS', 600],
      ['REMEMBER_ME', true],
      ['MAX_SESSIONS_PER_USER', 4],
    ])
    await apply('settings: {SESSION_IDLE_SECONDS: null, REMEMBER_ME: null, MAX_SESSIONS_PER_USER: null}')
    expect(await held()).toEqual([])
  })

  it('ends what was reached with the password that it replaces', async () => {
    const { body } = await server.admin<{ items: Body[] }>('GET', '/users?query=alice')
    const ends = () =>
      server.db.query('select 1 from audit_events where type = $1 and user_id = $2', [
        'user.ended',
        body.items[0]?.['id'],
      ])
    expect(await ends()).toHaveLength(0)
    expect(await apply(shop.replace('ALICE_PASSWORD', 'OTHER'))).toMatchObject({ changed: 2 })
    expect(await ends()).toHaveLength(1)
  })

  it.each<[string, string, RegExp]>([
    ['an unknown section', 'resources: []\nrealms: []', /^line 2: realms is not known$/],
    [
      'an unknown member',
      'clients:\n  - client_id: a\n    colour: red\n    client_secret: {env: SHOP_WEB_SECRET}',
      /^line 3: clients\.0\.colour is not known$/,
    ],
    [
      'a bad item',
      `${shop}  - username: bob\n    address:\n      planet: Mars`,
      /^line 18: users\.1\.address\.planet is not known$/,
    ],
    [
      'a bad redirect URI',
      'clients:\n  - client_id: a\n    client_secret: {env: SHOP_WEB_SECRET}\n    redirect_uris:\n      - https://a.example/\n      - http://a.example/',
      /^line 6: clients\.0\.redirect_uris\.1 must use https/,
    ],
    [
      'a setting that is too long',
      'settings:\n  SESSION_MAX_SECONDS: 600\n  SESSION_IDLE_SECONDS: 3000000',
      /^line 3: settings\.SESSION_IDLE_SECONDS must be a whole number from 1 to 2592000$/,
    ],
    ['a setting of the environment', 'settings: {PORT: 80}', /^line 1: settings\.PORT comes from the environment/],
    ['settings that are none', 'settings: []', /^line 1: settings must be a map$/],
    ['a list that is none', 'users: alice', /^line 1: users must be a list$/],
    ['an entry that is none', 'users:\n  - alice', /^line 2: users\.0 must be a map$/],
    ['a file that is none', 'hello', /^line 1: the file must be a map$/],
    ['a broken file', 'a: [', /^line 1: /],
    ['a key that is there twice', 'users: []\nusers: []', /^line 2: /],
    [
      'a variable that is not set',
      'users:\n  - username: a\n    password: {env: NOPE}',
      /^line 3: users\.0\.password names the variable NOPE/,
    ],
    [
      'a file that cannot be read',
      'users:\n  - username: a\n    password: {file: /nope}',
      /^line 3: users\.0\.password names \/nope/,
    ],
    [
      'a short password',
      'users:\n  - username: a\n    password: {env: SHORT}',
      /^line 3: users\.0\.password must have at least 8 characters$/,
    ],
    [
      'a short secret',
      'clients:\n  - client_id: a\n    grant_types: []\n    client_secret: {env: SHORT}',
      /^line 4: clients\.0\.client_secret must have at least 32 characters$/,
    ],
    [
      'a client without its secret',
      'clients:\n  - client_id: a\n    grant_types: []',
      /^line 2: clients\.0\.client_secret is required/,
    ],
    [
      'a plain secret in production',
      `clients:\n  - client_id: a\n    client_secret: ${secret}`,
      /^line 3: clients\.0\.client_secret must be \{env: NAME\}/,
    ],
    [
      'an address that is taken',
      'users:\n  - username: second\n    email: ALICE@example.com',
      /^line 3: users\.0\.email is taken$/,
    ],
  ])('names the line of %s, and applies nothing', async (_, text, message) => {
    const before = await snapshot()
    const failure = await apply(text).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(Error)
    expect((failure as Error).message).toMatch(message)
    expect((failure as Error).message).not.toContain(secret)
    expect(await snapshot()).toEqual(before)
  })

  it('may hold a secret outside of production', async () => {
    const text = `clients: [{client_id: plain, grant_types: [client_credentials], client_secret: ${secret}}]`
    expect(await apply(text, { production: false })).toMatchObject({ created: 1 })
  })

  it('is applied by two instances at once as if by one', async () => {
    const text = 'users: [{username: both, password: {env: ALICE_PASSWORD}}]'
    const results = await Promise.all([apply(text), apply(text)])
    expect(results.map(({ created, unchanged }) => created * 10 + unchanged).sort((a, b) => a - b)).toEqual([1, 10])
  })
})

describe('the bootstrap client', () => {
  it('is made once, and changes only with its secret', async () => {
    const before = await snapshot()
    await bootstrapAdminClient(server.server.tools, adminClient)
    expect(await snapshot()).toEqual(before)
    await bootstrapAdminClient(server.server.tools, { ...adminClient, secret: 'a-new-secret-for-the-admin-0123456789' })
    const secrets = await server.db.query(
      'select 1 from client_secrets s join clients c on c.id = s.client where c.client_id = $1 and (s.expires_at is null or s.expires_at > clock_now())',
      [adminClient.id],
    )
    expect(secrets).toHaveLength(1)
  })
})

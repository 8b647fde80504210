import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sealAuditEvents } from '../../src/admin/audit-sealing.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { createFolder, createOperator, type Operator } from './cli.ts'

let server: TestServer
let falconer: Operator
let folder: ReturnType<typeof createFolder>
beforeAll(async () => {
  server = await startServer()
  falconer = createOperator(server)
  folder = createFolder()
})
afterAll(async () => {
  folder.remove()
  await server.close()
})

const secret = 'the-secret-of-the-shop-0123456789abcdef'
const env = { SHOP_WEB_SECRET: secret, ALICE_PASSWORD: 'correct horse battery' }
const shop = `
resources:
  - identifier: https://api.example.com
    scopes: [orders:read, orders:write]
clients:
  - client_id: shop-web
    redirect_uris: [https://shop.example.com/callback]
    client_secret: {env: SHOP_WEB_SECRET}
    scope: openid orders:read
users:
  - username: alice
    email: alice@example.com
    password: {env: ALICE_PASSWORD}
`
const written = (text: string): string => {
  const file = path.join(folder.path, 'falconer.yaml')
  writeFileSync(file, text)
  return file
}
const snapshot = () =>
  server.db.query(
    `select (select jsonb_agg(c order by c.id) from clients c) as clients, (select jsonb_agg(s order by s.id) from client_secrets s) as secrets,
       (select jsonb_agg(u order by u.id) from users u) as users, (select jsonb_agg(r order by identifier) from resources r) as resources`,
  )

describe('falconer config', () => {
  it('plans, applies, and then has nothing to do', async () => {
    const before = await snapshot()
    const planned = await falconer.with({ env }, 'config', 'plan', written(shop))
    expect(planned).toMatchObject({ code: 0, err: '' })
    expect(planned.out).toMatch(
      /^\+ resources https:\/\/api\.example\.com\n {4}scopes: \["orders:read","orders:write"\]$/m,
    )
    expect(planned.out).toMatch(/^ {4}client_secret: changed$/m)
    expect(planned.out).not.toContain(secret)
    expect(await snapshot()).toEqual(before)
    const applied = await falconer.with({ env, input: shop }, 'config', 'apply', '-')
    expect(applied).toMatchObject({ code: 0, err: '' })
    expect(applied.out).toContain('Applied: 3 created, 0 changed, 0 deleted.')
    const again = await falconer.with({ env }, 'config', 'apply', written(shop))
    expect(again).toMatchObject({ code: 0, out: '= 3 unchanged\nNothing to do.\n' })
    const changed = await falconer.with(
      { env },
      'config',
      'plan',
      written(shop.replace('openid orders:read', 'openid')),
    )
    expect(changed.out).toContain('~ clients shop-web\n    scope: "openid orders:read" → "openid"\n= 2 unchanged\n')
  })

  it('exports what changes nothing when it is applied, and says how secrets would be named', async () => {
    const before = await snapshot()
    const exported = await falconer('config', 'export')
    expect(exported.code).toBe(0)
    expect(exported.out).toMatch(/^# The configuration of http/)
    expect(exported.out).toContain('  - client_id: shop-web\n    # client_secret: {env: SHOP_WEB_SECRET}\n')
    const applied = await falconer.with({ input: exported.out }, 'config', 'apply', '-', '--prune')
    expect(applied).toMatchObject({ code: 0, out: expect.stringMatching(/^= 4 unchanged\nNothing to do\.\n$/) })
    expect(await snapshot()).toEqual(before)
    const file = path.join(folder.path, 'exported.yaml')
    expect((await falconer('config', 'export', '--output', file, '--without-users')).code).toBe(0)
    expect(readFileSync(file, 'utf8')).toContain('users: []')
    const uncommented = exported.out.replace('# client_secret: {env: SHOP', 'client_secret: {env: SHOP')
    expect((await falconer.with({ env, input: uncommented }, 'config', 'plan', '-')).out).toContain('Nothing to do.')
  })

  it.each<[string, string, RegExp]>([
    [
      'the server refuses',
      shop.replace('orders:write]', 'openid]'),
      /falconer\.yaml, line 4: resources\.0\.scopes\.1 must not be a scope of this server\.\n$/,
    ],
    [
      'cannot be read here',
      shop.replace('SHOP_WEB_SECRET', 'NOPE'),
      /falconer\.yaml, line 8: clients\.0\.client_secret names the variable NOPE, which is not set\.\n$/,
    ],
    ['is no YAML', 'a: [', /falconer\.yaml, line 1: /],
  ])('names the line that %s', async (_, text, message) => {
    const said = await falconer.with({ env }, 'config', 'apply', written(text))
    expect(said).toMatchObject({ code: 1, out: '', err: expect.stringMatching(message) })
  })

  it('asks before anybody loses access, and does nothing where nobody can be asked', async () => {
    const text = 'clients:\n  - client_id: test-admin\n'
    const before = await snapshot()
    const refused = await falconer.with({ input: text }, 'config', 'apply', '-', '--prune')
    expect(refused).toMatchObject({
      code: 2,
      err: expect.stringContaining('This deletes 2 of them and ends 0 sessions and 0 grants'),
    })
    expect(await snapshot()).toEqual(before)
    const pruned = await falconer.with({ input: text }, 'config', 'apply', '-', '--prune', '--yes')
    expect(pruned).toMatchObject({ code: 0, out: expect.stringContaining('- clients shop-web') })
    const users = await server.admin<{ items: unknown[] }>('GET', '/users?query=alice')
    expect(users.body.items).toHaveLength(1)
  })
})

describe('falconer audit verify', () => {
  it('prints the head of an intact trail, goes on from it, and fails on a broken one', async () => {
    await server.wait(6)
    await sealAuditEvents(server.server.tools)
    const intact = await falconer('audit', 'verify')
    expect(intact).toMatchObject({
      code: 0,
      out: expect.stringMatching(/under 1 seals are as they were sealed\.\nHead: 1\.\S{43}\n/),
    })
    const head = /Head: (\S+)/.exec(intact.out)?.[1] ?? ''
    expect((await falconer('audit', 'verify', '--since', head)).code).toBe(0)
    await server.db.query(`update audit_events set actor = 'nobody' where seal = 1 and place = 2`)
    const broken = await falconer('audit', 'verify')
    expect(broken.code).toBe(1)
    expect(broken.out).toMatch(/Broken: an event was changed \(seal 1, of \d{4}-\d{2}, place 2, event [0-9a-f-]{36}\)/)
    expect((await falconer.with({}, 'audit', 'verify', '--json')).out).toContain('"changed_event"')
  })
})

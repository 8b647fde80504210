import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { createOperator, type Operator } from './cli.ts'

let server: TestServer
let falconer: Operator
beforeAll(async () => {
  server = await startServer()
  falconer = createOperator(server)
})
afterAll(() => server.close())

describe('falconer settings list', () => {
  it('shows what holds now', async () => {
    const settings = await falconer.json<{ name: string; value: unknown }[]>('settings', 'list')
    expect(settings).toContainEqual({ name: 'SESSION_IDLE_SECONDS', value: 1800, source: 'database' })
  })
})

describe('falconer audit list', () => {
  it('filters by what an event is about, who did it, and how it went', async () => {
    const { id } = await server.createUser()
    const events = (...options: string[]) => falconer.json<{ type: string }[]>('audit', 'list', ...options)
    const byAdmin = ['--actor', 'client:test-admin']
    expect(await events('--target', id, ...byAdmin, '--type', 'user.*')).toMatchObject([{ type: 'user.created' }])
    expect(await events('--target', id, '--outcome', 'failure')).toEqual([])
    expect((await falconer('audit', 'list', '--outcome', 'perhaps')).code).toBe(2)
  })
})

describe('falconer admin', () => {
  it('link prints an address, and until when it is good', async () => {
    const said = await falconer('admin', 'link', '--role', 'viewer')
    expect(said.out.trim()).toMatch(new RegExp(`^${server.url}/setup#flc_sl_[\\w-]+$`))
    expect(said.err).toContain('the role viewer')
    expect((await falconer('admin', 'link', '--role', 'king')).code).toBe(2)
  })

  it('grant, list and withdraw name a person as people do', async () => {
    const { username } = await server.createUser()
    expect((await falconer('admin', 'grant', username, 'responder')).out).toContain('has the role responder')
    expect(await falconer.json('admin', 'list')).toMatchObject([{ username, role: 'responder' }])
    expect((await falconer('admin', 'withdraw', username)).code).toBe(0)
    expect(await falconer.json('admin', 'list')).toEqual([])
    expect((await falconer('admin', 'grant', 'nobody', 'viewer')).err).toContain('There is no user')
  })
})

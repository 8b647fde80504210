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

describe('falconer settings', () => {
  const idle = async () => {
    const settings = await falconer.json<{ name: string }[]>('settings', 'list')
    return settings.find(({ name }) => name === 'SESSION_IDLE_SECONDS')
  }

  it('list shows what holds now; update sets it over the environment and takes it back', async () => {
    const before = {
      name: 'SESSION_IDLE_SECONDS',
      value: 1800,
      source: 'database',
      configured: 1800,
      overridden: false,
    }
    expect(await idle()).toEqual(before)
    const said = await falconer('settings', 'update', '--session-idle-seconds', '600', '--no-remember-me', '--yes')
    expect(said.out).toMatch(/SESSION_IDLE_SECONDS\s+600/)
    expect(said.out).toMatch(/REMEMBER_ME\s+no/)
    expect(await idle()).toEqual({ ...before, value: 600, overridden: true })
    await falconer('settings', 'update', '--unset', 'SESSION_IDLE_SECONDS', '--unset', 'REMEMBER_ME', '--yes')
    expect(await idle()).toEqual(before)
  })

  it('update says what is wrong in words of the command line, and asks first', async () => {
    const tooMuch = await falconer('settings', 'update', '--refresh-grace-seconds', '61', '--yes')
    expect(tooMuch).toMatchObject({ code: 1, err: '--refresh-grace-seconds must be <= 60.\n' })
    expect((await falconer('settings', 'update', '--session-idle-seconds', '600')).code).toBe(2)
    expect((await falconer('settings', 'update')).code).toBe(2)
    expect(await idle()).toMatchObject({ value: 1800 })
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

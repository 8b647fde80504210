import { afterAll, beforeAll, describe, expect, it } from 'vitest'
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

  it('cannot be changed here: the environment would undo it at the next start', async () => {
    expect((await server.admin('PATCH', '/settings', { SESSION_IDLE_SECONDS: 60 })).status).toBe(404)
  })
})

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

const levels: Record<number, string> = { 20: 'debug', 30: 'info' }

/** What the log says of one request: its level, and the line. */
async function told(path: string, init: RequestInit = {}) {
  const before = server.log.length
  await (await fetch(server.url + path, init)).text()
  const lines = () => server.log.slice(before).filter(({ msg }) => msg === 'answered')
  for (let tries = 0; tries < 100 && lines().length === 0; tries++) await sleep(10)
  const [{ level, ...line } = {}, ...more] = lines()
  expect(more).toEqual([])
  return { level: levels[Number(level)], line }
}

describe('the log tells of every answer', () => {
  it.each([
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/.well-known/jwks.json',
    '/livez',
    '/readyz',
    '/metrics',
  ])('%s, which is asked for again and again: at level debug, for HEAD too', async (path) => {
    expect(await told(path)).toMatchObject({ level: 'debug', line: { method: 'GET', path, status: 200 } })
    if (path !== '/metrics') expect(await told(path, { method: 'HEAD' })).toMatchObject({ level: 'debug' })
  })

  it('at level info everything else, without the query', async () => {
    const asked = await told('/authorize?client_id=nobody&login_hint=alice')
    expect(asked).toMatchObject({ level: 'info', line: { method: 'GET', path: '/authorize', status: 400 } })
    const revoked = await told('/revoke', { method: 'POST', body: new URLSearchParams({ token: 'x' }) })
    expect(revoked).toMatchObject({ level: 'info', line: { method: 'POST', path: '/revoke', status: 401 } })
    expect(revoked.line).toMatchObject({ request: expect.stringMatching(/^[\da-f-]{36}$/), ms: expect.any(Number) })
  })

  it('without the long parts of a path that there is not: they may be tokens', async () => {
    const { level, line } = await told(`/nowhere/${'s'.repeat(40)}/here?code=1`)
    expect(level).toBe('info')
    expect(line).toMatchObject({ path: '/nowhere/…/here', status: 404 })
  })

  it('at level info when a probe fails', async () => {
    const broken = await startServer()
    await broken.server.tools.db.close()
    const before = broken.log.length
    expect((await fetch(`${broken.url}/readyz`)).status).toBe(503)
    const line = () => broken.log.slice(before).find(({ msg }) => msg === 'answered')
    for (let tries = 0; tries < 100 && !line(); tries++) await sleep(10)
    expect(line()).toMatchObject({ level: 30, path: '/readyz', status: 503 })
    await broken.server.app.close()
  })
})

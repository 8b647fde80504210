import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Instance, startInstance } from '../support/instance.ts'
import { freePort } from '../support/ports.ts'
import { adminClient, startServer, type TestServer } from '../support/server.ts'
import { createFolder, operatorOf, run } from './cli.ts'

let server: TestServer
const folder = createFolder()

beforeAll(async () => {
  server = await startServer()
})
afterAll(async () => {
  folder.remove()
  await server.close()
})

const list = ['clients', 'list', '--json']

describe('credentials', () => {
  it('says what is missing, and where it comes from', async () => {
    const none = await run(list)
    expect(none.code).toBe(2)
    for (const word of ['npm start', 'DATA_DIR', 'FALCONER_URL', 'BOOTSTRAP_ADMIN_CLIENT_ID'])
      expect(none.err).toContain(word)
    const { code, err } = await run(list, { env: { FALCONER_URL: server.url, FALCONER_CLIENT_ID: 'x' } })
    expect({ code, err }).toEqual({ code: 2, err: 'FALCONER_CLIENT_SECRET is not set.\n' })
  })

  it('reads the secret from a file too', async () => {
    const file = path.join(folder.path, 'secret')
    writeFileSync(file, `${adminClient.secret}\n`)
    const { FALCONER_CLIENT_SECRET: _, ...env } = operatorOf(server)
    expect((await run(list, { env: { ...env, FALCONER_CLIENT_SECRET_FILE: file } })).code).toBe(0)
    const { code, err } = await run(list, { env: { ...env, FALCONER_CLIENT_SECRET_FILE: '/nonexistent' } })
    expect({ code, err }).toEqual({ code: 2, err: 'FALCONER_CLIENT_SECRET_FILE cannot be read (ENOENT)\n' })
  })

  it('reads .env as the server does, but lets it not choose where a secret of the environment goes', async () => {
    const cwd = path.join(folder.path, 'with-env')
    mkdirSync(cwd)
    const lines = Object.entries(operatorOf(server)).map(([name, value]) => `${name}=${value}\n`)
    writeFileSync(path.join(cwd, '.env'), lines.join(''))
    expect((await run(list, { cwd })).code).toBe(0)
    const { code, err } = await run(list, { cwd, env: { FALCONER_CLIENT_ID: 'x', FALCONER_CLIENT_SECRET: 'y' } })
    expect({ code, err }).toEqual({ code: 2, err: 'FALCONER_URL is not set.\n' })
  })

  it('never sends a secret in the clear to another machine', async () => {
    const { code, err } = await run(list, { env: { ...operatorOf(server), FALCONER_URL: 'http://login.example.com' } })
    expect(code).toBe(2)
    expect(err).toContain('FALCONER_URL must be https')
  })

  it('never follows a redirect with a secret', async () => {
    const asked: string[] = []
    const other = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(307, { location: '/elsewhere' }).end()
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => other.once('listening', resolve))
    const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`
    const { code, err } = await run(list, { env: { ...operatorOf(server), FALCONER_URL: url } })
    expect({ code, err }).toEqual({
      code: 1,
      err: `${url} answers with a redirect: FALCONER_URL must be the issuer itself.\n`,
    })
    expect(asked).toEqual(['/token'])
    other.close()
  })

  it('says that a secret is wrong, and not the secret', async () => {
    const secret = 'a-wrong-secret-that-must-not-be-shown'
    const { code, out, err } = await run(list, { env: { ...operatorOf(server), FALCONER_CLIENT_SECRET: secret } })
    expect(code).toBe(1)
    expect(err).toContain(`${server.url} refuses the client ${adminClient.id}: FALCONER_CLIENT_SECRET is wrong`)
    expect(out + err).not.toContain(secret)
  })

  it('says that nobody answers, and that somebody else does', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const { code, err } = await run(list, { env: { ...operatorOf(server), FALCONER_URL: url } })
    expect({ code, err }).toEqual({
      code: 1,
      err: `No server answers at ${url}. Start it (npm start, or falconer serve), or correct FALCONER_URL.\n`,
    })
    const page = createServer((_request, response) => response.end('<h1>Hello</h1>')).listen(0, '127.0.0.1')
    await new Promise((resolve) => page.once('listening', resolve))
    const other = `http://127.0.0.1:${(page.address() as AddressInfo).port}`
    const said = await run(list, { env: { ...operatorOf(server), FALCONER_URL: other } })
    expect(said).toMatchObject({ code: 1, err: expect.stringContaining('is not a Falconer server') })
    page.close()
  })
})

describe('beside an embedded server', () => {
  let instance: Instance
  const dataDir = path.join(folder.path, '.data')

  beforeAll(async () => {
    instance = await startInstance({ DATA_DIR: dataDir })
  })
  afterAll(() => instance.end('SIGTERM'))

  it('finds the server and its own client in DATA_DIR, or in .data of the folder', async () => {
    expect(statSync(path.join(dataDir, 'cli-client.json')).mode & 0o777).toBe(0o600)
    const said = await run(list, { env: { DATA_DIR: dataDir } })
    expect(said).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(said.out)).toMatchObject([{ client_id: 'falconer-cli', grant_types: ['client_credentials'] }])
    expect((await run(list, { env: { DATA_DIR: '' }, cwd: folder.path })).out).toBe(said.out)
    expect(
      (await run(list, { env: { DATA_DIR: dataDir, FALCONER_URL: instance.url.replace('127.0.0.1', 'localhost') } }))
        .code,
    ).toBe(0)
  })

  it('sends that secret to no other server', async () => {
    const { code, err } = await run(list, { env: { DATA_DIR: dataDir, FALCONER_URL: server.url } })
    expect({ code, err }).toEqual({ code: 2, err: 'FALCONER_CLIENT_ID and FALCONER_CLIENT_SECRET are not set.\n' })
  })

  it('keeps the secret from start to start, and says what to do when it does not fit', async () => {
    const file = path.join(dataDir, 'cli-client.json')
    const before = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
    const wrong = path.join(folder.path, 'wrong')
    mkdirSync(wrong)
    const secret = 'another-secret-of-at-least-32-characters'
    writeFileSync(path.join(wrong, 'cli-client.json'), JSON.stringify({ ...before, client_secret: secret }))
    const { code, err } = await run(list, { env: { DATA_DIR: wrong } })
    expect(code).toBe(1)
    expect(err).toContain('Start the server again')
    expect(err).not.toContain(secret)
    await instance.end('SIGTERM')
    instance = await startInstance({ DATA_DIR: dataDir })
    const after = JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>
    expect(after['client_secret']).toBe(before['client_secret'])
    expect(after['url']).not.toBe(before['url'])
    expect((await run(list, { env: { DATA_DIR: dataDir } })).code).toBe(0)
  })
})

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { createRequire } from 'node:module'
import path from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { presets } from '../../src/cli/presets/index.ts'
import { signInAt, wayOut } from '../interop/sign-in.ts'
import { serve } from '../interop/web-app.ts'
import { Browser } from '../support/browser.ts'
import { describeInChromium } from '../support/chromium.ts'
import { freePort } from '../support/ports.ts'
import { password, startServer, type TestServer } from '../support/server.ts'
import { createFolder, createOperator, type Operator } from './cli.ts'

const api = 'https://reports.example.com'
const folder = createFolder({ withPackages: true })
const processes: ChildProcess[] = []
let server: TestServer
let falconer: Operator
let user: { id: string; username: string }

beforeAll(async () => {
  server = await startServer()
  falconer = createOperator(server)
  user = await server.createUser({ name: 'Ann Example' })
  await falconer.json('resources', 'create', api, '--scope', 'reports:read')
})
afterAll(async () => {
  for (const each of processes) each.kill('SIGKILL')
  folder.remove()
  await server.close()
})

let count = 0

/** Registers an application and puts what the command prints into a folder, as its reader would. */
async function createApp(
  preset: string,
  ...args: string[]
): Promise<{ folder: string; env: Record<string, string>; out: string }> {
  const own = path.join(folder.path, String(++count))
  mkdirSync(own)
  const { code, out, err } = await falconer('clients', 'create', '--preset', preset, ...args)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  for (const [, file = '', text = ''] of out.matchAll(/^# (\S+)[^\n]*\n(.*?)(?=\n# |$(?![^]))/gms)) {
    mkdirSync(path.dirname(path.join(own, file)), { recursive: true })
    writeFileSync(path.join(own, file), text)
  }
  const envFile = out.includes('# .env.local') ? '.env.local' : '.env'
  const env = args.includes('--write-env')
    ? {}
    : (parseEnv(readFileSync(path.join(own, envFile), 'utf8')) as Record<string, string>)
  return { folder: own, env, out }
}

/** Runs a file of an application, and collects what it says. */
function launch(app: { folder: string }, ...args: string[]) {
  const child = spawn(process.execPath, args, { cwd: app.folder, env: { PATH: process.env['PATH'] ?? '' } })
  processes.push(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (said += String(part)))
  const done = new Promise<number | null>((resolve) => child.once('close', resolve))
  return { child, said: () => said, done }
}

const patience = { timeout: 60_000, interval: 50 }

describe('express', () => {
  it.each(['/callback', '/auth/done'])('logs in, says hello and logs out, with %s', async (callback) => {
    const origin = `http://localhost:${await freePort()}`
    const app = await createApp('express', '--redirect', `${origin}${callback}`, '--name', 'Shop')
    const running = launch(app, '--env-file=.env', 'app.mjs')
    const atApp = new Browser(origin)
    const first = await vi.waitFor(() => atApp.request('/'), patience)
    const atServer = server.browser()
    const back = wayOut(await signInAt(atServer, wayOut(first), user.username))
    expect(back.href).toContain(`${origin}${callback}?`)
    expect(wayOut(await atApp.request(back.href)).href).toBe(`${origin}/`)
    expect((await atApp.request('/')).body, running.said()).toBe('Hello Ann Example')
    const leave = wayOut(await atApp.request('/logout'))
    expect(leave.origin).toBe(server.url)
    expect(wayOut(await atServer.open(leave.href)).origin).toBe(origin)
    running.child.kill()
  })

  it('does the same with --write-env', async () => {
    const origin = `http://localhost:${await freePort()}`
    const file = path.join(folder.path, 'express.env')
    const app = await createApp('express', '--redirect', `${origin}/callback`, '--write-env', file)
    const running = launch(app, `--env-file=${file}`, 'app.mjs')
    const atApp = new Browser(origin)
    const first = await vi.waitFor(() => atApp.request('/'), patience)
    const back = wayOut(await signInAt(server.browser(), wayOut(first), user.username))
    await atApp.request(back.href)
    expect((await atApp.request('/')).body, running.said()).toBe('Hello Ann Example')
    running.child.kill()
  })
})

describe('native', () => {
  it.each([[], ['--write-env']])('logs in from a program on the machine %j', async (...write) => {
    const file = path.join(folder.path, `native-${count}.env`)
    const app = await createApp('native', ...(write.length > 0 ? ['--write-env', file] : []))
    const running = launch(app, ...(write.length > 0 ? [`--env-file=${file}`] : []), 'login.mjs')
    const url = await vi.waitFor(() => {
      const found = /http:\/\/\S+\/authorize\S+/.exec(running.said())?.[0]
      if (found === undefined) throw new Error(running.said())
      return found
    }, patience)
    const back = wayOut(await signInAt(server.browser(), url, user.username))
    expect(back.hostname).toBe('127.0.0.1')
    expect(await (await fetch(back)).text()).toContain('close this window')
    expect(await running.done).toBe(0)
    expect(running.said()).toContain('Hello Ann Example')
  })
})

describe('service', () => {
  it('gets a token in its own name, which the API accepts', async () => {
    const app = await createApp('service', 'reports', '--scope', 'reports:read', '--default-resource', api)
    const caller = launch(app, '--env-file=.env', 'call.mjs')
    expect(await caller.done, caller.said()).toBe(0)
    const token = caller.said().trim().split('\n').at(-1) ?? ''
    writeFileSync(
      path.join(app.folder, 'main.mjs'),
      `import { check } from './api.mjs'\nconsole.log(JSON.stringify(await check(process.argv[2])))`,
    )
    const checker = launch(app, 'main.mjs', token)
    expect(await checker.done, checker.said()).toBe(0)
    expect(JSON.parse(checker.said())).toMatchObject({ aud: api, sub: 'reports', scope: 'reports:read' })
    expect(await launch(app, 'main.mjs', token.slice(0, -5)).done).not.toBe(0)
  })

  it('is an API that refuses what was revoked', async () => {
    const caller = await createApp('service', '--scope', 'reports:read', '--default-resource', api)
    const app = await createApp('service', 'reports-api', '--resource-server-for', api)
    const getToken = async () => {
      const call = launch(caller, '--env-file=.env', 'call.mjs')
      await call.done
      return call.said().trim().split('\n').at(-1) ?? ''
    }
    const token = await getToken()
    writeFileSync(
      path.join(app.folder, 'main.mjs'),
      `import { verifier } from './api.mjs'
       import { setTimeout as sleep } from 'node:timers/promises'
       let result
       do result = await verifier.verify(process.argv[2]); while (result.status === 503 && (await sleep(50, true)))
       console.log(JSON.stringify(result))
       verifier.close()`,
    )
    const verify = async () => {
      const running = launch(app, '--env-file=.env', 'main.mjs', token)
      await running.done
      return JSON.parse(running.said()) as { ok: boolean }
    }
    expect(await verify()).toMatchObject({ claims: { aud: api } })
    await falconer.json('revoke', '--client', caller.env['CLIENT_ID'] ?? '', '--yes')
    expect(await verify()).toMatchObject({ ok: false, error: 'revoked' })
  })
})

describe('next', () => {
  it('has the values that Auth.js reads, for the callback that was registered', async () => {
    const app = await createApp('next', '--redirect', 'http://localhost:3005/api/auth/callback/mine')
    const { AUTH_FALCONER_ID: id = '', AUTH_FALCONER_SECRET: secret = '', ...values } = app.env
    expect(values).toMatchObject({ AUTH_URL: 'http://localhost:3005', AUTH_FALCONER_ISSUER: server.url })
    expect(values['AUTH_SECRET']).toHaveLength(43)
    expect(secret).toMatch(/^flc_cs_/)
    expect(readFileSync(path.join(app.folder, 'auth.ts'), 'utf8')).toContain(`id: 'mine'`)
    expect(app.out).toContain('not run by our tests')
    expect(await falconer.json('clients', 'show', id)).toMatchObject({
      redirect_uris: ['http://localhost:3005/api/auth/callback/mine'],
      token_endpoint_auth_method: 'client_secret_basic',
      require_pkce: true,
    })
  })
})

describe('every preset', () => {
  it('names its values before there are any', async () => {
    for (const [name, preset] of Object.entries(presets)) {
      const { env } = await createApp(name)
      expect(Object.keys(env).sort(), name).toEqual(preset.names.toSorted())
    }
  })
})

describeInChromium('spa', (browser) => {
  const entry = createRequire(import.meta.url).resolve('oidc-client-ts')
  // A package of that package.
  const decoder = 'jwt-decode'
  const bare: Record<string, string> = {
    '/oidc-client-ts.js': path.join(path.dirname(entry), '../esm/oidc-client-ts.js'),
    '/jwt-decode.js': path.join(path.dirname(createRequire(entry).resolve(decoder)), '../esm/index.js'),
  }
  const imports = { 'oidc-client-ts': '/oidc-client-ts.js', 'jwt-decode': '/jwt-decode.js' }
  const page = `<!doctype html><title>App</title><body><script type="importmap">${JSON.stringify({ imports })}</script>
    <script type="module" src="/main.js"></script>`

  it('logs in from a page of another origin and says hello', async () => {
    const app = await serve(async (origin): Promise<RequestListener> => {
      const { folder } = await createApp('spa', '--redirect', `${origin}/callback`)
      const code = readFileSync(path.join(folder, 'main.js'))
      return (request, response) => {
        const { pathname } = new URL(request.url ?? '/', origin)
        const file = bare[pathname]
        if (file !== undefined || pathname === '/main.js')
          return response
            .setHeader('content-type', 'text/javascript')
            .end(file === undefined ? code : readFileSync(file))
        if (pathname === '/favicon.ico') return response.writeHead(204).end()
        return response.setHeader('content-type', 'text/html').end(page)
      }
    })
    const window = await browser.open()
    try {
      const { page } = window
      await page.goto(app.origin)
      await page.waitForURL(`${server.url}/login**`)
      await page.fill('#username', user.username)
      await page.fill('#password', password)
      await page.click('#submit')
      const approve = page.locator('#approve')
      if (await approve.isVisible({ timeout: 0 }).catch(() => false)) await approve.click()
      await page.waitForURL(`${app.origin}/**`)
      await page.waitForFunction(`document.body.textContent.startsWith('Hello')`)
      expect(await page.textContent('body')).toBe('Hello Ann Example')
      expect(window.complaints).toEqual([])
    } finally {
      await window.close()
      await app.close()
    }
  })
})

import { randomUUID } from 'node:crypto'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import fastify from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createVerifier, type Verifier } from '../src/index.ts'
import { audience, credentials, type FakeIssuer, startFakeIssuer } from './fake-issuer.ts'

let issuer: FakeIssuer
let verifier: Verifier
const stops: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  issuer = await startFakeIssuer()
  verifier = createVerifier({ issuer: issuer.url, audience, ...credentials })
  await verifier.ready()
})
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop()
})
afterAll(async () => {
  verifier.close()
  await issuer.close()
})

async function startFastify(): Promise<string> {
  const app = fastify()
  app.get('/open', async () => 'open')
  await app.register(async (api) => {
    // Before and after the plugin: order must not decide what is protected.
    api.get('/early', async (request) => ({ auth: (request as { auth?: unknown }).auth }))
    await api.register(verifier.fastify, { scope: 'orders:read' })
    api.get('/orders', async (request) => ({ auth: (request as { auth?: unknown }).auth }))
    await api.register(async (inner) => {
      await inner.register(verifier.fastify, { scope: 'orders:write' })
      inner.post('/orders', async () => ({}))
    })
  })
  stops.push(() => app.close())
  return app.listen({ port: 0, host: '127.0.0.1' })
}

async function startExpress(): Promise<string> {
  const app = express()
  app.get('/open', (_, response) => response.end('open'))
  app.use(verifier.express({ scope: 'orders:read' }))
  const show = (request: http.IncomingMessage & { auth?: unknown }, response: { json(body: unknown): void }) =>
    response.json({ auth: request.auth })
  app.get('/early', show)
  app.get('/orders', show)
  app.use(verifier.express({ scope: 'orders:write' }))
  const server = http.createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  stops.push(() => new Promise((resolve) => server.close(resolve)))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const frameworks = { fastify: startFastify, express: startExpress }

describe.each(Object.keys(frameworks) as (keyof typeof frameworks)[])('%s', (name) => {
  const get = async (url: string, authorization?: string, method = 'GET') => {
    const response = await fetch(url, { method, headers: authorization === undefined ? {} : { authorization } })
    const { status, headers } = response
    const text = await response.text()
    return { status, headers, body: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : text }
  }

  it('hands on the claims', async () => {
    const url = await frameworks[name]()
    for (const path of ['/orders', '/early'])
      for (const scheme of ['Bearer', 'bearer'])
        expect(await get(`${url}${path}`, `${scheme} ${issuer.token()}`)).toMatchObject({
          status: 200,
          body: { auth: { sub: 'user-1', scope: 'orders:read profile' } },
        })
    expect(await get(`${url}/open`)).toMatchObject({ status: 200 })
  })

  it.each(['', 'Basic YTpi', 'Bearer', 'Bearer a b'])('asks for a token when there is %j', async (header) => {
    const url = await frameworks[name]()
    for (const path of ['/orders', '/early']) {
      const { status, headers } = await get(`${url}${path}`, header)
      expect(status).toBe(401)
      expect(headers.get('www-authenticate')).toBe(`Bearer realm="${audience}"`)
    }
  })

  it('refuses a revoked token, and says so', async () => {
    const url = await frameworks[name]()
    const sid = randomUUID()
    const token = issuer.token({ sid })
    const position = issuer.end('s', sid)
    await vi.waitFor(() => expect(verifier.state().cursor).toBe(position), 20_000)
    const { status, headers, body } = await get(`${url}/orders`, `Bearer ${token}`)
    expect({ status, body }).toEqual({
      status: 401,
      body: { error: 'invalid_token', error_description: 'The access token has been revoked' },
    })
    expect(headers.get('www-authenticate')).toBe(
      `Bearer realm="${audience}", error="invalid_token", error_description="The access token has been revoked"`,
    )
    expect(headers.get('cache-control')).toBe('no-store')
  })

  it('answers 403 where a scope is missing', async () => {
    const url = await frameworks[name]()
    const { status, headers, body } = await get(`${url}/orders`, `Bearer ${issuer.token()}`, 'POST')
    expect(status).toBe(403)
    expect(headers.get('www-authenticate')).toContain('error="insufficient_scope"')
    expect(headers.get('www-authenticate')).toContain('scope="orders:write"')
    expect(body).toMatchObject({ error: 'insufficient_scope' })
  })

  it('answers 503 and when to come back while nobody can tell', async () => {
    const url = await frameworks[name]()
    const token = issuer.token({ rvp: issuer.feed.head + 1000 })
    const { status, headers, body } = await get(`${url}/orders`, `Bearer ${token}`)
    expect(status).toBe(503)
    expect(headers.get('retry-after')).toBe('1')
    expect(headers.get('www-authenticate')).toBeNull()
    expect(body).toMatchObject({ error: 'temporarily_unavailable' })
  })
})

describe('a wrong policy', () => {
  it('is noticed at the start', async () => {
    expect(() => verifier.express({ onStale: 'never' as 'open' })).toThrow(TypeError)
    expect(() => verifier.hono({ onStale: 'never' as 'open' })).toThrow(TypeError)
    const app = fastify()
    await expect(app.register(verifier.fastify, { onStale: 'never' as 'open' })).rejects.toThrow(TypeError)
  })
})

describe('hono', () => {
  /** As much of Hono as its middleware contract is: a context, a `next`, and a Response. */
  const run = async (authorization?: string) => {
    const kept = new Map<string, unknown>()
    let isNext = false
    const context = {
      req: { header: (header: string) => (header === 'authorization' ? authorization : undefined) },
      set: (key: string, value: unknown) => void kept.set(key, value),
    }
    const response = await verifier.hono({ scope: 'orders:read' })(context, async () => {
      isNext = true
    })
    return { response, isNext, auth: kept.get('auth') }
  }

  it('goes on with the claims, or answers', async () => {
    expect(await run(`Bearer ${issuer.token()}`)).toMatchObject({
      response: undefined,
      isNext: true,
      auth: { sub: 'user-1' },
    })
    const { response, isNext } = await run()
    expect(isNext).toBe(false)
    expect(response?.status).toBe(401)
    expect(response?.headers.get('www-authenticate')).toBe(`Bearer realm="${audience}"`)
  })
})

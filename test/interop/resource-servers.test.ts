import type { RequestListener } from 'node:http'
import fastifyJwt from '@fastify/jwt'
import { JwtVerifier } from 'aws-jwt-verify'
import express, { type ErrorHandler } from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import fastify from 'fastify'
import buildGetJwks from 'get-jwks'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { serve } from './web-app.ts'

/** A resource server of the library: takes a token and says whether it lets it in. */
interface ResourceServer {
  /** The `sub` of a token that it takes, undefined when it refuses. */
  subjectOf(token: string): Promise<string | undefined>
  readonly close?: () => Promise<void>
}

const orders = 'https://orders.example.com'
const invoices = 'https://invoices.example.com'
const shipments = 'https://shipments.example.com'

let server: TestServer
let other: TestServer
let app: TestClient
let user: { id: string; username: string }
let foreignToken: string
const started = new Map<string, ResourceServer>()

beforeAll(async () => {
  ;[server, other] = await Promise.all([startServer({ KEY_PUBLISH_LEAD_SECONDS: '1' }), startServer()])
  user = await server.createUser()
  for (const [identifier, scope, alg] of [
    [orders, 'orders:read', 'ES256'],
    [invoices, 'invoices:read', 'RS256'],
    [shipments, 'shipments:read', 'ES256'],
  ])
    await server.admin('POST', '/resources', { identifier, scopes: [scope], signing_alg: alg })
  app = await server.createClient({ scope: 'openid orders:read invoices:read shipments:read' })
  foreignToken = await tokenOfAnotherServer()
  for (const [name, create] of Object.entries(libraries))
    for (const audience of [orders, invoices]) started.set(`${name} ${audience}`, await create(audience))
})
afterAll(async () => {
  await Promise.all([...started.values()].map(async (resource) => resource.close?.()))
  await Promise.all([server.close(), other.close()])
})

function resourceServer(library: string, audience: string): ResourceServer {
  const resource = started.get(`${library} ${audience}`)
  if (!resource) throw new Error(`${library} was not started`)
  return resource
}

async function tokenOfAnotherServer(): Promise<string> {
  await other.admin('POST', '/resources', { identifier: orders, scopes: ['orders:read'] })
  const { username } = await other.createUser()
  const client = await other.createClient({ scope: 'openid orders:read' })
  return (await client.tokens({ username, parameters: { scope: 'openid orders:read' } })).access_token
}

const libraries: Record<string, (audience: string) => Promise<ResourceServer>> = {
  jose: async (audience) => {
    const keys = createRemoteJWKSet(new URL(`${server.url}/.well-known/jwks.json`))
    return {
      subjectOf: (token) =>
        jwtVerify(token, keys, { issuer: server.url, audience, typ: 'at+jwt' }).then(
          ({ payload }) => payload.sub,
          refused,
        ),
    }
  },

  'express-oauth2-jwt-bearer': async (audience) => {
    const options = { issuerBaseURL: server.url, audience, strict: true }
    const web = express()
    web.use(auth({ ...options, tokenSigningAlg: audience === orders ? 'ES256' : 'RS256' }))
    web.get('/', (request, response) => {
      const { payload } = (request as unknown as { auth: { payload: { sub: string } } }).auth
      response.json({ sub: payload.sub })
    })
    const answer: ErrorHandler = (error, _request, response, _next) =>
      response.status((error as { status?: number }).status ?? 500).json({})
    web.use(answer)
    return overHttp(web)
  },

  // It reads keys over https only, and takes them from elsewhere through `cacheJwks`.
  'aws-jwt-verify': async (audience) => {
    const verifier = JwtVerifier.create({
      issuer: server.url,
      audience,
      jwksUri: 'https://unreachable.invalid/jwks.json',
    })
    return {
      subjectOf: async (token) => {
        verifier.cacheJwks((await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as never)
        return verifier.verify(token).then((payload) => payload.sub, refused)
      },
    }
  },

  '@fastify/jwt with get-jwks': async (audience) => {
    const getJwks = buildGetJwks({ issuersWhitelist: [server.url] })
    const web = fastify()
    await web.register(fastifyJwt, {
      decode: { complete: true },
      secret: (_request: unknown, token: unknown) => {
        const { header, payload } = token as { header: { kid: string; alg: string }; payload: { iss: string } }
        return getJwks.getPublicKey({ kid: header.kid, domain: payload.iss, alg: header.alg })
      },
      verify: { allowedIss: server.url, allowedAud: audience, checkTyp: 'at+jwt' },
    })
    web.get('/', async (request) => request.jwtVerify<{ sub: string }>())
    await web.ready()
    const listening = await overHttp((request, response) => web.routing(request, response))
    return { ...listening, close: async () => void (await Promise.all([listening.close?.(), web.close()])) }
  },

  oauth4webapi: async (audience) => {
    const insecure = { [oauth.allowInsecureRequests]: true }
    const issuer = new URL(server.url)
    const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
    return {
      subjectOf: (token) => {
        const request = new Request(audience, { headers: { authorization: `Bearer ${token}` } })
        const options = { ...insecure, signingAlgorithms: ['ES256', 'RS256'] }
        return oauth.validateJwtAccessToken(as, request, audience, options).then((claims) => claims.sub, refused)
      },
    }
  },
}

const refused = () => undefined

async function overHttp(listener: RequestListener): Promise<ResourceServer> {
  const app = await serve(() => listener)
  return {
    subjectOf: async (token) => {
      const response = await fetch(app.origin, { headers: { authorization: `Bearer ${token}` } })
      if (response.status !== 200) return undefined
      return ((await response.json()) as { sub: string }).sub
    },
    close: app.close,
  }
}

const tokensFor = (resource: string, scope: string): Promise<Tokens> =>
  app.tokens({ username: user.username, parameters: { resource, scope: `openid ${scope}` } })

describe.each(Object.keys(libraries))('%s as a resource server', (name) => {
  let ours: ResourceServer
  let theirs: ResourceServer

  beforeAll(() => {
    ours = resourceServer(name, orders)
    theirs = resourceServer(name, invoices)
  })

  it('takes a token for its audience and refuses one for another', async () => {
    const [es256, rs256] = await Promise.all([tokensFor(orders, 'orders:read'), tokensFor(invoices, 'invoices:read')])
    expect(await ours.subjectOf(es256.access_token)).toBe(user.id)
    expect(await theirs.subjectOf(rs256.access_token)).toBe(user.id)
    const elsewhere = await tokensFor(shipments, 'shipments:read')
    expect(await ours.subjectOf(elsewhere.access_token)).toBeUndefined()
    expect(await ours.subjectOf(rs256.access_token)).toBeUndefined()
    expect(await theirs.subjectOf(es256.access_token)).toBeUndefined()
  })

  it('refuses an ID token, a refresh token, a changed token and one of another server', async () => {
    const tokens = await tokensFor(orders, 'orders:read')
    expect(await ours.subjectOf(tokens.id_token)).toBeUndefined()
    expect(await ours.subjectOf(tokens.refresh_token)).toBeUndefined()
    const [head = '', body = '', signature = ''] = tokens.access_token.split('.')
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>
    const changed = Buffer.from(JSON.stringify({ ...claims, sub: 'someone-else' })).toString('base64url')
    expect(await ours.subjectOf(`${head}.${changed}.${signature}`)).toBeUndefined()
    expect(await ours.subjectOf(foreignToken)).toBeUndefined()
  })
})

it('a key rotation is noticed by no resource server: tokens from before and from after it are taken', async () => {
  const names = Object.keys(libraries)
  const subjects = async (token: string) =>
    Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await resourceServer(name, orders).subjectOf(token)])),
    ) as Record<string, string | undefined>
  const everybody = Object.fromEntries(names.map((name) => [name, user.id]))

  const before = (await tokensFor(orders, 'orders:read')).access_token
  expect(await subjects(before)).toEqual(everybody)
  const rotation = await server.admin('POST', '/keys/rotate')
  expect(rotation.status, JSON.stringify(rotation.body)).toBe(200)
  const next = async () => (await tokensFor(orders, 'orders:read')).access_token
  await expect.poll(async () => kidOf(await next()), { interval: 250, timeout: 9000 }).not.toBe(kidOf(before))
  const after = await next()
  // The longest pause that a library makes between two looks at the keys is a minute. By default a key is published a day before it signs.
  await atSecondsFromNow(90, async () => {
    expect(await subjects(after)).toEqual(everybody)
    expect(await subjects(before)).toEqual(everybody)
  })
})

it.each(Object.keys(libraries))('%s refuses an expired token', async (name) => {
  const { access_token: token } = await tokensFor(orders, 'orders:read')
  await atSecondsFromNow(3600, async () => {
    expect(await resourceServer(name, orders).subjectOf(token)).toBeUndefined()
  })
})

/** Moves the clock of this process, which is that of the libraries; the server reads the one of the database. */
async function atSecondsFromNow(seconds: number, act: () => Promise<void>): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + seconds * 1000 })
  try {
    await act()
  } finally {
    vi.useRealTimers()
  }
}

const kidOf = (token: string): string =>
  (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid

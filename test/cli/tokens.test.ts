import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf, headerOf } from '../support/tokens.ts'
import { createFolder, createOperator, type Operator, run } from './cli.ts'

let server: TestServer
let app: TestClient
let falconer: Operator
let tokens: Tokens
const folder = createFolder()

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  falconer = createOperator(server)
  tokens = await app.tokens({ username: (await server.createUser()).username })
})
afterAll(async () => {
  folder.remove()
  await server.close()
})

const inspect = (token: string, ...args: string[]) =>
  falconer.with({ input: `${token}\n` }, 'tokens', 'inspect', '-', ...args)

it('explains an access token: signature, claims in words, and whether it was revoked', async () => {
  const { sub, jti, sid = '', gid = '', rvp } = claimsOf(tokens.access_token)
  const { code, out, err } = await inspect(`Bearer ${tokens.access_token}`)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(new RegExp(`^Access token \\(at\\+jwt, ES256, key ${headerOf(tokens.access_token).kid}\\)`))
  for (const part of [
    `signature  good, by the keys of ${server.url}`,
    `client     ${app.clientId}`,
    `subject    user ${sub}`,
    `session    ${sid}`,
    `grant      ${gid}`,
    `position   ${rvp} (rvp)`,
    `id         ${jti}`,
  ])
    expect(out).toContain(part)
  expect(out).toMatch(/expires +\d{4}-.* UTC \(in .*\)$/m)
  expect(out).toContain('no, by introspection')
})

it('asks by introspection where the client may', async () => {
  const scope = 'introspect:any sessions:read'
  const { clientId, secret = '' } = await server.createClient({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope,
  })
  const env = { FALCONER_URL: server.url, FALCONER_CLIENT_ID: clientId, FALCONER_CLIENT_SECRET: secret }
  const own = await app.tokens({ username: (await server.createUser()).username })
  const say = async () => (await run(['tokens', 'inspect', own.access_token], { env })).out
  expect(await say()).toContain('no, by introspection')
  await falconer.json('revoke', '--grant', claimsOf(own.access_token).gid ?? '', '--reason', 'test')
  const out = await say()
  expect(out).toContain('yes, by introspection')
  expect(out).toContain('because an administrator ended it')
  const json = JSON.parse((await run(['tokens', 'inspect', own.access_token, '--json'], { env })).out) as object
  expect(json).toMatchObject({ kind: 'access_token', signature: 'good', expired: false, alive: false })
})

it('says what is missing where the client may look at grants only', async () => {
  const reader = { grant_types: ['client_credentials'], redirect_uris: [], scope: 'sessions:read' }
  const { clientId, secret = '' } = await server.createClient(reader)
  const env = { FALCONER_URL: server.url, FALCONER_CLIENT_ID: clientId, FALCONER_CLIENT_SECRET: secret }
  const { out } = await run(['tokens', 'inspect', tokens.access_token], { env })
  expect(out).toContain('its grant is alive; for the token itself the scope introspect:any is needed')
})

it('explains an ID token', async () => {
  const { code, out } = await inspect(tokens.id_token)
  expect(code).toBe(0)
  expect(out).toMatch(/^ID token \(JWT, RS256/)
  expect(out).toMatch(new RegExp(`for +${app.clientId} \\(aud\\)`))
})

it('checks without any connection with --jwks', async () => {
  const file = path.join(folder.path, 'jwks.json')
  writeFileSync(file, await (await fetch(`${server.url}/.well-known/jwks.json`)).text())
  server.log.length = 0
  const { code, out } = await inspect(tokens.access_token, '--jwks', file)
  expect(code).toBe(0)
  expect(out).toContain(`good, by the keys of ${file}`)
  expect(server.log).toEqual([])
  const alone = await run(['tokens', 'inspect', tokens.access_token, '--jwks', file])
  expect(alone.code).toBe(0)
  const unchecked = await run(['tokens', 'inspect', tokens.access_token, '--json'])
  expect(JSON.parse(unchecked.out)).toMatchObject({ signature: 'not_checked', alive: null })
})

it('says that a token is not good: changed, expired, of somebody else', async () => {
  const [header, , signature] = tokens.access_token.split('.')
  const claims = { ...claimsOf(tokens.access_token), scope: 'admin' }
  const forged = [header, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.')
  const { code, out, err } = await inspect(forged)
  expect({ code, err }).toEqual({ code: 1, err: 'It has no good signature of this server.\n' })
  expect(out).toContain('signature  bad')
  const foreign = [
    header,
    Buffer.from(JSON.stringify({ ...claims, iss: 'https://other.example.com' })).toString('base64url'),
    signature,
  ]
  expect((await inspect(foreign.join('.'))).out).toContain(`not one of ours: this server is ${server.url}`)
})

it('takes a refresh token apart without telling its secrets, and tells about its grant', async () => {
  const { gid = '' } = claimsOf(tokens.access_token)
  const { code, out } = await inspect(tokens.refresh_token)
  expect(code).toBe(0)
  expect(out).toMatch(new RegExp(`grant +${gid}`))
  expect(out).toMatch(/generation +0: refreshed so many times/)
  expect(out).toContain('no, its grant is alive')
  const next = await app.refresh(tokens.refresh_token)
  const json = JSON.parse((await inspect(next.body.refresh_token, '--json')).out) as object
  expect(json).toEqual({ kind: 'refresh_token', key_id: expect.any(Number), gid, generation: 1, alive: true })
})

it('knows codes and secrets by their form, and what was cut off', async () => {
  expect((await inspect(app.secret ?? '')).out).toContain('A client secret')
  const user = await server.createUser()
  const { code } = await app.signIn({ username: user.username })
  expect((await inspect(code)).out).toContain('An authorization code')
  const cut = await inspect((app.secret ?? '').slice(0, -2))
  expect(cut).toMatchObject({ code: 1, out: '' })
  expect(cut.err).toContain('begins like a client secret, but its checksum does not fit')
  expect(await inspect('hello')).toMatchObject({ code: 1, err: 'This is no token and no secret of this server.\n' })
})

it('repeats no token, whatever it says', async () => {
  for (const token of [tokens.access_token, tokens.id_token, tokens.refresh_token, app.secret ?? '']) {
    const { out, err } = await inspect(token)
    expect(out + err).not.toContain(token.slice(-20))
  }
})

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchRaw, sendBytes } from '../support/front-channel.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let username: string
const bye = 'https://app.example.com/bye'

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient({ post_logout_redirect_uris: [bye] })
  ;({ username } = await server.createUser())
})
afterAll(() => server.close())

/** Line breaks in every disguise that became a header somewhere; encoded as in a query. */
const breaks: [string, string][] = [
  ['CR LF', '%0d%0a'],
  ['LF', '%0a'],
  ['CR', '%0d'],
  ['CR LF CR LF', '%0d%0a%0d%0a'],
  ['characters that lose their upper byte', '%E5%98%8D%E5%98%8A'],
  ['a line separator', '%E2%80%A8'],
  ['next line', '%C2%85'],
  ['CR LF after a NUL byte', '%00%0d%0a'],
  ['doubly encoded', '%250d%250a'],
  ['overlong', '%C0%8D%C0%8A'],
]
const injected = 'X-Injected:%20yes%0d%0aSet-Cookie:%20sso=evil%0d%0aLocation:%20https://evil.example/'

/** The head of an answer, as it went over the wire. */
async function headOf(path: string, method = 'GET', body = '', headers = ''): Promise<string> {
  const type = body === '' ? '' : 'content-type: application/x-www-form-urlencoded\r\n'
  const request = `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${type}${headers}content-length: ${body.length}\r\n\r\n${body}`
  const { text } = await sendBytes(server.url, request, 2000)
  return text.split('\r\n\r\n', 1)[0] ?? ''
}
function expectNothingInjected(head: string): void {
  expect(head).toMatch(/^HTTP\/1\.1 [234]\d\d /)
  expect(head).not.toMatch(/^x-injected/im)
  expect(head).not.toMatch(/^set-cookie: sso=evil/im)
  expect(head).not.toMatch(/^location: https:\/\/evil/im)
  expect(head.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
}

describe('CWE-113: no parameter ends a header line', () => {
  const spaces: [string, string, string[]][] = [
    [
      'GET',
      '/authorize',
      ['client_id', 'redirect_uri', 'state', 'nonce', 'scope', 'response_mode', 'prompt', 'login_hint'],
    ],
    ['GET', '/login', ['tx']],
    ['GET', '/consent', ['tx']],
    ['GET', '/logout', ['state', 'post_logout_redirect_uri', 'client_id', 'id_token_hint']],
    ['POST', '/authorize', ['state', 'redirect_uri', 'login_hint']],
    ['POST', '/logout', ['state', 'post_logout_redirect_uri', 'client_id']],
    ['POST', '/token', ['grant_type', 'client_id', 'scope']],
    ['POST', '/revoke', ['token']],
  ]
  it.each(spaces)('%s %s', async (method, path, names) => {
    const valid: Record<string, URLSearchParams> = {
      '/authorize': new URL(app.request({ prompt: 'none' }).url).searchParams,
      '/logout': new URLSearchParams({ client_id: app.clientId, post_logout_redirect_uri: bye, state: 's' }),
    }
    for (const name of names) {
      for (const [, lineBreak] of breaks) {
        const rest = new URLSearchParams(valid[path] ?? {})
        rest.delete(name)
        const form = `${rest}&${name}=x${lineBreak}${injected}`
        expectNothingInjected(method === 'GET' ? await headOf(`${path}?${form}`) : await headOf(path, method, form))
      }
    }
  })

  it('a path does not either', async () => {
    for (const [, lineBreak] of breaks)
      for (const path of [
        `/${lineBreak}${injected}`,
        `/admin/v1/users/x${lineBreak}${injected}`,
        `/.well-known/${lineBreak}`,
      ])
        expectNothingInjected(await headOf(path))
  })

  it('a state of logout goes back encoded', async () => {
    const query = new URLSearchParams({
      client_id: app.clientId,
      post_logout_redirect_uri: bye,
      state: 'a\r\nX-Injected: yes',
    })
    const head = await headOf(`/logout?${query}`)
    expect(head).toMatch(/^location: https:\/\/app\.example\.com\/bye\?state=a%0D%0AX-Injected%3A\+yes$/im)
    expectNothingInjected(head)
  })

  it('a text of any language in Location is plain ASCII', async () => {
    const head = await headOf(
      new URL(app.request({ prompt: 'none', state: 'é漢😀' }).url).href.slice(server.url.length),
    )
    expect(head).toMatch(/^location: [\x21-\x7e]+$/im)
  })
})

it('metadata of a client cannot hold a line break', async () => {
  for (const [name, value] of [
    ['client_name', 'a\r\nX-Injected: yes'],
    ['client_id', 'a\r\nb'],
    ['redirect_uris', ['https://app.example.com/\r\nX-Injected:yes']],
    ['post_logout_redirect_uris', ['https://app.example.com/\nx']],
    ['client_uri', 'https://app.example.com/\r\nx'],
    ['scope', 'openid\r\nx'],
    ['allowed_cors_origins', ['https://app.example.com\r\nX-Injected: yes']],
  ] as const) {
    const { status } = await server.admin('POST', '/clients', { redirect_uris: [app.redirectUri], [name]: value })
    expect({ name, status }).toEqual({ name, status: 400 })
  }
})

it('an Origin is given back only when it is registered, so it cannot carry anything', async () => {
  for (const origin of ['https://app.example.com, x', 'https://app.example.com x', 'https://app.example.com\tx']) {
    const { headers } = await fetchRaw(`${server.url}/token`, { method: 'POST', headers: { origin } })
    expect(headers.get('access-control-allow-origin')).toBeNull()
  }
})

describe('CWE-117: nothing that is sent begins a line in the log or an event in the audit', () => {
  it('a name with line breaks stays inside of one', async () => {
    const before = server.log.length
    const browser = server.browser()
    const forged = 'x\n{"level":30,"msg":"forged"}\r\nforged'
    await browser.submit(
      await browser.open(app.request().url),
      { username: forged, password: 'wrong password' },
      { 'user-agent': 'a' },
    )
    await fetch(`${server.url}/%0a{"msg":"forged"}`)
    await fetch(`${server.url}/login?tx=%0aforged`)
    expect(server.log.length).toBeGreaterThan(before)
    expect(server.log.some(({ msg }) => msg?.includes('forged'))).toBe(false)
    const events = await server.db.query(
      `select from audit_events where row_to_json(audit_events)::text like '%forged%'`,
    )
    expect(events).toEqual([])
  })

  it('the id of a request is made here, whatever the request says', async () => {
    const before = server.log.length
    await fetch(`${server.url}/livez`, { headers: { 'request-id': 'forged', 'x-request-id': 'forged' } })
    expect(JSON.stringify(server.log.slice(before))).not.toContain('forged')
  })
})

it('a redirect says where by its header alone: the body of a 303 is empty', async () => {
  const { browser } = await app.signIn({ username })
  const page = await browser.request(app.request().url)
  expect(page.status).toBe(303)
  expect(page.body).toBe('')
})

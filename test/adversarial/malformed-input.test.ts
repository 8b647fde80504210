import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fetchRaw } from '../support/front-channel.ts'
import { adminClient, startServer, type TestClient, type TestServer } from '../support/server.ts'

let server: TestServer
let app: TestClient
let bearer: string

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  const basic = Buffer.from(`${adminClient.id}:${adminClient.secret}`).toString('base64')
  const form = { grant_type: 'client_credentials', scope: 'admin' }
  const { body } = await server.post('/token', form, { authorization: `Basic ${basic}` })
  bearer = `Bearer ${String(body['access_token'])}`
})
afterAll(() => server.close())

const form = 'application/x-www-form-urlencoded'
const formRoutes: [string, string[]][] = [
  ['/authorize', ['client_id', 'redirect_uri', 'state', 'scope', 'claims', 'prompt', 'id_token_hint', 'resource']],
  ['/login', ['tx', 'csrf', 'username', 'password', 'action']],
  ['/consent', ['tx', 'csrf', 'decision']],
  ['/logout', ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state']],
  ['/logout/confirm', ['csrf', 'client_id', 'post_logout_redirect_uri', 'state']],
  [
    '/token',
    ['grant_type', 'code', 'refresh_token', 'client_id', 'client_secret', 'scope', 'code_verifier', 'resource'],
  ],
  ['/introspect', ['token', 'token_type_hint', 'client_id', 'client_secret']],
  ['/revoke', ['token', 'token_type_hint', 'client_id', 'client_secret']],
  ['/userinfo', ['access_token']],
]
const queryRoutes = [
  '/authorize',
  '/login',
  '/consent',
  '/logout',
  '/userinfo',
  '/not-before',
  '/',
  '/livez',
  '/readyz',
]

/** Values as they stand in a form, already encoded. */
const values: [string, string][] = [
  ['a NUL byte', '%00'],
  ['a NUL byte within', 'a%00b'],
  ['half of a surrogate pair', '%ED%A0%80'],
  ['the other half', '%ED%B0%80'],
  ['overlong UTF-8', '%C0%80%C1%BF'],
  ['overlong UTF-8 of three bytes', '%E0%80%AF'],
  ['bytes that are no UTF-8', '%FF%FE%80'],
  ['UTF-8 that breaks off', '%F0%9F%98'],
  ['a code point beyond Unicode', '%F4%90%80%80'],
  ['broken escapes', '%%%zz%1'],
  ['all control characters', Array.from({ length: 32 }, (_, i) => `%${i.toString(16).padStart(2, '0')}`).join('')],
  ['10 kB', 'x'.repeat(10_000)],
  ['10 kB of spaces', '+'.repeat(10_000)],
  ['10 kB that grow when normalised', '%EF%B7%BA'.repeat(1100)],
  ['10 kB of brackets', '%5B'.repeat(3300)],
  ['10 kB of dots', '.'.repeat(10_000)],
  ['JSON', '%7B%22%24gt%22%3A%22%22%7D'],
  ['JSON with an escaped NUL', encodeURIComponent(String.raw`{"id_token":{"a\u0000":{"value":"\ud800"}}}`)],
  ['SQL', `'+or+1%3D1+--`],
  ['a format string', '%25s%25n%25x'],
  ['a huge number', '9'.repeat(400)],
  ['minus one', '-1'],
  ['NaN', 'NaN'],
  ['a JWT of nothing', 'eyJhbGciOiJub25lIn0.e30.'],
  ['a JWT with a header that is no object', 'bnVsbA.bnVsbA.bnVsbA'],
  [
    'an encrypted JWT with a zip',
    `${Buffer.from('{"alg":"dir","enc":"A256GCM","zip":"DEF"}').toString('base64url')}..AAAA.AAAA.AAAA`,
  ],
  [
    'a JWT that asks for 2^31 rounds',
    `${Buffer.from('{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}').toString('base64url')}.AAAA.AAAA.AAAA.AAAA`,
  ],
  [
    'a JWT with a key of its own',
    `${Buffer.from('{"alg":"RS256","jku":"http://127.0.0.1/","jwk":{"kty":"oct","k":"AA"},"x5u":"http://127.0.0.1/"}').toString('base64url')}.e30.AAAA`,
  ],
]

/** Sends, and expects an answer that is no failure of ours. */
async function expectCalm(what: string, path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetchRaw(server.url + path, init)
  const body = await response.text()
  expect({ what, status: response.status, isOurs: response.status >= 500 }).toEqual({
    what,
    status: response.status,
    isOurs: false,
  })
  expect(body).not.toMatch(/at \w+ \(|node_modules|\.ts:\d+|select |postgres/i)
  return response
}

const withClient = (path: string): Record<string, string> =>
  ['/token', '/introspect', '/revoke'].includes(path)
    ? { authorization: `Basic ${Buffer.from(`${app.clientId}:${app.secret}`).toString('base64')}` }
    : {}

describe.each(formRoutes)('POST %s', (path, names) => {
  it('meets every malformed value of every parameter with a refusal', async () => {
    for (const [what, value] of values) {
      for (const name of names) {
        const rest = names
          .filter((other) => other !== name && !other.startsWith('client_'))
          .map((other) => `${other}=x`)
        const body = [...rest, `${name}=${value}`].join('&')
        await expectCalm(`${what} as ${name}`, path, { method: 'POST', headers: { 'content-type': form }, body })
        await expectCalm(`${what} as ${name}, of a client`, path, {
          method: 'POST',
          headers: { 'content-type': form, ...withClient(path) },
          body,
        })
      }
    }
  })

  it.each<[string, Record<string, string>, string | Uint8Array<ArrayBuffer>, number[]]>([
    ['a body of 1 MB', { 'content-type': form }, `x=${'y'.repeat(1_000_000)}`, [413]],
    ['10 000 parameters', { 'content-type': form }, Array.from({ length: 10_000 }, (_, i) => `p${i}=`).join('&'), []],
    ['20 000 separators', { 'content-type': form }, '&'.repeat(20_000), []],
    ['20 000 equals signs', { 'content-type': form }, '='.repeat(20_000), []],
    ['one name of 60 kB', { 'content-type': form }, 'n'.repeat(60_000), []],
    ['bytes', { 'content-type': form }, Uint8Array.from([0, 255, 254, 38, 61, 0, 128]), []],
    ['no body', { 'content-type': form }, '', []],
    ['no content type', {}, new TextEncoder().encode('a=b'), []],
    ['JSON', { 'content-type': 'application/json' }, '{"client_id":"x"}', [415]],
    ['text', { 'content-type': 'text/plain' }, 'client_id=x', [415]],
    ['multipart', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--', [415]],
    ['multipart without a boundary', { 'content-type': 'multipart/form-data' }, 'x', [415]],
    [
      'XML',
      { 'content-type': 'application/xml' },
      '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>',
      [415],
    ],
    ['a content type with something behind it', { 'content-type': `${form} garbage` }, 'a=b', []],
    ['a content type that is none', { 'content-type': ';;;' }, 'a=b', []],
    ['a content type of 8 kB', { 'content-type': `${form}; ${'x'.repeat(8000)}` }, 'a=b', []],
    ['a content type with a tab', { 'content-type': `${form}\t; charset=utf-7` }, 'a=b', []],
    ['another charset', { 'content-type': `${form}; charset=utf-16` }, 'a=b', []],
    [
      'a content encoding',
      { 'content-type': form, 'content-encoding': 'gzip' },
      Uint8Array.from([0x1f, 0x8b, 0, 0]),
      [],
    ],
  ])('meets %s with a refusal', async (what, headers, body, expected) => {
    const response = await expectCalm(what, path, { method: 'POST', headers, body })
    if (expected.length > 0) expect(expected).toContain(response.status)
  })
})

it('GET: every malformed value in every query', async () => {
  for (const path of queryRoutes) {
    for (const [what, value] of values) {
      const names = formRoutes.find(([route]) => route === path)?.[1] ?? ['x']
      for (const name of names) await expectCalm(`${what} as ${name} of ${path}`, `${path}?${name}=${value}`)
      await expectCalm(`${what} as a name, at ${path}`, `${path}?${value}=x`)
    }
  }
})

it('GET: an authorization request that is right but for one malformed value', async () => {
  const names = [
    'state',
    'nonce',
    'scope',
    'claims',
    'login_hint',
    'max_age',
    'acr_values',
    'ui_locales',
    'id_token_hint',
    'resource',
    'display',
  ]
  for (const name of names) {
    for (const [what, value] of values)
      await expectCalm(
        `${what} as ${name}`,
        `${app.request({ [name]: undefined }).url.slice(server.url.length)}&${name}=${value}`,
      )
  }
})

it('GET: malformed cookies and headers', async () => {
  const port = new URL(server.url).port
  const odd = [
    '=',
    ';;;;',
    'a',
    `sso-${port}`,
    `sso-${port}=`,
    `sso-${port}=%00`,
    `sso-${port}="x`,
    'x'.repeat(10_000),
    Array.from({ length: 2000 }, (_, i) => `c${i}=1`).join(';'),
  ]
  for (const cookie of odd) await expectCalm('cookie', '/authorize', { headers: { cookie } })
  for (const authorization of [
    '',
    'Basic',
    'Basic ',
    'Basic !!!',
    'Basic Og==',
    'Basic /////w==',
    'Bearer',
    'Bearer ',
    'Bearer  x',
    'Digest x',
    'Bearer \xff',
    `Bearer ${'.'.repeat(9000)}`,
    `Basic ${'A'.repeat(9000)}`,
  ]) {
    for (const path of ['/userinfo', '/not-before', '/admin/v1/users'])
      await expectCalm(authorization, path, { headers: { authorization } })
    for (const path of ['/token', '/introspect', '/revoke']) {
      await expectCalm(authorization, path, {
        method: 'POST',
        headers: { authorization, 'content-type': form },
        body: 'token=x',
      })
    }
  }
  for (const [name, value] of [
    ['accept-language', 'x'.repeat(9000)],
    ['user-agent', '\xff\x80'],
    ['if-none-match', '"'.repeat(5000)],
    ['origin', '%%%'],
    ['accept', '*'.repeat(5000)],
    ['range', 'bytes=0-0,-1'],
    ['expect', '100-continue-not'],
  ] as const) {
    await expectCalm(name, '/authorize', { headers: { [name]: value } }).catch((error: Error) => {
      if (name !== 'expect') throw error
    })
    await expectCalm(name, '/.well-known/openid-configuration', { headers: name === 'expect' ? {} : { [name]: value } })
  }
})

describe('the admin API', () => {
  const json = 'application/json'
  const deep = (depth: number, open: string, close: string) => open.repeat(depth) + close.repeat(depth)
  const bodies: [string, string | Uint8Array<ArrayBuffer>, string][] = [
    ['60 kB of open brackets', '['.repeat(60_000), json],
    ['30 000 nested lists', deep(30_000, '[', ']'), json],
    ['10 000 nested objects', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`, json],
    ['10 000 nested lists as a name', `{"client_name":${deep(10_000, '[', ']')}}`, json],
    ['__proto__', '{"__proto__":{"admin":true},"username":"x"}', json],
    ['constructor.prototype', '{"constructor":{"prototype":{"x":1}}}', json],
    ['a name twice', '{"username":"a","username":"b"}', json],
    ['a NUL byte in a text', String.raw`{"username":"a\u0000b","client_name":"\u0000","reason":"\u0000"}`, json],
    ['half of a surrogate pair', String.raw`{"username":"\ud800","client_name":"\udfff","reason":"\ud800"}`, json],
    ['half of a surrogate pair as a name', String.raw`{"\ud800":1}`, json],
    ['bytes that are no UTF-8', Uint8Array.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]), json],
    ['a huge number', `{"default_max_age":1e999,"all":1e999,"limit":${'9'.repeat(1000)}}`, json],
    ['a list', '[]', json],
    ['null', 'null', json],
    ['a text', '"x"', json],
    ['true', 'true', json],
    ['half an object', '{"username":', json],
    ['a byte order mark', '\ufeff{}', json],
    ['nothing', '', json],
    ['10 000 members', JSON.stringify(Object.fromEntries(Array.from({ length: 4000 }, (_, i) => [`m${i}`, i]))), json],
    [
      'wrong types',
      '{"username":[],"client_id":{},"redirect_uris":"x","password":5,"all":"true","session_id":5}',
      json,
    ],
    ['a body of 1 MB', `{"username":"${'x'.repeat(1_000_000)}"}`, json],
    ['a form', 'username=x', form],
    ['XML', '<x/>', 'application/xml'],
    ['no type that is known', '{}', 'application/json5'],
    ['a type with something behind it', '{}', 'application/json garbage'],
  ]
  const routes: [string, string][] = [
    ['POST', '/clients'],
    ['PATCH', '/clients/x'],
    ['POST', '/clients/x/secrets'],
    ['POST', '/resources'],
    ['POST', '/users'],
    ['PATCH', '/users/x'],
    ['POST', '/users/x/password'],
    ['POST', '/revocations'],
    ['PUT', '/not-before'],
  ]

  it.each(routes)('%s %s refuses every malformed body', async (method, path) => {
    for (const [what, body, type] of bodies) {
      const headers = { authorization: bearer, ...(body === '' ? {} : { 'content-type': type }) }
      const response = await expectCalm(what, `/admin/v1${path}`, { method, headers, body })
      if (response.status >= 400) expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    }
  })

  it('refuses malformed ids, filters and cursors', async () => {
    const paths = ['/clients', '/users', '/resources', '/sessions', '/grants', '/audit-events']
    const ids = [
      '%00',
      '%ED%A0%80',
      '%FF',
      "'",
      '..',
      '%2e%2e%2f',
      'x'.repeat(5000),
      '00000000-0000-0000-0000-00000000000g',
      '-1',
      '%20',
    ]
    for (const path of paths) {
      for (const id of ids) {
        await expectCalm(`${path}/${id}`, `/admin/v1${path}/${id}`, { headers: { authorization: bearer } })
        for (const query of ['cursor', 'limit', 'query', 'user_id', 'client_id', 'kind', 'from', 'to', 'type', 'x'])
          await expectCalm(`${path}?${query}=${id}`, `/admin/v1${path}?${query}=${id}`, {
            headers: { authorization: bearer },
          })
      }
    }
  })
})

it('afterwards the server still works, and nothing in its log is a failure of its own', async () => {
  const { username } = await server.createUser()
  expect((await app.tokens({ username })).access_token).toEqual(expect.any(String))
  expect(server.log.filter(({ level }) => Number(level) >= 50)).toEqual([])
})

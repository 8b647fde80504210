import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sendBytes } from '../support/front-channel.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

/** What a proxy in front might read as the body of one request, and this server as the next one. */
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n'
const head = 'POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n'
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
const wasSmuggled = () => server.log.some(({ path }) => String(path).includes('smuggled'))

describe('RFC 9112 §6.1, §11.2: a request whose length can be read in two ways gets 400, and the connection ends', () => {
  it.each<[string, string]>([
    [
      'Content-Length and Transfer-Encoding',
      `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    [
      'Transfer-Encoding and Content-Length',
      `${head}Transfer-Encoding: chunked\r\nContent-Length: ${smuggled.length + 5}\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ['two lengths', `${head}Content-Length: 0\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`],
    ['two lengths in one line', `${head}Content-Length: 0, ${smuggled.length}\r\n\r\n${smuggled}`],
    ['the same length twice', `${head}Content-Length: 3\r\nContent-Length: 3\r\n\r\nx=1${smuggled}`],
    ['a length with a sign', `${head}Content-Length: +0\r\n\r\n${smuggled}`],
    ['a negative length', `${head}Content-Length: -1\r\n\r\n${smuggled}`],
    ['a hexadecimal length', `${head}Content-Length: 0x0\r\n\r\n${smuggled}`],
    ['a length with a word', `${head}Content-Length: 0 x\r\n\r\n${smuggled}`],
    ['a length beyond all numbers', `${head}Content-Length: 99999999999999999999999\r\n\r\n${smuggled}`],
    ['an empty length', `${head}Content-Length: \r\n\r\n${smuggled}`],
    [
      'Transfer-Encoding with a space before the colon',
      `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ['Transfer-Encoding that is unknown', `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['chunked that is not last', `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`],
    [
      'chunked in a folded line',
      `${head}X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: x\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ['a control character in the encoding', `${head}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a NUL byte in a header', `${head}X: a\0b\r\nContent-Length: 0\r\n\r\n${smuggled}`],
    ['a bare CR within a header', `${head}X: a\rTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n${smuggled}`],
    ['a bare LF at the end of a header', `${head}X: a\nContent-Length: 0\r\n\r\n${smuggled}`],
    ['a header without a name', `${head}: x\r\nContent-Length: 0\r\n\r\n${smuggled}`],
    ['a header without a colon', `${head}Content-Length\r\n\r\n${smuggled}`],
    ['a chunk size with a sign', `${head}Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n${smuggled}`],
    ['a chunk size in 0x', `${head}Transfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n${smuggled}`],
    ['a chunk size that overflows', `${head}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n${smuggled}`],
    ['a chunk that ends in LF', `${head}Transfer-Encoding: chunked\r\n\r\n3\nx=1\n0\n\n${smuggled}`],
    ['a chunk longer than it says', `${head}Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n${smuggled}`],
    ['a line break within the request line', `GET /livez\r\nHTTP/1.1\r\nHost: x\r\n\r\n${smuggled}`],
    ['a space too many in the request line', `GET  /livez HTTP/1.1 x\r\nHost: x\r\n\r\n${smuggled}`],
    ['an unknown version', `GET /livez HTTP/9.9\r\nHost: x\r\n\r\n${smuggled}`],
    ['no Host', `GET /livez HTTP/1.1\r\n\r\n${smuggled}`],
    ['an unknown method', `SMUGGLE /livez HTTP/1.1\r\nHost: x\r\n\r\n${smuggled}`],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['a proxy header', `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${smuggled}`],
  ])('%s', async (_, bytes) => {
    const { text, closed } = await sendBytes(server.url, bytes, 3000)
    expect({ statuses: statuses(text), closed }).toEqual({ statuses: [400], closed: true })
    expect(wasSmuggled()).toBe(false)
  })
})

describe('what is odd but unambiguous is read in one way', () => {
  it('a GET with a body: the body is not the next request', async () => {
    const bytes = `GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`
    const { text } = await sendBytes(server.url, bytes)
    expect(statuses(text)).toHaveLength(1)
    expect(wasSmuggled()).toBe(false)
  })

  it('a body in chunks is one body', async () => {
    const body = chunk('grant_type=') + chunk('x') + '0\r\n\r\n'
    const { text } = await sendBytes(
      server.url,
      `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n${body}`,
    )
    expect(statuses(text)).toEqual([401])
    expect(text).toContain('invalid_client')
  })

  it('two requests in one write are two requests, in order', async () => {
    const second = 'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    const { text } = await sendBytes(server.url, `GET /livez HTTP/1.1\r\nHost: x\r\n\r\n${second}`)
    expect(statuses(text)).toEqual([200, 404])
  })

  it('an answer to a body that was refused unread does not leave its rest as the next request', async () => {
    const bytes = `POST /token HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: ${smuggled.length}\r\n\r\n${smuggled}`
    const { text } = await sendBytes(server.url, bytes)
    expect(statuses(text)).toEqual([415])
    expect(wasSmuggled()).toBe(false)
  })
})

describe('CVE-2024-22019: a body of chunk extensions', () => {
  it('is ended early', async () => {
    const bytes = `${head}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(100_000)}\r\nx\r\n0\r\n\r\n`
    const { text, closed } = await sendBytes(server.url, bytes, 3000)
    expect({ statuses: statuses(text), closed }).toEqual({ statuses: [400], closed: true })
  })

  it('too many header fields are refused', async () => {
    const fields = Array.from({ length: 3000 }, (_, i) => `x${i}: y\r\n`).join('')
    const { text, closed } = await sendBytes(server.url, `GET /livez HTTP/1.1\r\nHost: x\r\n${fields}\r\n`, 3000)
    expect({ statuses: statuses(text), closed }).toEqual({ statuses: [431], closed: true })
  })
})

it('another client of the same moment is not disturbed', async () => {
  const bad = Array.from({ length: 50 }, () => sendBytes(server.url, `${head}Content-Length: x\r\n\r\n`, 3000))
  const good = Array.from({ length: 50 }, async () => (await fetch(`${server.url}/livez`)).status)
  expect(new Set(await Promise.all(good))).toEqual(new Set([200]))
  for (const { text } of await Promise.all(bad)) expect(statuses(text)).toEqual([400])
})

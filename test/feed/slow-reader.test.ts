import { once } from 'node:events'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { basic, readerOf } from './reader.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

it('a stream is cut off for a reader that does not keep up; the others go on', async () => {
  const api = await server.createClient({
    redirect_uris: [],
    grant_types: ['client_credentials'],
    scope: 'revocations:read',
  })
  const authorization = basic(api.clientId, api.secret)
  const { host, hostname, port } = new URL(server.url)
  const lazy = connect(Number(port), hostname)
  lazy.on('error', () => {})
  lazy.write(`GET /revocations/stream?after=0 HTTP/1.1\r\nhost: ${host}\r\nauthorization: ${authorization}\r\n\r\n`)
  await once(lazy, 'data')
  lazy.pause()
  const keen = await readerOf(server, authorization).stream({ after: 0 })
  await keen.next()
  const [row] = await server.db.query<{ seq: number }>(
    `with n as (update feed_head set seq = seq + 200000 returning seq)
     insert into feed_entries (seq, kind, key, until)
     select n.seq - 200000 + i, 's', substring(uuid_send(gen_random_uuid()) from 9), clock_now() + interval '10 min' from n, generate_series(1, 200000) i
     order by i desc returning seq::int`,
  )
  await keen.until(({ to }) => to >= Number(row?.seq))
  await expect
    .poll(() => server.log.some(({ msg }) => msg?.includes('did not keep up')), { timeout: 30_000 })
    .toBe(true)
  await expect.poll(() => server.server.tools.feed.counts().subscribers, { timeout: 30_000 }).toBe(1)
  await keen.close()
  lazy.destroy()
})

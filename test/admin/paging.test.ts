import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

interface List {
  readonly items: readonly Record<string, unknown>[]
  readonly next_cursor: string | null
}

const list = (path: string): Promise<Answer<List>> => server.admin<List>('GET', path)

/** Follows the links of a list to its end. */
async function* pagesOf(path: string): AsyncGenerator<List> {
  for (let next: string | undefined = path; next !== undefined; ) {
    const { body, headers, status } = await list(next)
    expect(status).toBe(200)
    yield body
    const link = headers.get('link')
    expect(link === null).toBe(body.next_cursor === null)
    next = link === null ? undefined : /^<\/admin\/v1(\/[^>]+)>; rel="next"$/.exec(link)?.[1]
    expect(next === undefined).toBe(body.next_cursor === null)
  }
}

describe('a list of many users', () => {
  const many = 100_000
  const name = `lpad(i::text, 6, '0')`
  beforeAll(async () => {
    await server.db.query(
      `insert into users (username, username_norm, email, email_norm)
       select 'u' || ${name}, 'u' || ${name}, 'm' || ${name} || '@example.com', 'm' || ${name} || '@example.com'
       from generate_series(1, ${many}) i`,
    )
    await server.db.query('analyze users')
  })

  it.each([
    ['in the order of their making', '/users?limit=200'],
    ['in the order of what was searched for', '/users?limit=200&query=u09'],
    ['by their addresses', '/users?limit=200&query=m09'],
  ])('shows each once, %s, while others come and go', async (_, path) => {
    const part = path.includes('query') ? 'u09%' : 'u%'
    const kept = await server.db.query<{ id: string }>(
      `select id from users where username_norm like $1 and username_norm not like '%7'`,
      [part],
    )
    const seen = new Map<string, number>()
    let pages = 0
    for await (const { items } of pagesOf(path)) {
      for (const { id } of items) seen.set(String(id), (seen.get(String(id)) ?? 0) + 1)
      if (++pages % 20 !== 0) continue
      // Some before and some behind where the list is, of each kind.
      await server.db.query(`delete from users where username_norm like 'u%7' and random() < 0.1`)
      await server.db.query(
        `insert into users (username, username_norm, email, email_norm)
         select n, n, 'm' || substr(n, 2), 'm' || substr(n, 2) from (select 'u09' || md5(random()::text) || '7' as n from generate_series(1, 20)) x`,
      )
    }
    expect(pages).toBeGreaterThan(kept.length / 200)
    expect(Math.max(...seen.values())).toBe(1)
    expect(kept.filter(({ id }) => !seen.has(id)).length).toBe(0)
  })

  it('reads a page along an index, however many there are', async () => {
    const { items } = (await list('/users?query=u09999&limit=200')).body
    expect(items.length).toBeGreaterThan(5)
    const read = async () => {
      await server.db.query('select pg_stat_force_next_flush()')
      const [row] = await server.db.query<{ n: number }>(
        `select coalesce(sum(seq_tup_read), 0)::int as n from pg_stat_user_tables where relname = 'users'`,
      )
      return row?.n
    }
    const before = await read()
    for (const query of ['u', 'm', 'u09999', 'nobody']) await list(`/users?query=${query}`)
    expect(await read()).toBe(before)
  })

  it('keeps its filters and its limit from page to page', async () => {
    const { headers } = await list('/users?limit=3&query=U0')
    const link = new URL(/<([^>]+)>/.exec(headers.get('link') ?? '')?.[1] ?? '', server.url)
    expect([link.pathname, link.searchParams.get('limit'), link.searchParams.get('query')]).toEqual([
      '/admin/v1/users',
      '3',
      'U0',
    ])
  })
})

describe('a cursor', () => {
  const cursorOf = async (path: string) => String((await list(path)).body.next_cursor)
  beforeAll(async () => {
    for (let i = 0; i < 3; i++) {
      await server.createClient()
      await server.admin('POST', '/resources', { identifier: `urn:${i}` })
      await server.createUser({ username: `cursor ${i}` })
    }
  })
  const changed = (cursor: string): string[] => {
    const [payload = '', signature = ''] = cursor.split('.')
    const forged = Buffer.from(JSON.stringify(['00000000-0000-0000-0000-000000000000'])).toString('base64url')
    const key = createHmac('sha256', 'guessed')
      .update(`users\n${forged}`)
      .digest()
      .subarray(0, 16)
      .toString('base64url')
    return [
      `${forged}.${signature}`,
      `${forged}.${key}`,
      `${payload}.`,
      payload,
      `${payload}.${signature}.`,
      `.${signature}`,
      `${cursor}A`,
      cursor.slice(0, -2),
      '.',
      'null',
      'x'.repeat(2000),
    ]
  }

  it('that was forged is refused', async () => {
    for (const forged of changed(await cursorOf('/users?limit=1'))) {
      const { status, body } = await list(`/users?limit=1&cursor=${encodeURIComponent(forged)}`)
      expect({ status, body }, forged).toMatchObject({
        status: 400,
        body: { type: 'urn:falconer:problem:invalid-cursor', pointer: '/cursor' },
      })
    }
  })

  it('of another list is refused', async () => {
    const lists = ['/users?limit=1', '/clients?limit=1', '/resources?limit=1', '/audit-events?limit=1']
    const searches = ['/users?limit=1&query=cursor', '/users?limit=1&query=cursor%20']
    for (const from of [...lists, ...searches.slice(0, 1)]) {
      const cursor = encodeURIComponent(await cursorOf(from))
      for (const to of [...lists, '/sessions?limit=1', '/grants?limit=1', '/users?limit=1&query=c']) {
        const { status } = await list(`${to}&cursor=${cursor}`)
        expect(status, `${from} -> ${to}`).toBe(from === to ? 200 : 400)
      }
    }
    // The same search, written in another way.
    const cursor = encodeURIComponent(await cursorOf('/users?limit=1&query=cursor'))
    expect((await list(`/users?limit=1&query=CURSOR&cursor=${cursor}`)).status).toBe(200)
  })
})

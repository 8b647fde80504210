import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { expiringTables } from '../../src/store/cleanup.ts'
import { startServer, type TestServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer({ CLEANUP_INTERVAL_SECONDS: '3600' })
})
afterAll(() => server.close())

/** Every sample by its name and labels, as they are written. */
async function scrape(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(response.headers.get('cache-control')).toBe('no-store')
  const lines = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const [, sample = '', value = ''] = /^(\w+(?:\{[^}]*\})?) (\S+)$/.exec(line) ?? []
      expect(sample, line).not.toBe('')
      return [sample, Number(value)]
    }),
  )
}
const fill = (rows: number) =>
  server.db.query(
    `insert into limits (key, n, ends_at) select 'metrics-' || i, 1, clock_now() - make_interval(secs => i) from generate_series(1, ${rows}) i`,
  )
/** A server of its own has measured nothing yet. */
async function fresh<T>(work: (other: TestServer) => Promise<T>, settings: Record<string, string> = {}): Promise<T> {
  const other = await server.another(settings)
  try {
    return await work(other)
  } finally {
    await other.close()
  }
}

describe('GET /metrics', () => {
  it('shows for every table how much is due, and for how long', async () => {
    await fill(300)
    const samples = await fresh(({ url }) => scrape(url))
    for (const table of expiringTables) {
      expect(samples.get(`falconer_cleanup_backlog_rows{table="${table}"}`), table).toBe(table === 'limits' ? 300 : 0)
      expect(samples.get(`falconer_cleanup_oldest_due_seconds{table="${table}"}`), table).toBeGreaterThanOrEqual(0)
    }
    expect(samples.get('falconer_cleanup_oldest_due_seconds{table="limits"}')).toBeGreaterThanOrEqual(300)
    expect(samples.get('falconer_audit_partitions_due')).toBe(0)
    expect(samples.get('falconer_cleanup_last_complete_timestamp_seconds')).toBe(0)
  })

  it('counts up to a thousand, and no further', async () => {
    await server.db.query(
      `insert into limits (key, n, ends_at) select 'many-' || i, 1, clock_now() - interval '1 s' from generate_series(1, 1500) i`,
    )
    const samples = await fresh(({ url }) => scrape(url))
    expect(samples.get('falconer_cleanup_backlog_rows{table="limits"}')).toBe(1000)
    await server.db.query('truncate limits')
  })

  it('counts what this instance deletes, and when it last left nothing behind', async () => {
    await fill(2500)
    const began = Date.now() / 1000
    const samples = await fresh(
      async ({ url }) => {
        for (let tries = 0; tries < 200; tries++, await sleep(50)) {
          const now = await scrape(url)
          if (now.get('falconer_cleanup_rounds_total{outcome="complete"}') !== undefined) return now
        }
        return new Map<string, number>()
      },
      { CLEANUP_INTERVAL_SECONDS: '1' },
    )
    expect(samples.get('falconer_cleanup_deleted_rows_total{table="limits"}')).toBe(2500)
    expect(samples.get('falconer_cleanup_batches_total{table="limits"}')).toBe(5)
    expect(samples.get('falconer_cleanup_batch_duration_seconds_count')).toBe(5)
    expect(samples.get('falconer_cleanup_last_complete_timestamp_seconds')).toBeGreaterThanOrEqual(began)
    const elsewhere = await scrape(server.url)
    expect(elsewhere.has('falconer_cleanup_deleted_rows_total{table="limits"}')).toBe(false)
  })

  it('has the process and the connections too', async () => {
    const samples = await scrape(server.url)
    expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0)
    expect(samples.get('falconer_database_connections{state="open"}')).toBeGreaterThan(0)
    expect(samples.get('falconer_database_connections{state="waiting"}')).toBe(0)
  })

  it('names nobody: no id and no name of a client or a user in any label', async () => {
    const client = await server.createClient()
    const { username } = await server.createUser()
    await client.tokens({ username })
    const samples = [...(await scrape(server.url)).keys()].join('\n')
    const labels = new Set([...samples.matchAll(/[{,](\w+)="/g)].map(([, label]) => label))
    for (const label of labels)
      expect([
        'table',
        'outcome',
        'state',
        'le',
        'type',
        'kind',
        'space',
        'version',
        'major',
        'minor',
        'patch',
      ]).toContain(label)
    expect(samples).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}/)
    expect(samples).not.toContain(client.clientId)
    expect(samples).not.toContain(username)
  })

  it('asks the database once for many who ask at once: it is open to everybody', async () => {
    await fresh(async ({ url }) => {
      const spy = vi.spyOn(Client.prototype, 'query')
      try {
        await Promise.all(Array.from({ length: 20 }, () => scrape(url)))
        const names = spy.mock.calls.map((call) => (call as unknown as [{ name?: string; text?: string }])[0])
        const asked = names.filter(({ name, text }) => `${name} ${text}`.includes('measure_limits'))
        expect(asked).toHaveLength(1)
      } finally {
        spy.mockRestore()
      }
    })
  })

  it('leaves out what cannot be measured, and answers all the same', async () => {
    await server.db.query('alter table feed_entries rename to feed_entries_away')
    try {
      const samples = await fresh(({ url }) => scrape(url))
      expect([...samples.keys()].filter((sample) => sample.startsWith('falconer_cleanup_backlog'))).toEqual([])
      expect(samples.get('falconer_audit_partitions_due')).toBeNaN()
      expect(samples.get('process_resident_memory_bytes')).toBeGreaterThan(0)
    } finally {
      await server.db.query('alter table feed_entries_away rename to feed_entries')
    }
  })
})

describe('ADMIN_PORT', () => {
  it('takes /admin and /metrics off the public listener, and serves them and the probes on its own', async () => {
    await fresh(
      async ({ url, server: { adminApp } }) => {
        const adminUrl = (await adminApp?.listen({ host: '127.0.0.1', port: 0 })) ?? 'nowhere'
        const statuses = (base: string, paths: string[]) =>
          Promise.all(paths.map(async (path) => (await fetch(base + path)).status))
        expect(await statuses(url, ['/metrics', '/admin/v1/clients', '/livez', '/readyz'])).toEqual([
          404, 404, 200, 200,
        ])
        expect(await statuses(adminUrl, ['/metrics', '/admin/v1/clients', '/livez', '/readyz'])).toEqual([
          200, 401, 200, 200,
        ])
        const ours = ['/authorize', '/login', '/not-before', '/.well-known/openid-configuration', '/']
        expect(await statuses(adminUrl, ours)).toEqual(ours.map(() => 404))
        expect((await fetch(`${adminUrl}/token`, { method: 'POST' })).status).toBe(404)
      },
      { ADMIN_PORT: '1' },
    )
  })

  it('is not there unless it is set', () => {
    expect(server.server.adminApp).toBeUndefined()
  })
})

import { afterEach, describe, expect, it } from 'vitest'
import type { Database, Queries, Statement } from '../../src/store/database.ts'
import { Mismatch, same } from '../../src/tour/mismatch.ts'
import { type StepResult, tour } from '../../src/tour/steps.ts'
import { createTelling } from '../../src/tour/telling.ts'
import { adminClient, startServer, type TestServer } from '../support/server.ts'

let server: TestServer | undefined

afterEach(async () => {
  const started = server
  server = undefined
  await started?.close()
})

async function walk(target: TestServer): Promise<{ isGood: boolean; results: StepResult[] }> {
  const results: StepResult[] = []
  const isGood = await tour({ issuer: target.url, admin: adminClient }, (result) => results.push(result))
  return { isGood, results }
}

/** What the step that failed had to say. */
const failureOf = (results: StepResult[]) => {
  const last = results.at(-1)
  if (!last || !('error' in last)) throw new Error(`no step failed: ${JSON.stringify(last)}`)
  if (!(last.error instanceof Mismatch)) throw last.error
  return { title: last.title, what: last.error.message, expected: last.error.expected, got: last.error.got }
}

/** A server that sends other statements than it should. */
async function startBroken(edit: (statement: Statement) => string): Promise<TestServer> {
  const broken = await startServer()
  let edits = 0
  const edited = (queries: Queries): Queries['run'] => {
    const run = queries.run.bind(queries)
    return (statement, values) => {
      const text = edit(statement)
      if (text === statement.text) return run(statement, values)
      edits++
      return run({ name: `${statement.name}_broken`, text }, values)
    }
  }
  const { db } = broken.server.tools
  const transaction: Database['transaction'] = db.transaction.bind(db)
  const patch: Partial<Database> = {
    run: edited(db),
    transaction: (work) => transaction((tx) => work({ ...tx, run: edited(tx) })),
  }
  Object.assign(db, patch)
  const close = async () => {
    await broken.close()
    // A sabotage that no longer finds its place would prove nothing.
    expect(edits).toBeGreaterThan(0)
  }
  return { ...broken, close }
}

const rewrite = (name: RegExp, from: string | RegExp, to: string) => (statement: Statement) =>
  name.test(statement.name) ? statement.text.replaceAll(from, to) : statement.text

describe('the tour', () => {
  it('holds in every step', async () => {
    server = await startServer()
    const { isGood, results } = await walk(server)
    expect(results.filter((result) => 'error' in result)).toEqual([])
    expect(isGood).toBe(true)
    expect(results.length).toBeGreaterThanOrEqual(14)
  })

  it('can be taken a second time on the same server', async () => {
    server = await startServer()
    expect((await walk(server)).isGood).toBe(true)
    expect((await walk(server)).isGood).toBe(true)
  })
})

describe('the tour of a server that is broken', () => {
  it('stops where the PKCE verifier is not compared', async () => {
    server = await startBroken(rewrite(/^exchange$/, "then 'pkce_mismatch'", 'then null'))
    const { isGood, results } = await walk(server)
    expect(isGood).toBe(false)
    expect(failureOf(results)).toMatchObject({
      title: expect.stringContaining('PKCE'),
      what: expect.stringContaining('wrong verifier'),
    })
  })

  it('stops where a refresh token that was used before still refreshes', async () => {
    server = await startBroken(rewrite(/^refresh$/, "then 'reuse'", "then 'retry'"))
    const { isGood, results } = await walk(server)
    expect(isGood).toBe(false)
    expect(failureOf(results)).toMatchObject({
      title: expect.stringContaining('replay'),
      what: 'a refresh token of two generations ago',
    })
  })

  it('stops where a reused refresh token is refused but ends nothing', async () => {
    server = await startBroken(rewrite(/^refresh$/, "then 'reuse'", "then 'forged'"))
    const { isGood, results } = await walk(server)
    expect(isGood).toBe(false)
    expect(failureOf(results)).toMatchObject({
      title: expect.stringContaining('replay'),
      what: 'the API, with a revoked access token',
      expected: '401',
      got: '200',
    })
  })

  it('stops where a revocation is answered but not done', async () => {
    server = await startBroken(rewrite(/^end_session/, 'revoked_at = clock_now()', 'revoked_at = null'))
    const { isGood, results } = await walk(server)
    expect(isGood).toBe(false)
    expect(failureOf(results)).toMatchObject({
      title: expect.stringContaining('Revocation'),
      what: 'introspection of the access token',
    })
  })

  it('stops where a refresh token does not rotate', async () => {
    server = await startBroken(rewrite(/^refresh$/, 'g.rt_gen + cur.rotates::int', 'g.rt_gen'))
    const { isGood, results } = await walk(server)
    expect(isGood).toBe(false)
    expect(failureOf(results)).toMatchObject({ title: 'Refresh', what: 'the refresh token' })
  })

  it('stops where introspection takes every good signature for a living token', async () => {
    server = await startBroken(
      rewrite(/^introspect$/, /^\nselect t\.place::int, case\s/g, 'select t.place::int, case when true then null '),
    )
    const { isGood, results } = await walk(server)
    expect(isGood).toBe(false)
    expect(failureOf(results)).toMatchObject({
      what: 'introspection of the access token',
      expected: '{"active":false}',
    })
  })

  it('stops where an ending is not told in the feed', async () => {
    server = await startBroken(rewrite(/^read_feed$/, 'where seq > $1', 'where seq > 1000000 + $1'))
    const { isGood, results } = await walk(server)
    expect(isGood).toBe(false)
    expect(failureOf(results)).toMatchObject({ what: 'the API, with a revoked access token' })
  })
})

describe('the telling of a tour', () => {
  /** An output that is no terminal. */
  const record = () => {
    const lines: string[] = []
    const output = { isTTY: false, write: (text: string) => lines.push(text) } as unknown as Parameters<
      typeof createTelling
    >[0]
    return { lines, telling: createTelling(output) }
  }

  const caught = (work: () => void): unknown => {
    try {
      work()
    } catch (error) {
      return error
    }
    throw new Error('nothing was thrown')
  }

  it('names what was expected and what came instead, without the tokens', () => {
    const { lines, telling } = record()
    telling.step({
      title: 'A step',
      ms: 3,
      error: caught(() => same('the answer', { token: 'e'.repeat(300) }, { status: 401 })),
    })
    expect(lines.join('')).toContain('✘')
    expect(lines.join('')).toMatch(/the answer\n\s+expected {2}\{"status":401\}\n\s+got {7}\{"token":"e{10}…"\}/)
    expect(lines.join('')).not.toContain('\u001B')
  })

  it('is plain text when it is no terminal', () => {
    const { lines, telling } = record()
    telling.begin('http://localhost:1')
    telling.step({ title: 'A step', ms: 3, says: 'It held.' })
    telling.end(true, 1.25)
    expect(lines.join('')).not.toContain('\u001B')
    expect(lines.join('')).toContain('All 1 steps held')
  })
})

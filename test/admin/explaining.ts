import { expect } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { adminClient, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { claimsOf } from '../support/tokens.ts'

interface Entry {
  readonly name: string
  readonly passed: boolean
  readonly decides: boolean
}

/** An answer of `…/explain`. */
export interface Explanation {
  readonly alive: boolean
  readonly reason: string | null
  readonly target: string | null
  readonly since: string | null
  readonly actor: string | null
  readonly summary: string
  readonly also: readonly { reason: string; target: string; since: string | null; actor: string | null }[]
  readonly deadlines: readonly (Entry & {
    at: string
    counted_from: string
    seconds: number
    set_by: string
    limits: { set_by: string; seconds: number }[]
  })[]
  readonly lines: readonly Entry[]
  readonly refresh?: { readonly allowed: boolean; readonly reason: string | null }
  readonly session?: { readonly alive: boolean; readonly reason: string | null } | null
}

export const byAdmin = `client:${adminClient.id}`
export const offlineScope = { scope: 'openid offline_access' }

/** A person who has signed in at an app, and what they hold there. */
export interface Held {
  readonly app: TestClient
  readonly user: { readonly id: string; readonly username: string }
  readonly browser: Browser
  readonly tokens: Tokens
  readonly sid: string
  readonly gid: string
}

export async function hold(
  server: TestServer,
  { client = {}, parameters = {} }: { client?: object; parameters?: Record<string, string> } = {},
): Promise<Held> {
  const app = await server.createClient({ ...client })
  const user = await server.createUser()
  const { browser, ...tokens } = await app.tokens({ username: user.username, parameters })
  return { app, user, browser, tokens, sid: String(claimsOf(tokens.id_token).sid), gid: gidOf(tokens) }
}

export const gidOf = ({ access_token }: Tokens): string => String(claimsOf(access_token).gid)

async function explain(server: TestServer, path: string): Promise<Explanation> {
  const { status, body } = await server.admin<Explanation>('GET', `${path}/explain`)
  expect(status).toBe(200)
  return body
}
export const explainSession = (server: TestServer, sid: string) => explain(server, `/sessions/${sid}`)
export const explainGrant = (server: TestServer, gid: string) => explain(server, `/grants/${gid}`)

/** The names of what decides. */
export const deciding = ({ deadlines, lines }: Explanation) =>
  [...deadlines, ...lines].filter(({ decides }) => decides).map(({ name }) => name)

/** Why, in the words of the summary. */
export const why = ({ summary }: Explanation) => / because (.*)\.$/.exec(summary)?.[1]

export async function clockOf(server: TestServer): Promise<number> {
  const [row] = await server.db.query<{ at: Date }>('select clock_now() as at')
  return row?.at.getTime() ?? 0
}

/** Does something far from everything else in time; between which instants. */
export async function atItsTime(server: TestServer, act: () => unknown): Promise<{ from: number; to: number }> {
  await server.wait(300)
  const from = await clockOf(server)
  await act()
  const to = await clockOf(server)
  await server.wait(300)
  return { from, to }
}

export function expectBetween(since: string | null, { from, to }: { from: number; to: number }): void {
  expect(Date.parse(since ?? '')).toBeGreaterThanOrEqual(from - 1)
  expect(Date.parse(since ?? '')).toBeLessThanOrEqual(to + 1)
}

/** Some seconds after an instant, to the millisecond. */
export const after = (instant: string | undefined, seconds: number): string =>
  new Date(Date.parse(instant ?? '') + seconds * 1000).toISOString()

/** Starts and stops an instance with other settings: the last one to start decides, for all of them. */
export const setPolicy = async (server: TestServer, changed: Record<string, string> = {}) =>
  (await server.another(changed)).close()

/** A call of the admin API that has to succeed. */
export const call = async (server: TestServer, method: string, path: string, body?: unknown) =>
  expect((await server.admin(method, path, body)).status).toBeLessThan(300)

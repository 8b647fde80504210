import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import {
  atItsTime,
  byAdmin,
  call,
  clockOf,
  deciding,
  expectBetween,
  explainGrant,
  explainSession,
  gidOf,
  type Held,
  hold,
  offlineScope,
  setPolicy,
  why,
} from './explaining.ts'

let server: TestServer
beforeAll(async () => {
  server = await startServer()
})
afterAll(() => server.close())

/** What somebody does, and how that is explained. `reason` is "reason target"; `decides` a line, when it is one. */
interface Case {
  readonly act: (held: Held) => unknown
  readonly reason: string
  readonly because: string
  readonly by?: (held: Held) => string
  readonly decides?: string
  readonly client?: object
  readonly offline?: boolean
}

const admin = (method: string, path: string, body?: unknown) => call(server, method, path, body)
const isUser = ({ user }: Held) => `user:${user.id}`
const isClient = ({ app }: Held) => `client:${app.clientId}`
const secondsAgo = async (seconds: number) => Math.floor((await clockOf(server)) / 1000) - seconds
const reused = async ({ app, tokens }: Held) => {
  await app.refresh(tokens.refresh_token)
  expect((await app.refresh(tokens.refresh_token)).status).toBe(400)
}
const noGrace = { refresh_grace_seconds: 0 }

async function expectExplained(held: Held, of: 'session' | 'grant', { act, reason, because, by, decides }: Case) {
  const at = await atItsTime(server, () => act(held))
  const told = of === 'session' ? await explainSession(server, held.sid) : await explainGrant(server, held.gid)
  const actor = by ? by(held) : byAdmin
  expect(told).toMatchObject({ alive: false, actor, also: [] })
  expect(`${told.reason} ${told.target}`).toBe(reason)
  expect(why(told)).toBe(because)
  expect(deciding(told)).toEqual(decides === undefined ? [] : [decides])
  expectBetween(told.since, at)
  return told
}

const sessions: Record<string, Case> = {
  'logging out': {
    act: async ({ browser }) => browser.submit(await browser.open('/logout'), {}),
    reason: 'logout session',
    by: isUser,
    because: 'the user logged out',
  },
  'an app that logs its user out': {
    act: ({ browser, tokens }) => browser.open(`/logout?id_token_hint=${tokens.id_token}`),
    reason: 'logout session',
    by: isClient,
    because: 'the user logged out',
  },
  'an administrator, by its sid': {
    act: ({ sid }) => admin('DELETE', `/sessions/${sid}`),
    reason: 'admin session',
    because: 'an administrator ended it',
  },
  'an administrator, by its user': {
    act: ({ user }) => admin('POST', '/revocations', { user_id: user.id }),
    reason: 'admin user',
    because: 'an administrator ended everything of the user',
    decides: 'user_ended',
  },
  'disabling the user': {
    act: ({ user }) => admin('POST', `/users/${user.id}/disable`),
    reason: 'disabled user',
    because: 'the user was disabled',
    decides: 'user_ended',
  },
  'deleting the user': {
    act: ({ user }) => admin('DELETE', `/users/${user.id}`),
    reason: 'deleted user',
    because: 'the user was deleted',
  },
  'an administrator who sets the password': {
    act: ({ user }) => admin('POST', `/users/${user.id}/password`, { password: 'another horse battery staple' }),
    reason: 'password_reset user',
    because: 'the password of the user was reset',
    decides: 'user_ended',
  },
  'a line for the user': {
    act: ({ user }) => admin('PUT', '/not-before', { scope: 'user', id: user.id, not_before: 'now' }),
    reason: 'not_before user',
    because: 'a line was drawn for everything of the user that had begun by then',
    decides: 'user_ended',
  },
  'a line for the user, in the past': {
    act: async ({ user }) =>
      admin('PUT', '/not-before', { scope: 'user', id: user.id, not_before: await secondsAgo(5) }),
    reason: 'not_before user',
    because: 'a line was drawn for everything of the user that had begun by then',
    decides: 'user_not_before',
  },
  'a user who signs in elsewhere too often': {
    act: async ({ app, user }) => {
      await setPolicy(server, { MAX_SESSIONS_PER_USER: '1' })
      await app.signIn({ username: user.username })
      await setPolicy(server)
    },
    reason: 'limit session',
    by: isUser,
    because: 'the user signed in elsewhere and may not have more sessions at a time',
  },
  'a token used twice, for a client that wants the session to end': {
    act: reused,
    reason: 'reuse session',
    client: { reuse_revokes_session: true, ...noGrace },
    by: isClient,
    because: 'a refresh token was used again after it had been replaced, as a thief would do',
  },
}

describe('a session, and with it its online grant, is ended by', () => {
  it.each(Object.entries(sessions))('%s', async (_, ending) => {
    const held = await hold(server, { client: ending.client ?? {} })
    const { reason, target, since, actor } = await expectExplained(held, 'session', ending)
    const told = await explainGrant(server, held.gid)
    expect(told).toMatchObject({ alive: false, reason, target, since, actor, also: [] })
    expect(told).toMatchObject({ session: { alive: false, reason }, refresh: { allowed: false, reason } })
  })

  it('someone else who signs in at the same browser', async () => {
    const [held, other] = [await hold(server), await server.createUser()]
    await expectExplained(held, 'session', {
      act: ({ app, browser }) => app.tokens({ browser, username: other.username, parameters: { prompt: 'login' } }),
      reason: 'replaced session',
      by: () => `user:${other.id}`,
      because: 'someone else signed in at the same browser',
    })
  })

  it('a line for the whole server, which has no user to name', async () => {
    const held = await hold(server)
    await expectExplained(held, 'session', {
      act: async () => admin('PUT', '/not-before', { scope: 'server', not_before: await secondsAgo(5) }),
      reason: 'not_before server',
      because: 'a line was drawn for everything on this server that had begun by then',
      decides: 'server_not_before',
    })
  })

  it('the end of everything', async () => {
    const held = await hold(server)
    await expectExplained(held, 'session', {
      act: () => admin('POST', '/revocations', { all: true }),
      reason: 'admin server',
      because: 'an administrator ended everything on this server',
      decides: 'server_ended',
    })
  })
})

const grants: Record<string, Case> = {
  'an administrator, by its gid': {
    act: ({ gid }) => admin('DELETE', `/grants/${gid}`),
    reason: 'admin grant',
    because: 'an administrator ended it',
  },
  'an administrator, by its user and client': {
    act: ({ user, app }) => admin('POST', '/revocations', { user_id: user.id, client_id: app.clientId }),
    reason: 'admin grant',
    because: 'an administrator ended it',
  },
  'an administrator, by its client': {
    act: ({ app }) => admin('POST', '/revocations', { client_id: app.clientId }),
    reason: 'admin client',
    because: 'an administrator ended everything of the client',
    decides: 'client_ended',
  },
  'disabling the client': {
    act: ({ app }) => admin('PATCH', `/clients/${app.clientId}`, { disabled: true }),
    reason: 'disabled client',
    because: 'the client was disabled',
    decides: 'client_ended',
  },
  'a line for the client': {
    act: ({ app }) => admin('PUT', '/not-before', { scope: 'client', id: app.clientId, not_before: 'now' }),
    reason: 'not_before client',
    because: 'a line was drawn for everything of the client that had begun by then',
    decides: 'client_ended',
  },
  'a line for the client, in the past': {
    act: async ({ app }) =>
      admin('PUT', '/not-before', { scope: 'client', id: app.clientId, not_before: await secondsAgo(5) }),
    reason: 'not_before client',
    because: 'a line was drawn for everything of the client that had begun by then',
    decides: 'client_not_before',
  },
  'a refresh token that is used twice': {
    act: reused,
    reason: 'reuse grant',
    client: noGrace,
    by: isClient,
    because: 'a refresh token was used again after it had been replaced, as a thief would do',
  },
  'the client, which revokes it': {
    act: ({ app, tokens }) => app.post('/revoke', { token: tokens.refresh_token }),
    reason: 'revoked_by_client grant',
    by: isClient,
    because: 'the client revoked it',
  },
}

describe('a grant, and not its session, is ended by', () => {
  it.each(Object.entries(grants))('%s', async (_, ending) => {
    const held = await hold(server, { client: ending.client ?? {}, parameters: offlineScope })
    await expectExplained(held, 'grant', ending)
    expect(await explainSession(server, held.sid)).toMatchObject({ alive: true, reason: null })
  })

  it('a code that is used twice', async () => {
    const held = await hold(server)
    const { code, verifier } = await held.app.signIn({ browser: held.browser })
    const { body } = await held.app.exchange(code, verifier)
    await expectExplained({ ...held, gid: gidOf(body) }, 'grant', {
      act: () => held.app.exchange(code, verifier),
      reason: 'code_replay grant',
      by: isClient,
      because: 'its authorization code was used a second time, as a thief would do',
    })
  })

  it('too many others of its client in the same session', async () => {
    const held = await hold(server)
    await expectExplained(held, 'grant', {
      act: async ({ app, browser }) => {
        for (let others = 0; others < 20; others++) await app.tokens({ browser })
      },
      reason: 'limit grant',
      by: isClient,
      because: 'the client has begun too many others in the same session since',
    })
  })

  it('deleting the client, which leaves no time and no actor', async () => {
    const { app, gid } = await hold(server, { parameters: offlineScope })
    await admin('DELETE', `/clients/${app.clientId}`)
    const told = await explainGrant(server, gid)
    expect(told).toMatchObject({ alive: false, reason: 'deleted', target: 'client', since: null, actor: null })
    expect(told.summary).toMatch(
      /^The offline grant of a deleted client for \S+ is over because the client was deleted\.$/,
    )
  })
})

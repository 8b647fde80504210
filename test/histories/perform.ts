import type { Action, ActionResult } from './action.ts'
import { type Actors, type By, urlOf } from './actors.ts'
import { judge, redirectUri } from './clients.ts'
import { endWith } from './endings.ts'
import type { Event, Operation } from './event.ts'
import { hashOf, type Invocation } from './recorder.ts'
import { completionOf, type Held, heldOf, patienceMs, postForm, type Reply, read } from './wire.ts'

/** Does an action and records it. */
export async function perform(action: Action, by: By, actors: Actors): Promise<ActionResult> {
  switch (action.do) {
    case 'refresh':
      return refreshes(action, by, actors)
    case 'exchange': {
      const { client, code, verifier } = action.code
      const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
      return tokenRequest({ op: 'exchange', client, code: hashOf(code) }, form, by, actors)
    }
    case 'introspect': {
      let result: ActionResult = { outcome: 'info' }
      for (let i = 0; i < (action.times ?? 1); i++) result = resultOf(await introspect(action, by, actors))
      return result
    }
    case 'userinfo':
      return resultOf(await userinfo(action.held, by, actors))
    case 'end':
      return resultOf(await endWith(action.ending, action.held, by, actors))
    case 'revoke foreign token': {
      const { held, as } = action
      const about = { op: action.do, client: as, token: held.facts.refresh } as const
      const event = await actors.recorder.record({ ...by, ...about }, async () =>
        completionOf(await postForm(`${urlOf(by, actors)}/revoke`, { token: held.refreshToken }, as)),
      )
      return resultOf(event)
    }
    case 'enable': {
      const event = await actors.recorder.record({ ...by, op: 'enable user', sub: action.sub }, async () =>
        completionOf(await actors.admin.call(urlOf(by, actors), 'POST', `/users/${action.sub}/enable`)),
      )
      return resultOf(event)
    }
  }
  return action satisfies never
}

const resultOf = ({ outcome, active }: Event): ActionResult => ({
  outcome,
  ...(active === undefined ? {} : { active }),
})

async function refreshes(
  { held: first, as, chain = 1 }: Extract<Action, { do: 'refresh' }>,
  by: By,
  actors: Actors,
): Promise<ActionResult> {
  let held = first
  let result: ActionResult = { outcome: 'info' }
  for (let i = 0; i < chain; i++) {
    const client = as ?? held.client
    const form = { grant_type: 'refresh_token', refresh_token: held.refreshToken }
    result = await tokenRequest({ op: 'refresh', client, token: held.facts.refresh }, form, by, actors)
    if (!result.held) break
    held = result.held
  }
  return result
}

async function tokenRequest(
  about: Pick<Invocation, 'code' | 'token'> & { op: Operation; client: string },
  form: Record<string, string>,
  by: By,
  actors: Actors,
): Promise<ActionResult> {
  let held: Held | undefined
  const event = await actors.recorder.record({ ...by, ...about }, async () => {
    const reply = await postForm(`${urlOf(by, actors)}/token`, form, about.client)
    held = heldOf(reply, about.client)
    return { ...completionOf(reply), ...(held ? { returned: held.facts } : {}) }
  })
  return { outcome: event.outcome, ...(held ? { held } : {}) }
}

/** A refresh token is shown to its own client only; access tokens are judged by an API. */
function introspect({ held, kind }: Extract<Action, { do: 'introspect' }>, by: By, actors: Actors): Promise<Event> {
  const isRefresh = kind === 'refresh'
  const client = isRefresh ? held.client : judge.id
  const about = {
    op: isRefresh ? 'introspect refresh token' : 'introspect access token',
    client,
    token: isRefresh ? held.facts.refresh : held.facts.access,
  } as const
  return actors.recorder.record({ ...by, ...about }, async () => {
    const token = isRefresh ? held.refreshToken : held.accessToken
    const reply = await postForm(`${urlOf(by, actors)}/introspect`, { token }, client)
    return { ...completionOf(reply), ...(reply.status === 200 ? { active: reply.body['active'] === true } : {}) }
  })
}

function userinfo({ accessToken, facts }: Held, by: By, actors: Actors): Promise<Event> {
  return actors.recorder.record({ ...by, op: 'userinfo', token: facts.access }, async () => {
    const response = await fetch(`${urlOf(by, actors)}/userinfo`, {
      headers: { authorization: `Bearer ${accessToken}` },
      signal: AbortSignal.timeout(patienceMs),
    })
    const reply: Reply = await read(response)
    // Here 401 is the answer "inactive", as introspection gives it.
    if (reply.status === 401) return { outcome: 'ok', active: false }
    return { ...completionOf(reply), ...(reply.status === 200 ? { active: true } : {}) }
  })
}

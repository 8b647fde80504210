import { type Actors, type By, urlOf } from './actors.ts'
import { password } from './clients.ts'
import type { EndingName, Event, Target } from './event.ts'
import type { Completion } from './recorder.ts'
import { completionOf, type Held, patienceMs, postForm, type Reply } from './wire.ts'

/** What each way takes with it. */
export function targetOf(ending: EndingName, { client, facts: { sid, gid, sub, jti } }: Held): Target {
  switch (ending) {
    case 'end session':
    case 'log out':
      return { kind: 'session', id: sid }
    case 'end grant':
    case 'revoke refresh token':
      return { kind: 'grant', id: gid }
    case 'end user':
    case 'disable user':
    case 'reset password':
    case 'not-before of user':
      return { kind: 'user', id: sub }
    case 'end user and client':
      return { kind: 'user_client', id: sub, client }
    case 'end client':
    case 'not-before of client':
      return { kind: 'client', client }
    case 'end token':
    case 'revoke access token':
      return { kind: 'jti', id: jti }
    case 'end all':
      return { kind: 'all' }
  }
  return ending satisfies never
}

/** Ends what the tokens stand for, in one of the ways there are, and records it. */
export function endWith(ending: EndingName, held: Held, by: By, actors: Actors): Promise<Event> {
  const url = urlOf(by, actors)
  const ends = targetOf(ending, held)
  return actors.recorder.record({ ...by, op: ending, client: held.client, ends }, async () => {
    if (ending === 'revoke refresh token') return revoke(held.refreshToken)
    if (ending === 'revoke access token') return revoke(held.accessToken)
    if (ending === 'log out') return logOut(url, held)
    const [method, path, body] = adminCallOf(ending, held)
    const reply = await actors.admin.call(url, method, path, body)
    return { ...completionOf(reply), ...positionOf(reply, ends) }
  })

  async function revoke(token: string): Promise<Completion> {
    return completionOf(await postForm(`${url}/revoke`, { token }, held.client))
  }
}

/** RP-initiated logout with the ID token as a hint: the session ends without a question. */
async function logOut(url: string, { idToken }: Held): Promise<Completion> {
  const response = await fetch(`${url}/logout?${new URLSearchParams({ id_token_hint: idToken })}`, {
    redirect: 'manual',
    signal: AbortSignal.timeout(patienceMs),
  })
  const page = await response.text()
  if (response.status === 200 && page.includes('<form')) return { outcome: 'fail', error: 'asked for a confirmation' }
  return completionOf({ status: response.status, body: {} })
}

type AdminEnding = Exclude<EndingName, 'log out' | 'revoke refresh token' | 'revoke access token'>

function adminCallOf(ending: AdminEnding, held: Held): [method: string, path: string, body?: object] {
  const { sid, gid, sub, jti } = held.facts
  const revocation = (body: object): [string, string, object] => ['POST', '/revocations', body]
  const line = (body: object): [string, string, object] => ['PUT', '/not-before', { ...body, not_before: 'now' }]
  switch (ending) {
    case 'end session':
      return revocation({ session_id: sid })
    case 'end grant':
      return revocation({ grant_id: gid })
    case 'end user':
      return revocation({ user_id: sub })
    case 'end user and client':
      return revocation({ user_id: sub, client_id: held.client })
    case 'end client':
      return revocation({ client_id: held.client })
    case 'end token':
      return revocation({ jti })
    case 'end all':
      return revocation({ all: true })
    case 'disable user':
      return ['POST', `/users/${sub}/disable`]
    case 'reset password':
      return ['POST', `/users/${sub}/password`, { password }]
    case 'not-before of user':
      return line({ scope: 'user', id: sub })
    case 'not-before of client':
      return line({ scope: 'client', id: held.client })
  }
  return ending satisfies never
}

/** One that finds everything ended already answers with zeros and the position of now, which is not its own. */
function positionOf({ status, body }: Reply, { kind }: Target): Pick<Completion, 'position' | 'drewPosition'> {
  if (status !== 200 || typeof body['position'] !== 'number') return {}
  const { sessions = 0, grants = 0 } = (body['ended'] ?? {}) as { sessions?: number; grants?: number }
  const always = kind !== 'session' && kind !== 'grant' && kind !== 'jti'
  return { position: body['position'], drewPosition: always || sessions + grants > 0 }
}

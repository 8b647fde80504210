import { decodeJwt } from 'jose'
import {
  administer,
  allDead,
  asApp,
  callApi,
  getTokens,
  introspect,
  type Journey,
  readTokens,
  refresh,
  refused,
  refusedByApi,
  signedOut,
} from './journey.ts'
import { holds, same, textOf } from './mismatch.ts'
import type { Step } from './step.ts'
import { get } from './wire.ts'

/** How a grant goes on, and every way in which it ends. */
export const endingSteps: readonly Step[] = [
  { title: 'Refresh', run: rotate },
  { title: 'A lost answer: the same refresh once more', run: retry },
  { title: 'A replay: an old refresh token comes back', run: replay },
  { title: 'Introspection', run: inspect },
  { title: 'Not-before: one line ends everything of the app', run: drawLine },
  { title: 'Revocation by the admin API', run: revokeSession },
  { title: 'Revocation with a receipt', run: waitForReceipt },
  { title: 'Logout', run: logOut },
]

async function rotate(journey: Journey): Promise<string> {
  const before = journey.tokens
  const after = readTokens(await refresh(journey, before.refresh))
  holds('the refresh token', after.refresh !== before.refresh, 'another one than before', 'the same')
  holds('the access token', after.access !== before.access, 'another one than before', 'the same')
  same('the API, with the new access token', (await callApi(journey, after.access)).status, 200)
  journey.spentRefresh = before.refresh
  journey.tokens = after
  return 'New access token, and the refresh token rotated.'
}

async function retry(journey: Journey): Promise<string> {
  const again = readTokens(await refresh(journey, journey.spentRefresh))
  same('the refresh token of the second answer', again.refresh, journey.tokens.refresh)
  journey.tokens = again
  return 'An app that never saw the answer asks again and gets the same successor: no lost session, no second one.'
}

async function replay(journey: Journey): Promise<string> {
  const newest = readTokens(await refresh(journey, journey.tokens.refresh))
  refused('a refresh token of two generations ago', await refresh(journey, journey.spentRefresh))
  await allDead(journey, newest)
  return 'Two parties hold the same token, so the grant ends for both: refresh, access token and API call.'
}

async function inspect(journey: Journey): Promise<string> {
  await getTokens(journey)
  const { app, api, person, tokens } = journey
  const { body } = await introspect(journey, tokens.access)
  same('the access token', pick(body, 'active', 'client_id', 'sub', 'token_type'), {
    active: true,
    client_id: app.id,
    sub: person.id,
    token_type: 'Bearer',
  })
  holds('scope', String(body['scope']).split(' ').includes(api.scope), `${api.scope} among them`, body['scope'])
  same('a refresh token, asked for by the API', (await introspect(journey, tokens.refresh)).body, { active: false })
  same('something else', (await introspect(journey, 'not-a-token')).body, { active: false })
  return 'The API learns whose token it is and for what; a refresh token is none of its business.'
}

async function drawLine(journey: Journey): Promise<string> {
  const { app, destination, tokens } = journey
  const line = await administer(journey, 'PUT', '/not-before', { scope: 'client', id: app.id, not_before: 'now' })
  same('status', line.status, 200)
  await allDead(journey, tokens)
  const { body } = await get(`${destination.issuer}/not-before`, asApp(journey))
  const clients = (body['clients'] ?? {}) as Record<string, number>
  const [at, old] = [clients[app.id] ?? 0, decodeJwt(tokens.access).iat ?? 0]
  holds('the published line', at > old, `after ${old}, when the token was issued`, at)
  await getTokens(journey)
  const fresh = decodeJwt(journey.tokens.access).iat ?? 0
  holds('iat of a token from after the line', fresh >= at, `${at} or later`, fresh)
  same('the API, with a token from after the line', (await callApi(journey, journey.tokens.access)).status, 200)
  return 'Old tokens are dead at once, also for services that only compare iat; the session lives and gives new ones.'
}

async function revokeSession(journey: Journey): Promise<string> {
  const { tokens } = journey
  const target = { session_id: textOf('sid of the access token', decodeJwt(tokens.access)['sid']) }
  const preview = await administer(journey, 'POST', '/revocations', { ...target, dry_run: true })
  const { sessions } = (preview.body['ended'] ?? {}) as { sessions?: number }
  same('sessions that a dry run would end', sessions, 1)
  same('the API, after the dry run', (await callApi(journey, tokens.access)).status, 200)
  const done = await administer(journey, 'POST', '/revocations', { ...target, reason: 'end of the tour' })
  same('what was ended', done.body['ended'], preview.body['ended'])
  const ms = await refusedByApi(journey, tokens.access)
  await allDead(journey, tokens)
  await signedOut(journey)
  return `The API refused the token ${ms} ms after the answer, without having asked. Refresh, introspection and single sign-on are over too.`
}

async function waitForReceipt(journey: Journey): Promise<string> {
  await getTokens(journey)
  const { tokens } = journey
  const target = { session_id: textOf('sid of the access token', decodeJwt(tokens.access)['sid']) }
  const { body } = await administer(journey, 'POST', '/revocations', target, { prefer: 'wait=5' })
  same('enforced', body['enforced'], 'all')
  same('the API, the moment after', (await callApi(journey, tokens.access)).status, 401)
  const { acked, live } = (body['verifiers'] ?? {}) as { acked?: number; live?: number }
  await getTokens(journey)
  same('the API, with a token from a new login', (await callApi(journey, journey.tokens.access)).status, 200)
  return `The answer came after ${String(body['enforced_at_ms'])} ms, when every verifier had said that it obeys (${acked} of ${live}).`
}

async function logOut(journey: Journey): Promise<string> {
  const { app, browser, metadata } = journey
  const { tokens } = journey
  const parameters = { id_token_hint: tokens.id, post_logout_redirect_uri: app.afterLogout, state: 'bye' }
  const page = await browser.open(`${metadata.end_session_endpoint}?${new URLSearchParams(parameters)}`)
  same('where the browser is sent', page.leavesTo?.href, `${app.afterLogout}?state=bye`)
  await allDead(journey, tokens)
  await signedOut(journey)
  return 'One redirect ends the session and all that hangs on it, and leads back to the app.'
}

const pick = (body: Readonly<Record<string, unknown>>, ...names: string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, body[name]]))

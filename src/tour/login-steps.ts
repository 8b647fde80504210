import { createHash } from 'node:crypto'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import {
  administer,
  allDead,
  arrive,
  callApi,
  depart,
  getTokens,
  type Journey,
  readTokens,
  redeem,
  refused,
  signIn,
} from './journey.ts'
import type { Metadata } from './metadata.ts'
import { holds, same, textOf } from './mismatch.ts'
import { startProtectedApi } from './protected-api.ts'
import type { Step } from './step.ts'
import { get, postForm } from './wire.ts'

/** From nothing to tokens that an API accepts. */
export const loginSteps: readonly Step[] = [
  { title: 'Discovery', run: discover },
  { title: 'An API, an app and a person, by the admin API', run: register },
  { title: 'Login and consent, through the pages', run: logIn },
  { title: 'PKCE: the code alone is worth nothing', run: failWithoutVerifier },
  { title: 'Code and verifier for tokens', run: tradeCode },
  { title: 'A call to a protected API', run: callProtectedApi },
  { title: 'Single sign-on, and a code that is used twice', run: useCodeTwice },
]

async function discover(journey: Journey): Promise<string> {
  const { issuer } = journey.destination
  const { status, body } = await get(`${issuer}/.well-known/openid-configuration`)
  same('status', status, 200)
  same('issuer', body['issuer'], issuer)
  same('code_challenge_methods_supported', body['code_challenge_methods_supported'], ['S256'])
  journey.metadata = body as unknown as Metadata
  const keys = (await get(journey.metadata.jwks_uri)).body['keys']
  holds('keys', Array.isArray(keys) && keys.length > 0, 'at least one public key', keys)
  return `${issuer} describes itself and publishes ${Array.isArray(keys) ? keys.length : 0} keys.`
}

async function register(journey: Journey): Promise<string> {
  const { app, api, person, destination } = journey
  const granted = await postForm(
    journey.metadata.token_endpoint,
    { grant_type: 'client_credentials', scope: 'admin' },
    destination.admin,
  )
  journey.adminToken = textOf('access_token for the admin API', granted.body['access_token'])
  const create = async (path: string, body: Record<string, unknown>) => {
    const answer = await administer(journey, 'POST', path, body)
    same(`POST ${path}`, { status: answer.status, detail: answer.body['detail'] }, { status: 201, detail: undefined })
    return answer.body
  }
  await create('/resources', { identifier: api.identifier, scopes: [api.scope] })
  await create('/clients', {
    client_id: app.id,
    client_secret: app.secret,
    client_name: 'Tour',
    redirect_uris: [app.redirectUri],
    post_logout_redirect_uris: [app.afterLogout],
    grant_types: ['authorization_code', 'refresh_token'],
    scope: `openid profile ${api.scope}`,
  })
  await create('/clients', {
    client_id: api.id,
    client_secret: api.secret,
    grant_types: ['client_credentials'],
    resource_server_for: [api.identifier],
  })
  const { username, password } = person
  person.id = textOf('id of the user', (await create('/users', { username, password, name: 'A Tourist' }))['id'])
  journey.protectedApi = await startProtectedApi(journey.destination.issuer, api.identifier, {
    id: api.id,
    secret: api.secret,
  })
  return 'Registered over HTTP with a client_credentials token of scope admin.'
}

async function logIn(journey: Journey): Promise<string> {
  const { browser, person } = journey
  const departure = depart(journey)
  const page = await browser.open(departure.url)
  holds(
    'the first page',
    page.text.includes('id="password"'),
    'the sign-in page',
    `${page.status} ${page.url.split('?', 1)[0]}`,
  )
  const wrong = await browser.submit(page, { username: person.username, password: 'not the password' })
  same('status with a wrong password', wrong.status, 401)
  const consent = await browser.submit(wrong, { username: person.username, password: person.password })
  holds(
    'the page after the password',
    consent.text.includes('id="approve"'),
    'the consent page',
    `${consent.status} ${consent.url.split('?', 1)[0]}`,
  )
  const answer = arrive(journey, await signIn(journey, consent), departure)
  journey.code = textOf('code', answer.get('code'))
  journey.departure = departure
  return 'A wrong password is refused; the right one and a consent lead back to the app with a code, state and iss.'
}

async function failWithoutVerifier(journey: Journey): Promise<string> {
  const another = depart(journey).verifier
  refused('the code with a wrong verifier', await redeem(journey, another))
  refused('the code without a verifier', await redeem(journey, undefined))
  return 'Whoever steals the code but not the verifier gets invalid_grant.'
}

async function tradeCode(journey: Journey): Promise<string> {
  const { metadata, app, api, person, departure } = journey
  const tokens = readTokens(await redeem(journey, departure.verifier))
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))
  const { issuer } = metadata
  const id = await jwtVerify(tokens.id, keys, { issuer, audience: app.id })
  const access = await jwtVerify(tokens.access, keys, { issuer, audience: api.identifier, typ: 'at+jwt' })
  same('nonce of the ID token', id.payload['nonce'], departure.nonce)
  // OpenID Connect Core §3.1.3.6: the left half of the hash.
  const half = createHash('sha256').update(tokens.access).digest().subarray(0, 16).toString('base64url')
  same('at_hash of the ID token', id.payload['at_hash'], half)
  same('sub of both tokens', [id.payload.sub, access.payload.sub], [person.id, person.id])
  same('client_id of the access token', access.payload['client_id'], app.id)
  journey.tokens = tokens
  return `ID token (${id.protectedHeader.alg}) and access token (${access.protectedHeader.alg}) are good by the published keys.`
}

async function callProtectedApi(journey: Journey): Promise<string> {
  const { access } = journey.tokens
  same('with the access token', (await callApi(journey, access)).status, 200)
  const forged = `${access.slice(0, -8)}${access.endsWith('AAAAAAAA') ? 'B' : 'A'.repeat(8)}`
  same('with another signature', (await callApi(journey, forged)).status, 401)
  same('with the ID token', (await callApi(journey, journey.tokens.id)).status, 401)
  return 'It takes the access token, and neither a forged one nor the ID token. It checks them by itself and asks nobody.'
}

async function useCodeTwice(journey: Journey): Promise<string> {
  const first = journey.tokens
  const page = await journey.browser.open(depart(journey).url)
  holds('the second login', page.leavesTo !== undefined, 'no page at all', page.url.split('?', 1)[0])
  await getTokens(journey)
  refused('the code for the second time', await redeem(journey, journey.departure.verifier))
  await allDead(journey, journey.tokens)
  same('the grant from before', (await callApi(journey, first.access)).status, 200)
  journey.tokens = first
  return 'Nobody is asked again. A code that comes twice ends what it gave, and nothing else.'
}

import { createHash, randomBytes } from 'node:crypto'
import { type Browser, createBrowser, type Page } from './browser.ts'
import type { Metadata } from './metadata.ts'
import { holds, Mismatch, same, textOf } from './mismatch.ts'
import type { ProtectedApi } from './protected-api.ts'
import { type Answer, type Credentials, get, postForm, sendJson } from './wire.ts'

/** The server that is toured, and a client that may administer it. */
export interface Destination {
  readonly issuer: string
  readonly admin: { readonly id: string; readonly secret: string }
}

export interface Tokens {
  readonly access: string
  readonly refresh: string
  readonly id: string
}

/** An authorization request, with what has to be remembered until the answer comes. */
export interface Departure {
  readonly url: string
  readonly verifier: string
  readonly state: string
  readonly nonce: string
}

/** Everything that the steps share. Each step finds what the ones before it have left. */
export interface Journey {
  readonly destination: Destination
  readonly app: {
    readonly id: string
    readonly secret: string
    readonly redirectUri: string
    readonly afterLogout: string
  }
  readonly api: { readonly id: string; readonly secret: string; readonly identifier: string; readonly scope: string }
  readonly person: { id: string; readonly username: string; readonly password: string }
  browser: Browser
  metadata: Metadata
  adminToken: string
  tokens: Tokens
  /** A refresh token that was used already. */
  spentRefresh: string
  departure: Departure
  code: string
  protectedApi: ProtectedApi | undefined
}

const random = (bytes = 32): string => randomBytes(bytes).toString('base64url')

/** A journey to a server, not yet begun: everything has names of its own, so that it may be toured again. */
export function planJourney(destination: Destination): Journey {
  const mark = randomBytes(4).toString('hex')
  return {
    destination,
    app: {
      id: `tour-app-${mark}`,
      secret: random(),
      redirectUri: 'https://tour.example/callback',
      afterLogout: 'https://tour.example/bye',
    },
    api: {
      id: `tour-api-${mark}`,
      secret: random(),
      identifier: `https://api-${mark}.tour.example`,
      scope: `tour-${mark}:read`,
    },
    person: { id: '', username: `tourist-${mark}`, password: random(12) },
    browser: createBrowser(destination.issuer),
    metadata: { ...noMetadata, issuer: destination.issuer },
    adminToken: '',
    tokens: { access: '', refresh: '', id: '' },
    spentRefresh: '',
    departure: { url: '', verifier: '', state: '', nonce: '' },
    code: '',
    protectedApi: undefined,
  }
}

const noMetadata = {
  authorization_endpoint: '',
  token_endpoint: '',
  jwks_uri: '',
  introspection_endpoint: '',
  end_session_endpoint: '',
}

/** A fresh authorization request with PKCE (RFC 7636 §4.3). */
export function depart({ metadata, app, api }: Journey, extra: Record<string, string> = {}): Departure {
  const [verifier, state, nonce] = [random(), random(12), random(12)]
  const parameters = new URLSearchParams({
    client_id: app.id,
    redirect_uri: app.redirectUri,
    response_type: 'code',
    scope: `openid profile ${api.scope}`,
    resource: api.identifier,
    state,
    nonce,
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...extra,
  })
  return { url: `${metadata.authorization_endpoint}?${parameters}`, verifier, state, nonce }
}

/** The answer to an authorization request, if the browser was sent back to the application with it (RFC 9207 §2.4). */
export function arrive(journey: Journey, page: Page, departure: Departure): URLSearchParams {
  const { leavesTo } = page
  const isBack = leavesTo !== undefined && `${leavesTo.origin}${leavesTo.pathname}` === journey.app.redirectUri
  if (!isBack)
    throw new Mismatch(
      'where the browser ended',
      journey.app.redirectUri,
      `${page.status} ${page.url.split('?', 1)[0]}`,
    )
  same('state', leavesTo.searchParams.get('state'), departure.state)
  same('iss', leavesTo.searchParams.get('iss'), journey.destination.issuer)
  return leavesTo.searchParams
}

/** Answers the pages that come, as the person would, until the browser is sent back. */
export async function signIn(journey: Journey, page: Page): Promise<Page> {
  const { browser, person } = journey
  const { username, password } = person
  const entered = page.text.includes('id="password"') ? await browser.submit(page, { username, password }) : page
  return entered.text.includes('id="approve"') ? browser.submit(entered, { decision: 'approve' }) : entered
}

/** A new grant for the person who is signed in, or signs in now. */
export async function getTokens(journey: Journey): Promise<void> {
  const departure = depart(journey)
  const answer = arrive(journey, await signIn(journey, await journey.browser.open(departure.url)), departure)
  journey.departure = departure
  journey.code = textOf('code', answer.get('code'))
  journey.tokens = readTokens(await redeem(journey, departure.verifier))
}

export const asApp = ({ app }: Journey): Credentials => ({ id: app.id, secret: app.secret })

export function redeem(journey: Journey, verifier: string | undefined): Promise<Answer> {
  const { metadata, code, app } = journey
  const fields = { grant_type: 'authorization_code', code, redirect_uri: app.redirectUri }
  return postForm(
    metadata.token_endpoint,
    { ...fields, ...(verifier ? { code_verifier: verifier } : {}) },
    asApp(journey),
  )
}

export const refresh = (journey: Journey, token: string): Promise<Answer> =>
  postForm(journey.metadata.token_endpoint, { grant_type: 'refresh_token', refresh_token: token }, asApp(journey))

export const introspect = ({ metadata, api }: Journey, token: string): Promise<Answer> =>
  postForm(metadata.introspection_endpoint, { token }, { id: api.id, secret: api.secret })

/** How long a revoked token may be taken: the bound that the issuer promises by default. */
const patienceMs = 5000

/**
 * Calls the API until it refuses the token: the news are on their way to it. Answers how many milliseconds that took.
 * @throws {Mismatch} when it still takes the token after the bound
 */
export async function refusedByApi(journey: Journey, token: string): Promise<number> {
  const began = performance.now()
  for (;;) {
    const { status } = await callApi(journey, token)
    const ms = performance.now() - began
    if (status === 401) return Math.round(ms)
    if (status !== 200 || ms > patienceMs) {
      same('the API, with a revoked access token', status, 401)
    }
  }
}

export const callApi = ({ protectedApi }: Journey, token: string): Promise<Answer> =>
  get(protectedApi?.url ?? '', { token })

export const administer = (
  journey: Journey,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> =>
  sendJson(method, `${journey.destination.issuer}/admin/v1${path}`, body, { token: journey.adminToken }, headers)

export function readTokens({ status, body }: Answer): Tokens {
  same('status of the token endpoint', { status, error: body['error'] }, { status: 200, error: undefined })
  return {
    access: textOf('access_token', body['access_token']),
    refresh: textOf('refresh_token', body['refresh_token']),
    id: textOf('id_token', body['id_token']),
  }
}

/** @throws {Mismatch} unless the token endpoint refused with invalid_grant */
export function refused(what: string, { status, body }: Answer): void {
  same(what, { status, error: body['error'] }, { status: 400, error: 'invalid_grant' })
}

/** Nothing of the grant works any more: neither token, neither here nor there. */
export async function allDead(journey: Journey, { access, refresh: refreshToken }: Tokens): Promise<void> {
  await refusedByApi(journey, access)
  same('introspection of the access token', (await introspect(journey, access)).body, { active: false })
  refused('refresh with the newest refresh token', await refresh(journey, refreshToken))
}

/** The browser has no session any more: without asking, nobody can be signed in (OpenID Connect Core §3.1.2.6). */
export async function signedOut(journey: Journey): Promise<void> {
  const departure = depart(journey, { prompt: 'none' })
  const answer = arrive(journey, await journey.browser.open(departure.url), departure)
  holds('silent sign-in', answer.get('error') === 'login_required', 'login_required', Object.fromEntries(answer))
}

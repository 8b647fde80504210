import { sha256 } from '../../crypto/hash.ts'
import { randomSecret } from '../../crypto/opaque-token.ts'
import { addressBucket } from '../../domain/address.ts'
import type { Client } from '../../domain/client.ts'
import type { Actor } from '../../domain/ending.ts'
import { OAuthError } from '../../domain/oauth-error.ts'
import type { Parameters } from '../../domain/parameters.ts'
import { RateLimited } from '../../domain/rate-limited.ts'
import { redirectUriMatches } from '../../domain/redirect-uri.ts'
import { insertAuditEvent } from '../../store/audit.ts'
import { rememberConsent } from '../../store/consents.ts'
import { beginLoginTransaction, findLoginTransaction } from '../../store/login-transactions.ts'
import { findSession, type SessionCookie, type SessionWithConsent } from '../../store/sessions.ts'
import type { Tools } from '../tools.ts'
import { nextStep } from './interaction.ts'
import { type AuthorizationRequest, readRequest } from './request.ts'
import { type AuthorizationResponse, codeResponse, errorResponse, proveTarget } from './response.ts'

/** What a browser brings: the session cookie, if it reads as one. */
export interface Browser {
  readonly session?: SessionCookie
  readonly address: string
  readonly reachableAcr: readonly string[]
}

/** The two halves by which a login transaction is found: the handle in the URL and the cookie of that browser. */
export interface TransactionKey {
  readonly handle: string
  readonly binding: string
}

/** What the person, or the client, gets next. */
export type Answer =
  | { readonly kind: 'response'; readonly response: AuthorizationResponse }
  | { readonly kind: 'expired'; readonly key: TransactionKey; readonly client: Client }
  | {
      readonly kind: 'login' | 'consent'
      readonly key: TransactionKey
      readonly request: AuthorizationRequest
      readonly client: Client
      readonly session: SessionWithConsent | undefined
      readonly begunAt?: Date
      /** The sign-in page offers to keep a person signed in. */
      readonly offersRememberMe?: boolean
      /** The session that an earlier submit of this transaction made. */
      readonly madeSessionId?: string
    }

/** An authorization request at its door: answered at once from a live session, or set aside in a login transaction (RFC 6749 §4.1.1). */
export async function authorize(parameters: Parameters, browser: Browser, tools: Tools): Promise<Answer> {
  const target = await proveTarget(parameters, tools) // errors above this line are pages, below it redirects
  const { client, ...rest } = target
  return redirectingErrors(target, tools, async () => {
    const request = await readRequest(parameters, client, rest, tools)
    const session = browser.session && (await findSession(tools.db, browser.session, client.id))
    return proceed({ request, client, session }, browser, tools)
  })
}

/** The same for a cross-site POST, whose browser withholds the session cookie: set aside, to be taken up by a GET from this site. */
export async function setAside(parameters: Parameters, browser: Browser, tools: Tools): Promise<Answer> {
  const target = await proveTarget(parameters, tools)
  const { client, ...rest } = target
  return redirectingErrors(target, tools, async () => {
    const request = await readRequest(parameters, client, rest, tools)
    const key = await beginTransaction(request, client, browser, tools)
    return { kind: 'login', key, request, client, session: undefined }
  })
}

/**
 * Takes up a login transaction where the facts say it stands; `claimedName` is the name that a sign-in form came with.
 * Undefined: unknown, another browser's, or the client may not be answered there any more.
 */
export async function resume(
  key: TransactionKey,
  browser: Browser,
  tools: Tools,
  claimedName?: string,
): Promise<Answer | undefined> {
  const found = await openTransaction(key, tools, browser.session)
  if (!found) return undefined
  const { transaction, client, request, session } = found
  if (transaction.isExpired) return { kind: 'expired', key, client }
  const made = transaction.madeSessionId ? { madeSessionId: transaction.madeSessionId } : {}
  const claimed = claimedName === undefined ? {} : { claimedName }
  const { createdAt: begunAt, offersRememberMe } = transaction
  const state = { request, client, session, key, begunAt, offersRememberMe, ...made, ...claimed }
  return redirectingErrors(request, tools, () => proceed(state, browser, tools))
}

/** Goes on with a request whose person has just signed in. Whether the session, the user and the client still live is for the code's statement to say. */
export function goOn(
  { key, request, client, begunAt }: Answer & { kind: 'login' | 'consent' },
  session: SessionWithConsent,
  browser: Browser,
  tools: Tools,
): Promise<Answer> {
  const state = { request, client, session, key, madeSessionId: session.id, ...(begunAt ? { begunAt } : {}) }
  return redirectingErrors(request, tools, () => proceed(state, browser, tools))
}

/** Begins the same request anew, after its login transaction has expired. Undefined as for `resume`. */
export async function restart(key: TransactionKey, browser: Browser, tools: Tools): Promise<Answer | undefined> {
  const found = await openTransaction(key, tools)
  if (!found) return undefined
  const { client, request } = found
  const fresh = await beginTransaction(request, client, browser, tools)
  return { kind: 'login', key: fresh, request, client, session: undefined }
}

async function openTransaction(key: TransactionKey, tools: Tools, session?: SessionCookie) {
  const found = await findLoginTransaction(tools.db, { ...hashes(key), ...(session ? { session } : {}) })
  if (!found || found.client.isDisabled) return undefined
  const { client } = found
  const request = found.transaction.params as unknown as AuthorizationRequest
  // It was registered when the request came; one that was removed since then must not be followed any more.
  const isStillRegistered = redirectUriMatches(request.redirectUri, client.redirectUris, client.applicationType)
  return isStillRegistered ? { ...found, request } : undefined
}

/** The person said yes on the consent page; the session says who. Undefined: it ended in the meantime. */
export async function approve(
  { request, client, session }: Answer & { kind: 'consent' },
  actor: Omit<Actor, 'id'>,
  tools: Tools,
): Promise<AuthorizationResponse | undefined> {
  if (!session) return undefined
  const consent = { userId: session.userId, client: client.id, scopes: request.scopes }
  await rememberConsent(tools.db, consent, { ...actor, id: `user:${session.userId}` })
  return codeResponse(request, session, { client, address: actor.ip }, tools)
}

/**
 * The person turned back. That holds for this request, whatever was done for others in other tabs. Who is signed in (`by`) has been asked for
 * consent and has refused it. Undefined as for `resume`.
 */
export async function decline(
  key: TransactionKey,
  tools: Tools,
  by?: { readonly session: SessionCookie | undefined; readonly actor: Omit<Actor, 'id'> },
): Promise<Answer | undefined> {
  const found = await openTransaction(key, tools, by?.session)
  if (!found) return undefined
  const { transaction, client, request, session } = found
  if (transaction.isExpired) return { kind: 'expired', key, client }
  if (by && session) {
    const actor = { ...by.actor, id: `user:${session.userId}` }
    const about = { userId: session.userId, clientId: client.clientId, targetKind: 'client', targetId: client.clientId }
    await insertAuditEvent(tools.db, { type: 'consent.denied', actor, ...about, detail: { scopes: request.scopes } })
  }
  const error = new OAuthError('access_denied', 'The person declined')
  return { kind: 'response', response: errorResponse(request, error, tools.issuer) }
}

interface State {
  readonly request: AuthorizationRequest
  readonly client: Client
  readonly session: SessionWithConsent | undefined
  readonly key?: TransactionKey
  readonly begunAt?: Date
  readonly offersRememberMe?: boolean
  readonly madeSessionId?: string
  readonly claimedName?: string
}

async function proceed(state: State, browser: Browser, tools: Tools): Promise<Answer> {
  const { request, client, session } = state
  const step = nextStep({ ...state, skipConsent: client.skipConsent, reachableAcr: browser.reachableAcr })
  if (typeof step === 'object') throw new OAuthError(step.refuse, 'The request cannot be met without asking the person')
  if (step === 'issue' && session) {
    const response = await codeResponse(request, session, { client, address: browser.address }, tools)
    if (response) return { kind: 'response', response }
    if (request.prompts.includes('none')) throw new OAuthError('login_required', 'The session has ended')
  }
  const key = state.key ?? (await beginTransaction(request, client, browser, tools))
  const { begunAt, madeSessionId, offersRememberMe = false } = state
  const facts = { ...(begunAt ? { begunAt } : {}), ...(madeSessionId ? { madeSessionId } : {}), offersRememberMe }
  return { kind: step === 'consent' ? 'consent' : 'login', key, request, client, session, ...facts }
}

async function beginTransaction(
  request: AuthorizationRequest,
  client: Client,
  browser: Browser,
  tools: Tools,
): Promise<TransactionKey> {
  const key = { handle: randomSecret(), binding: randomSecret(16) }
  const waitSeconds = await beginLoginTransaction(tools.db, {
    ...hashes(key),
    client: client.id,
    params: request,
    ttlSeconds: tools.lifetimes.loginTransactionSeconds,
    limits: tools.limit('login_transactions', addressBucket(browser.address)),
  })
  if (waitSeconds > 0) throw new RateLimited(waitSeconds)
  return key
}

const hashes = ({ handle, binding }: TransactionKey) => ({ handleHash: sha256(handle), bindingHash: sha256(binding) })

async function redirectingErrors(
  target: { redirectUri: string; responseMode: string; state?: string },
  tools: Tools,
  work: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error
    return { kind: 'response', response: errorResponse(target, error, tools.issuer) }
  }
}

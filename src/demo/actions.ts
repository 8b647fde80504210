import { setTimeout as sleep } from 'node:timers/promises'
import { type Exchange, recordInto, recordingFetch, shorten } from './exchange.ts'
import type { RelyingParty } from './relying-party.ts'
import { explain, type Report } from './report.ts'
import type { SignedIn } from './sessions.ts'

/** What a button works with. */
export interface Surroundings {
  readonly relyingParty: RelyingParty
  readonly issuer: string
  readonly notesUrl: string
}

/** What a button leads to: how things stand afterwards, and what to say. */
export interface Outcome {
  readonly signedIn: SignedIn
  readonly report: Report
}

type Told = Omit<Report, 'exchanges'> & { readonly signedIn?: SignedIn }

export interface Action {
  readonly label: string
  readonly hint: string
  readonly run: (signedIn: SignedIn, surroundings: Surroundings) => Promise<Told>
}

/** How long a revoked token is given to be refused: as long as the issuer promises, and a little. */
const patienceMs = 6000

/** Every button of the page, by the path it posts to. */
export const actions = {
  'call-api': { label: 'Call API', hint: 'with the access token', run: callApi },
  refresh: { label: 'Refresh', hint: 'trade the refresh token for new tokens', run: refresh },
  revoke: { label: 'Revoke and retry', hint: 'then call the API with the same token', run: revokeAndRetry },
  'revoke-grant': { label: 'Revoke everything', hint: 'the whole grant, by its refresh token', run: revokeGrant },
} as const satisfies Record<string, Action>

export type ActionName = keyof typeof actions

/** Runs a button. An error of the issuer becomes a report too: the page stays. */
export async function act(name: ActionName, signedIn: SignedIn, surroundings: Surroundings): Promise<Outcome> {
  const exchanges: Exchange[] = []
  try {
    const { signedIn: after = signedIn, ...told } = await recordInto(exchanges, () =>
      actions[name].run(signedIn, surroundings),
    )
    return { signedIn: after, report: { ...told, exchanges } }
  } catch (error) {
    const { title, says, code } = explain(error, surroundings.issuer)
    const report = { tone: 'refused', title, says: code === undefined ? says : `${code}: ${says}`, exchanges } as const
    return { signedIn, report }
  }
}

const readNotes = async ({ tokens }: SignedIn, { notesUrl }: Surroundings): Promise<number> => {
  const headers = { authorization: `Bearer ${tokens.accessToken}` }
  const response = await recordingFetch(notesUrl, { method: 'GET', headers, body: undefined, redirect: 'manual' })
  return response.status
}

async function callApi(signedIn: SignedIn, surroundings: Surroundings): Promise<Told> {
  const status = await readNotes(signedIn, surroundings)
  if (status === 200)
    return {
      tone: 'good',
      title: 'The API answered',
      says: 'It checked the token by itself: the signature, and that the revocation feed does not name it. It asked nobody.',
    }
  return {
    tone: 'refused',
    title: `The API refused with ${status}`,
    says: 'Refresh to get a new access token, if the grant is still alive.',
  }
}

async function refresh(signedIn: SignedIn, { relyingParty }: Surroundings): Promise<Told> {
  const tokens = await relyingParty.refresh(signedIn.tokens)
  const [before, after] = [signedIn.tokens.refreshToken, tokens.refreshToken]
  const says =
    before === after
      ? 'New access token; the refresh token stayed the same.'
      : `The refresh token rotated: ${shorten(before)} is spent, ${shorten(after)} is its successor. Whoever presents the old one later ends this access, so a copy is worth nothing.`
  return { tone: 'good', title: 'New tokens', says, signedIn: { ...signedIn, tokens, isRevoked: false } }
}

async function revokeAndRetry(signedIn: SignedIn, surroundings: Surroundings): Promise<Told> {
  await surroundings.relyingParty.revoke(signedIn.tokens.accessToken)
  const after = { ...signedIn, isRevoked: true }
  const { status, ms } = await retryUntilRefused(after, surroundings)
  if (status === 401)
    return {
      tone: 'good',
      title: `Refused ${ms} ms after the revocation`,
      says: 'The same token, whose signature and expiry are still good, is dead, and the API asked nobody: the news came to it. The refresh token is alive: choose Refresh to go on.',
      signedIn: after,
    }
  const says = `The API answered ${status} after ${ms} ms.`
  return { tone: 'failed', title: 'The revoked token still works', says, signedIn: after }
}

async function revokeGrant(signedIn: SignedIn, surroundings: Surroundings): Promise<Told> {
  await surroundings.relyingParty.revoke(signedIn.tokens.refreshToken)
  const { status, ms } = await retryUntilRefused(signedIn, surroundings)
  const isDead = status === 401
  return {
    tone: isDead ? 'good' : 'failed',
    title: isDead ? 'Nothing of this grant works any more' : 'The grant still works',
    says: `The API answers ${status}, ${ms} ms after the revocation. Refresh is refused too: try it. To go on, log out and in again.`,
    signedIn: { ...signedIn, isRevoked: true },
  }
}

/** Calls the API with a revoked token until it is refused; only the last call is for the page. */
async function retryUntilRefused(
  signedIn: SignedIn,
  surroundings: Surroundings,
): Promise<{ status: number; ms: number }> {
  const began = performance.now()
  const elapsedMs = () => Math.round(performance.now() - began)
  const headers = { authorization: `Bearer ${signedIn.tokens.accessToken}` }
  while (elapsedMs() < patienceMs) {
    const { status } = await fetch(surroundings.notesUrl, { headers, redirect: 'manual' })
    if (status !== 200) break
    await sleep(1)
  }
  const ms = elapsedMs()
  return { status: await readNotes(signedIn, surroundings), ms }
}

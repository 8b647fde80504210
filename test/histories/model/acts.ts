import type { Page } from '../../support/browser.ts'
import { compareTokens } from './answers.ts'
import { same } from './expectation.ts'
import type { Authorized, Request } from './rules/sign-in.ts'
import { type Exchange, exchange, type Refresh, refresh } from './rules/tokens.ts'
import type { Code, Grant, Model } from './state.ts'
import { known, redirectUri, type World } from './world.ts'

// Each of these is done for real and by the rules, and both have to come out the same.

/** prompt=none with the cookies of a jar. */
export async function askSilently(
  world: World,
  jar: Map<string, string>,
  { client, scopes }: Request,
  rule: () => Authorized,
): Promise<void> {
  const { page, verifier } = await world.authorize(world.browser(jar), client, {
    scope: scopes.join(' '),
    prompt: 'none',
  })
  compareAuthorization(world, page, rule(), verifier)
}

/** The page that an authorization request ended at: a response to the client, or one for the person. */
export function compareAuthorization(world: World, page: Page, told: Authorized, verifier: string): void {
  const isResponse = page.location?.href.startsWith(`${redirectUri}?`)
  const answer = page.location?.searchParams
  const outcome = !isResponse
    ? { page: page.body.includes('id="password"') ? 'sign-in' : 'error' }
    : answer?.get('code')
      ? { code: true }
      : { error: answer?.get('error') }
  same('the authorization response', outcome, 'code' in told ? { code: true } : told)
  if ('code' in told) world.codes.set(told.code, { code: answer?.get('code') ?? '', verifier })
}

export async function exchangeCode(m: Model, world: World, code: Code, how: Exchange): Promise<void> {
  const { code: text, verifier } = known(world.codes, code)
  const form = {
    grant_type: 'authorization_code',
    code: text,
    redirect_uri: how.redirectUriIsRight ? redirectUri : `${redirectUri}/other`,
    code_verifier: how.verifierIsRight ? verifier : 'w'.repeat(43),
  }
  compareTokens(world, await world.post('/token', form, how.by), exchange(m, code, how))
}

export async function presentRefreshToken(m: Model, world: World, grant: Grant, how: Refresh): Promise<void> {
  const token = known(world.refreshTokens, grant)[how.generation] ?? ''
  const form = { grant_type: 'refresh_token', refresh_token: token }
  const answer = await world.post('/token', how.scopes ? { ...form, scope: how.scopes.join(' ') } : form, how.by)
  compareTokens(world, answer, refresh(m, grant, how))
}

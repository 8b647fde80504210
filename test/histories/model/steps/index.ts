import { type Arbitrary, commands, constantFrom, noBias, oneof, option, record } from 'fast-check'
import { changeClient } from './client-changes.ts'
import { end } from './ends.ts'
import * as leaving from './leaving.ts'
import * as looking from './looking.ts'
import { notBefore } from './not-before.ts'
import * as people from './people.ts'
import * as signIn from './sign-in.ts'
import type { Command } from './step.ts'
import * as time from './time.ts'
import * as tokens from './tokens.ts'

/** Every kind of step, with how often it is taken: what makes things is common, what ends everything is rare. */
const kinds: readonly { weight: number; arbitrary: Arbitrary<Command> }[] = (
  [
    [24, signIn.login],
    [16, signIn.authorize],
    [3, signIn.authorizeWithOldCookie],
    [40, tokens.exchange],
    [86, tokens.refresh],
    [6, tokens.reuse],
    [5, looking.introspectAccessToken],
    [5, looking.introspectRefreshToken],
    [5, looking.userinfo],
    [5, leaving.revokeAccessToken],
    [4, leaving.revokeRefreshToken],
    [5, leaving.logoutWithHint],
    [4, leaving.logoutWithConfirmation],
    [12, end],
    [3, people.disable],
    [3, people.enable],
    [3, people.resetPassword],
    [2, people.remove],
    [14, changeClient],
    [12, notBefore],
    [26, time.advanceClock],
    [26, time.advanceToEnd],
    [8, time.restart],
    // Making keys takes a second.
    [1, time.rotateKeys],
  ] as const
).map(([weight, kind]) => ({ weight, arbitrary: kind.any }))

/**
 * Somebody who is signed in, an offline and an online grant of one client, and a code that is out: then the first step that ends something has
 * something to end.
 */
export function furniture(client: number): Command[] {
  const [online, offline] = ['openid profile', 'openid profile offline_access'] as const
  const login = { browser: 0, user: 0, client, scope: offline, isToBeRemembered: false, passwordIsRight: true }
  const exchange = { pick: 0, by: 0 as const, verifierIsRight: true, redirectUriIsRight: true, again: false }
  const again = { browser: 0, client, scope: online }
  return [
    signIn.login.of(login),
    tokens.exchange.of(exchange),
    signIn.authorize.of(again),
    tokens.exchange.of(exchange),
    signIn.authorize.of(again),
  ]
}

/**
 * A history: steps one after the other, in a house with or without furniture. Without the usual preference for little, which here means short: most
 * histories would be over before they have begun.
 */
export const history = (maxSteps: number): Arbitrary<{ furnishedFor: number | null; steps: Iterable<Command> }> =>
  noBias(
    record({
      furnishedFor: option(constantFrom(0, 1), { freq: 2 }),
      steps: commands([oneof(...kinds)], { maxCommands: maxSteps, size: 'max' }),
    }),
  )

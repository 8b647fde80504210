import { Problem } from '../../admin/problem.ts'
import { sha256 } from '../../crypto/hash.ts'
import type { Seal } from '../../crypto/seal.ts'

/** A person who signed in, and calls with the token of an app. */
export interface Person {
  readonly userId: string
  readonly authAgeSeconds: number
  /** By the database clock. */
  readonly nowSeconds: number
}

/** How old a sign-in may be when something is changed. */
export const freshSeconds = 300
const confirmationSeconds = 120

/** Asks for a new authentication before anything is changed: a screen that was left open signs in nobody (RFC 9470 §3). */
export function requireFresh({ authAgeSeconds }: Person): void {
  if (authAgeSeconds > freshSeconds)
    throw new Problem(
      'reauthentication_required',
      `Sign in again (max_age=${freshSeconds}): this needs a fresh sign-in`,
    )
}

/** Tells the code by which the same request is confirmed. */
export class ConfirmationNeeded extends Problem {
  readonly confirmation: string

  constructor(confirmation: string) {
    super('confirmation_required', 'This ends more than one person can take back: send it again with Confirmation')
    this.confirmation = confirmation
  }
}

/**
 * Lets a request of a person pass that was confirmed by a second one: no single click ends everything. The code is good for two minutes, for this
 * person and for exactly this request. @throws {ConfirmationNeeded}
 */
export function requireConfirmation(
  person: Person,
  request: readonly unknown[],
  given: string | string[] | undefined,
  seal: Seal,
): void {
  const context = contextOf(person, request)
  if (typeof given === 'string' && readUntil(given, context, seal) > person.nowSeconds) return
  throw new ConfirmationNeeded(confirmationOf(person, request, seal))
}

/** The code by which this person confirms exactly this request during the next two minutes. */
export function confirmationOf(person: Person, request: readonly unknown[], seal: Seal): string {
  const until = String(Math.floor(person.nowSeconds) + confirmationSeconds)
  return seal.seal(Buffer.from(until), contextOf(person, request)).toString('base64url')
}

const contextOf = ({ userId }: Person, request: readonly unknown[]): string =>
  `confirmation ${userId} ${sha256(JSON.stringify(request)).toString('base64url')}`

/** Until when a code is good; of one that is not ours, or for something else, it never was. */
function readUntil(code: string, context: string, seal: Seal): number {
  try {
    return Number(seal.open(Buffer.from(code, 'base64url'), context).toString())
  } catch {
    return 0
  }
}

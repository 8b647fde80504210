import {
  checkFields,
  type Document,
  type FieldProblem,
  type Fields,
  fieldProblem,
  flag,
  matching,
  object,
  text,
  webUrl,
  withoutNulls,
} from './field.ts'
import { normalizeIdentifier } from './identifier.ts'

/** Who a person is, as administrators write it. */
export interface UserProfile {
  readonly username: string
  readonly email?: string
  readonly emailVerified: boolean
  /** Standard claims under their own names, without those above (OpenID Connect Core §5.1). */
  readonly claims: Document
}

const word = text(200)
const line = text(1000)

const claimFields: Fields = {
  name: word,
  given_name: word,
  family_name: word,
  middle_name: word,
  nickname: word,
  profile: webUrl,
  picture: webUrl,
  website: webUrl,
  gender: word,
  birthdate: text(10, matching(/^\d{4}(-\d{2}-\d{2})?$/, 'must be YYYY-MM-DD or YYYY')),
  zoneinfo: word,
  locale: word,
  phone_number: word,
  phone_number_verified: flag,
  address: object({
    formatted: {
      ...line,
      check: (value) => line.check(typeof value === 'string' ? value.replace(/\r?\n/g, ' ') : value),
    },
    street_address: line,
    locality: word,
    region: word,
    postal_code: word,
    country: word,
  }),
}

/** Every member that a user may have. */
export const userFields: Fields = {
  username: text(200, (value) => (normalizeIdentifier(value) === '' ? 'must have a visible character' : undefined)),
  email: text(254, matching(/^[^\s@]+@[^\s@]+$/, 'must be an e-mail address')),
  email_verified: flag,
  ...claimFields,
}

/** Checks a user as a whole; null members count as absent. */
export function readUserProfile(given: Document): { readonly user: UserProfile } | { readonly problem: FieldProblem } {
  const document = withoutNulls(given)
  const problem = checkFields(userFields, document)
  if (problem) return { problem }
  const { username, email, email_verified: emailVerified = false, ...claims } = document
  if (typeof username !== 'string') return { problem: fieldProblem('is required', 'username') }
  if (emailVerified === true && email === undefined)
    return { problem: fieldProblem('must not be true without an email', 'email_verified') }
  return {
    user: { username, ...(typeof email === 'string' ? { email } : {}), emailVerified: emailVerified === true, claims },
  }
}

const minPasswordLength = 8
const maxPasswordBytes = 1024

/** Why a password cannot be set, or undefined. No rule about its characters: length is what helps (NIST SP 800-63B §3.1.1). */
export function checkPassword(password: unknown): string | undefined {
  if (typeof password !== 'string') return 'must be a text'
  if (Array.from(password).length < minPasswordLength) return `must have at least ${minPasswordLength} characters`
  // The hasher has the same limit; said here, it can be named.
  return new TextEncoder().encode(password).length > maxPasswordBytes
    ? `must not be longer than ${maxPasswordBytes} bytes`
    : undefined
}

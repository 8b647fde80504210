import { describe, expect, it } from 'vitest'
import { OAuthError, oauthErrorCodes } from '../../../src/domain/oauth-error.ts'
import { Unavailable } from '../../../src/domain/unavailable.ts'

describe('an OAuth error', () => {
  it('tells the client one text and the log another', () => {
    const error = new OAuthError('invalid_grant', 'refresh token is not valid', 'reused')
    expect(error).toMatchObject({
      name: 'OAuthError',
      code: 'invalid_grant',
      description: 'refresh token is not valid',
      reason: 'reused',
      status: 400,
      message: 'invalid_grant: reused',
    })
    expect(error).toBeInstanceOf(Error)
  })

  it('has its description as its reason when no other is given', () => {
    expect(new OAuthError('invalid_client', 'client authentication failed').reason).toBe('client authentication failed')
  })

  it.each(Object.entries(oauthErrorCodes))(
    '%s has a code on the wire, a status and a definition',
    (code, { status, defined }) => {
      expect(code).toMatch(/^[a-z_]+$/)
      expect([400, 401, 403, 500, 503]).toContain(status)
      expect(defined).toMatch(/^(RFC \d+ §|OpenID Connect )/)
    },
  )
})

it('an outage says when to try again', () => {
  const cause = new Error('connection refused')
  expect(new Unavailable('the database does not answer', 5, { cause })).toMatchObject({ retryAfterSeconds: 5, cause })
  expect(new Unavailable('busy')).toMatchObject({ name: 'Unavailable', retryAfterSeconds: 1 })
})

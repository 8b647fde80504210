import { describe, expect, it } from 'vitest'
import { parseClaimsRequest, pickClaims, standardClaims } from '../../../src/domain/claims.ts'

const alice = {
  name: 'Alice',
  family_name: '',
  nickname: null,
  email: 'alice@example.com',
  email_verified: false,
  phone_number: '+4912345',
  password_hash: 'not for anybody',
  toString: 'nor this',
}

describe('claims by scope (OpenID Connect Core §5.4)', () => {
  it('are those of the granted scopes only', () => {
    expect(pickClaims(alice, ['openid', 'email'])).toEqual({ email: 'alice@example.com', email_verified: false })
  })

  it('leave out what is empty or null (OpenID Connect Core §5.3.2)', () => {
    expect(pickClaims(alice, ['profile'])).toEqual({ name: 'Alice' })
  })

  it.each(['constructor', '__proto__', 'toString', 'password_hash', 'sub'])(
    'release nothing for a scope %s',
    (scope) => {
      expect(pickClaims(alice, [scope])).toEqual({})
    },
  )
})

describe('claims that a client names (OpenID Connect Core §5.5)', () => {
  it('come in addition to those of the scopes', () => {
    expect(pickClaims(alice, ['email'], { name: null, phone_number: { essential: true } })).toEqual({
      email: 'alice@example.com',
      email_verified: false,
      name: 'Alice',
      phone_number: '+4912345',
    })
  })

  it('are never more than the standard ones', () => {
    expect(standardClaims).not.toContain('password_hash')
    expect(pickClaims(alice, [], { password_hash: { essential: true }, toString: null, constructor: null })).toEqual({})
  })

  it('are left out when the asked value is not the actual one', () => {
    expect(pickClaims(alice, [], { email: { value: 'bob@example.com' } })).toEqual({})
    expect(pickClaims(alice, [], { email: { values: ['bob@example.com', 'alice@example.com'] } })).toHaveProperty(
      'email',
    )
    expect(pickClaims(alice, ['email'], { email: { value: 'bob@example.com' } })).toHaveProperty('email')
  })
})

describe('the claims parameter', () => {
  it('keeps what is understood and ignores the rest', () => {
    const json = '{"userinfo":{"name":null,"email":{"essential":true,"x":1}},"id_token":{"acr":{"values":["a"]}},"y":2}'
    expect(parseClaimsRequest(json)).toEqual({
      userinfo: { name: null, email: { essential: true } },
      id_token: { acr: { values: ['a'] } },
    })
    expect(parseClaimsRequest('{}')).toEqual({})
    expect(parseClaimsRequest('{"userinfo":null}')).toEqual({})
  })

  it.each([
    '',
    'null',
    '[]',
    '"x"',
    '1',
    '{',
    '{"userinfo":[]}',
    '{"userinfo":"name"}',
    '{"id_token":{"acr":"x"}}',
    '{"id_token":{"acr":[]}}',
    '{"id_token":{"acr":{"essential":"yes"}}}',
    '{"id_token":{"acr":{"values":"x"}}}',
  ])('is refused when it is %s', (json) => {
    expect(parseClaimsRequest(json)).toBeUndefined()
  })

  it('has at most 4096 characters and 50 claims a member', () => {
    expect(parseClaimsRequest(`{}${' '.repeat(4095)}`)).toBeUndefined()
    const claims = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`c${index}`, null]))
    expect(parseClaimsRequest(JSON.stringify({ userinfo: claims }))).toBeUndefined()
  })

  it('cannot replace a prototype', () => {
    const request = parseClaimsRequest('{"userinfo":{"__proto__":{"essential":true},"name":null}}')
    expect(Object.getPrototypeOf(request?.userinfo)).toBe(Object.prototype)
    expect(Reflect.get({}, 'essential')).toBeUndefined()
    expect(pickClaims(alice, [], request?.userinfo)).toEqual({ name: 'Alice' })
  })

  it('survives nesting deeper than a stack', () => {
    expect(parseClaimsRequest('['.repeat(4000))).toBeUndefined()
    expect(parseClaimsRequest(`{"userinfo":${'{"a":'.repeat(600)}1${'}'.repeat(601)}`)).toEqual({ userinfo: { a: {} } })
  })
})

import { describe, expect, it } from 'vitest'
import { clientIdField, clientSecretField, readClientMetadata } from '../../../src/domain/client-metadata.ts'
import type { Document } from '../../../src/domain/field.ts'

const redirect_uris = ['https://app.example.com/callback']
const read = readClientMetadata
const metadataOf = (given: Document) => {
  const result = read(given)
  if ('problem' in result) throw new Error(`${result.problem.path.join('.')}: ${result.problem.detail}`)
  return result.metadata
}
const problemOf = (given: Document) => {
  const result = read(given)
  return 'problem' in result ? result.problem.path.join('.') : undefined
}

describe('client metadata: defaults', () => {
  it('are those of a confidential web application', () => {
    expect(metadataOf({ redirect_uris })).toEqual({
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      scope: 'openid profile email address phone',
      redirect_uris,
      post_logout_redirect_uris: [],
      id_token_signed_response_alg: 'RS256',
      require_pkce: true,
      skip_consent: false,
      disabled: false,
      refresh_token_rotation: 'always',
      lost_response_window_seconds: 0,
      refresh_counts_as_activity: true,
      reuse_revokes_session: false,
      terminate_offline_on_logout: false,
    })
  })

  it('include offline_access only with refresh tokens', () => {
    const grant_types = ['authorization_code', 'refresh_token']
    expect(metadataOf({ redirect_uris, grant_types }).scope).toBe('openid profile email address phone offline_access')
  })

  it('give a service no scope', () => {
    expect(metadataOf({ grant_types: ['client_credentials'] }).scope).toBe('')
  })

  it('come back with null', () => {
    expect(metadataOf({ redirect_uris, require_pkce: null, client_name: null })).toEqual(metadataOf({ redirect_uris }))
  })

  it('leave out what is the same for every client', () => {
    expect(metadataOf({ redirect_uris, response_types: ['code'] })).not.toHaveProperty('response_types')
  })
})

describe('client metadata: what is refused, by member', () => {
  it.each<[string, Document]>([
    ['colour', { redirect_uris, colour: 'red' }],
    ['__proto__', JSON.parse('{"redirect_uris":["https://app.example.com/"],"__proto__":{"a":1}}') as Document],
    ['constructor', { redirect_uris, constructor: 1 }],
    ['redirect_uris', {}],
    ['redirect_uris', { redirect_uris: [] }],
    ['redirect_uris', { redirect_uris: 'https://app.example.com/' }],
    ['redirect_uris.1', { redirect_uris: [...redirect_uris, 'http://app.example.com/'] }],
    ['redirect_uris.0', { redirect_uris: ['com.example.app:/callback'] }],
    ['redirect_uris', { redirect_uris: [...redirect_uris, ...redirect_uris] }],
    ['post_logout_redirect_uris.0', { redirect_uris, post_logout_redirect_uris: ['javascript:alert(1)'] }],
    ['grant_types.0', { redirect_uris, grant_types: ['password'] }],
    ['grant_types', { token_endpoint_auth_method: 'none', grant_types: ['client_credentials'] }],
    ['response_types.0', { redirect_uris, response_types: ['token'] }],
    ['token_endpoint_auth_method', { redirect_uris, token_endpoint_auth_method: 'private_key_jwt' }],
    ['require_pkce', { redirect_uris, token_endpoint_auth_method: 'none', require_pkce: false }],
    ['refresh_token_rotation', { redirect_uris, token_endpoint_auth_method: 'none', refresh_token_rotation: 'never' }],
    ['access_token_ttl_seconds', { redirect_uris, access_token_ttl_seconds: 3601 }],
    ['session_idle_seconds', { redirect_uris, session_idle_seconds: 0 }],
    ['session_max_seconds', { redirect_uris, session_max_seconds: 1.5 }],
    ['session_max_seconds', { redirect_uris, session_max_seconds: '60' }],
    ['refresh_grace_seconds', { redirect_uris, refresh_grace_seconds: 61 }],
    ['lost_response_window_seconds', { redirect_uris, lost_response_window_seconds: 86_401 }],
    ['scope', { redirect_uris, scope: 'openid  profile' }],
    ['logo_uri', { redirect_uris, logo_uri: 'data:image/png;base64,AAAA' }],
    ['client_uri', { redirect_uris, client_uri: 'javascript:alert(1)' }],
    ['client_name', { redirect_uris, client_name: 'a\0b' }],
    ['client_name', { redirect_uris, client_name: 'a\nb' }],
    ['client_name', { redirect_uris, client_name: '\ud800' }],
    ['client_name', { redirect_uris, client_name: '' }],
    ['allowed_cors_origins.0', { redirect_uris, allowed_cors_origins: ['https://app.example.com/'] }],
    ['allowed_cors_origins.0', { redirect_uris, allowed_cors_origins: ['null'] }],
    ['default_resource', { redirect_uris, default_resource: 'https://api.example.com#a' }],
  ])('%s', (member, given) => {
    expect(problemOf(given)).toBe(member)
  })
})

describe('client metadata: what is accepted', () => {
  it.each<[string, Document]>([
    [
      'a native application',
      { application_type: 'native', redirect_uris: ['com.example.app:/cb', 'http://127.0.0.1/cb'] },
    ],
    ['a confidential client without PKCE', { redirect_uris, require_pkce: false, refresh_token_rotation: 'never' }],
    ['an app for administrators', { redirect_uris, scope: 'openid clients:read' }],
    ['an administrator', { grant_types: ['client_credentials'], scope: 'admin clients:read introspect:any' }],
    ['a resource server that only introspects', { grant_types: [], resource_server_for: ['https://api.example.com'] }],
    ['no scope at all', { redirect_uris, scope: '' }],
  ])('%s', (_, given) => {
    expect(problemOf(given)).toBeUndefined()
  })
})

describe('a client id', () => {
  it.each(['shop-web', 'https://app.example.com/', '~!', 'a'.repeat(200)])('may be %s', (id) => {
    expect(clientIdField.check(id)).toBeUndefined()
  })

  it.each(['', 'a b', 'ä', 'a\0', 'a'.repeat(201), '01a1fc42-b65e-7103-9eba-1c7ec6884558', 7])(
    'must not be %j',
    (id) => {
      expect(clientIdField.check(id)).toBeDefined()
    },
  )
})

describe('a client secret', () => {
  it('has at least 32 visible characters: it is hashed fast', () => {
    expect(clientSecretField.check('a'.repeat(31))).toBeDefined()
    expect(clientSecretField.check(`${'a'.repeat(32)} `)).toBeDefined()
    expect(clientSecretField.check('a'.repeat(32))).toBeUndefined()
  })
})

// oidc-provider in a process of its own; everything it needs to know stands in the environment variable PEER.
import { Provider } from 'oidc-provider'
import { Pool } from 'pg'
import { createAdapter, createQuery } from './adapter.mjs'
import { loginPages } from './login.mjs'

const { port, issuer, databaseUrl, isPrepared, jwk, resource, clients } = JSON.parse(process.env['PEER'])

const pool = new Pool({ connectionString: databaseUrl, max: 10 })
const query = createQuery(pool, isPrepared)

const hours = 3600
const provider = new Provider(issuer, {
  adapter: createAdapter(query),
  clients, // in memory: no read of a client costs anything
  jwks: { keys: [jwk] },
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
  scopes: ['openid', 'profile', 'offline_access'],
  claims: { openid: ['sub'], profile: ['name'] },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  // Nothing hangs on a session: what is bound to one costs another read.
  expiresWithSession: () => false,
  ttl: {
    AccessToken: 300,
    AuthorizationCode: 60,
    ClientCredentials: 300,
    Grant: 10 * hours,
    IdToken: 300,
    Interaction: 1800,
    RefreshToken: 10 * hours,
    Session: 10 * hours,
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, _client, oneOf) => oneOf ?? resource,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'api:read',
        audience: resource,
        accessTokenFormat: 'jwt',
        accessTokenTTL: 300,
        jwt: { sign: { alg: 'ES256' } },
      }),
    },
  },
  interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
  findAccount: (_ctx, accountId) => ({
    accountId,
    // The user is read where claims of it are answered, and nowhere else.
    claims: async (use) => {
      if (use !== 'userinfo') return { sub: accountId }
      const [user] = await query('user_by_id', [accountId])
      return { sub: accountId, name: user.name }
    },
  }),
  // A client of one's own: nobody is asked for consent.
  loadExistingGrant: async ({ oidc }) => {
    const grantId = oidc.session.grantIdFor(oidc.client.clientId)
    if (grantId) return oidc.provider.Grant.find(grantId)
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId })
    grant.addOIDCScope('openid profile')
    grant.addResourceScope(resource, 'api:read')
    await grant.save()
    return grant
  },
})
provider.use(loginPages(provider, query))
provider.on('server_error', (_ctx, error) => console.error(error))

const server = provider.listen(port, '127.0.0.1')
process.once('SIGTERM', () => {
  server.close(() => pool.end())
  server.closeIdleConnections()
})

// State for oidc-provider without going through its pages: the rows that its models would have written.
import { createHash, randomBytes, randomUUID } from 'node:crypto'

const users = 1000
const chunk = 5000
const hours = 3600
const opaque = () => randomBytes(32).toString('base64url')

export function createPeerSeeds({ pool, client, resource }) {
  let userIds = []

  const insert = async (documents) => {
    for (let at = 0; at < documents.length; at += chunk) {
      const part = documents.slice(at, at + chunk)
      await pool.query(
        `insert into payloads (id, type, payload, grant_id, uid, expires_at)
         select p ->> 'jti', p ->> 'kind', p, p ->> 'grantId', p ->> 'uid', to_timestamp((p ->> 'exp')::float8) from unnest($1::jsonb[]) as p`,
        [part.map((document) => JSON.stringify(document))],
      )
    }
    await pool.query('vacuum (analyze) payloads')
  }

  const document = (kind, members, ttl = hours) => {
    const iat = Math.floor(Date.now() / 1000)
    return { kind, jti: opaque(), iat, exp: iat + ttl, clientId: client.id, ...members }
  }

  /** Documents of one kind, each with a grant of its own behind it. */
  const granted = async (count, kind, members) => {
    const grants = Array.from({ length: count }, (_, i) =>
      document('Grant', {
        accountId: userIds[i % userIds.length],
        openid: { scope: 'openid profile' },
        resources: { [resource]: 'api:read' },
      }),
    )
    const documents = grants.map((grant) =>
      document(kind, { grantId: grant.jti, accountId: grant.accountId, ...members(grant) }),
    )
    await insert([...grants, ...documents])
    return documents
  }

  const refreshTokens = async (count) => {
    const made = await granted(count, 'RefreshToken', ({ iat }) => ({
      authTime: iat,
      iiat: iat,
      rotations: 0,
      gty: 'authorization_code',
      scope: 'api:read',
      resource,
    }))
    return made.map(({ jti }) => jti)
  }

  const opaqueTokens = async (count) => {
    const members = () => ({ scope: 'api:read', aud: resource, gty: 'authorization_code' })
    return (await granted(count, 'AccessToken', members)).map(({ jti }) => jti)
  }

  return {
    prepare: async ({ passwordHash, cheapHash }) => {
      userIds = Array.from({ length: users }, () => randomUUID())
      await pool.query(
        `insert into users (id, username, name, password_hash) select id, 'user-' || n, 'Some One', $2 from unnest($1::uuid[]) with ordinality as t (id, n)`,
        [userIds, passwordHash],
      )
      await pool.query(
        `insert into users (id, username, name, password_hash) select gen_random_uuid(), 'cheap-' || n, 'Some One', $2 from generate_series(1, $1) n`,
        [users, cheapHash],
      )
      await pool.query('vacuum (analyze) users')
    },
    refresh: refreshTokens,
    revocation: refreshTokens,
    'code-exchange': async (count) => {
      const verifiers = Array.from({ length: count }, opaque)
      let i = 0
      const made = await granted(count, 'AuthorizationCode', ({ iat }) => ({
        authTime: iat,
        redirectUri: client.redirectUri,
        scope: 'openid api:read',
        resource,
        codeChallenge: createHash('sha256').update(verifiers[i++]).digest('base64url'),
        codeChallengeMethod: 'S256',
      }))
      return made.map(({ jti }, at) => ({ code: jti, verifier: verifiers[at] }))
    },
    introspection: opaqueTokens,
    'introspection-again': opaqueTokens,
    userinfo: async (count) => {
      const members = () => ({ scope: 'openid profile', gty: 'authorization_code' })
      return (await granted(count, 'AccessToken', members)).map(({ jti }) => jti)
    },
  }
}

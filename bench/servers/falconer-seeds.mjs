// State for Falconer without going through its pages: rows by SQL, tokens by its own code and keys.
import { createHash, randomBytes } from 'node:crypto'

const built = (file) => import(new URL(`../../dist/${file}`, import.meta.url).href)

const users = 1000
const chunk = 5000
const sha256 = (data) => createHash('sha256').update(data).digest()

/** A UUIDv7 of now, as `new_id()` makes it. */
function newId() {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(Date.now(), 0, 6)
  bytes[6] = (bytes[6] & 0x0f) | 0x70
  bytes[8] = (bytes[8] & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export function createFalconerSeeds({ pool, masterKeys, issuer, resource, client }) {
  let clientRow
  let userIds = []
  let refreshTokens
  let signer
  let signJwt
  let createOpaqueToken

  const sessions = async (count) => {
    const ids = Array.from({ length: count }, newId)
    const owners = ids.map((_, i) => userIds[i % userIds.length])
    const { rows } = await pool.query(
      `insert into sessions (id, user_id, secret_hash, created_pos, acr, amr, idle_s, expires_at, ip, user_agent)
       select t.id, owner, sha256(uuid_send(t.id)), h.seq, 'urn:falconer:acr:1fa', '{pwd}', 1800, now() + interval '10 hours', '203.0.113.7',
              'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0'
       from unnest($1::uuid[], $2::uuid[]) as t (id, owner), feed_head h returning created_pos::float8 as position`,
      [ids, owners],
    )
    return ids.map((id, i) => ({ id, owner: owners[i], position: rows[i].position }))
  }

  /** A session each, with a grant whose first refresh token is returned. */
  const grants = async (count, scope = 'api:read') => {
    const made = []
    for (let left = count; left > 0; left -= chunk) {
      const begun = await sessions(Math.min(left, chunk))
      const rows = begun.map((session) => ({ ...session, grantId: newId(), nonce: randomBytes(16) }))
      await pool.query(
        `insert into grants (id, client, user_id, session_id, scope, rt_nonce_hash, idle_s, expires_at, created_pos, auth_time, acr, amr)
         select g, $1::uuid, u, s, $2, n, 1800, now() + interval '10 hours', h.seq, now(), 'urn:falconer:acr:1fa', '{pwd}'
         from unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::bytea[]) as t (g, u, s, n), feed_head h`,
        [
          clientRow,
          scope,
          rows.map((row) => row.grantId),
          rows.map((row) => row.owner),
          rows.map((row) => row.id),
          rows.map((row) => sha256(row.nonce)),
        ],
      )
      made.push(...rows)
    }
    await pool.query('vacuum (analyze) grants')
    await pool.query('vacuum (analyze) sessions')
    return made
  }

  const firstRefreshTokens = async (count) =>
    (await grants(count)).map(({ grantId, nonce }) => refreshTokens.encode({ grantId, nonce, generation: 0 }))

  /** Access tokens of as many grants, signed here with the server's own key. */
  const accessTokens = async (count, audience, scope) => {
    const rows = await grants(count, scope)
    const iat = Math.floor(Date.now() / 1000)
    return rows.map((row) =>
      signJwt(signer, 'at+jwt', {
        iss: issuer,
        sub: row.owner,
        aud: audience,
        client_id: client.id,
        exp: iat + 3600,
        iat,
        jti: newId(),
        rvp: row.position,
        scope,
        gid: row.grantId,
        sid: row.id,
        auth_time: iat,
        acr: 'urn:falconer:acr:1fa',
        amr: ['pwd'],
      }),
    )
  }

  const codes = async (count) => {
    const made = []
    for (let left = count; left > 0; left -= chunk) {
      const begun = await sessions(Math.min(left, chunk))
      const rows = begun.map((session) => ({
        ...session,
        code: createOpaqueToken('ac'),
        verifier: randomBytes(32).toString('base64url'),
      }))
      await pool.query(
        `insert into authorization_codes (hash, grant_id, client, user_id, session_id, redirect_uri, code_challenge, scope, resource, auth_time, acr,
                                          amr, created_pos, expires_at)
         select c, new_id(), $1::uuid, u, s, $2, v, 'openid api:read', array[$3], now(), 'urn:falconer:acr:1fa', '{pwd}', h.seq, now() + interval '1 hour'
         from unnest($4::bytea[], $5::uuid[], $6::uuid[], $7::bytea[]) as t (c, u, s, v), feed_head h`,
        [
          clientRow,
          client.redirectUri,
          resource,
          rows.map((row) => sha256(row.code)),
          rows.map((row) => row.owner),
          rows.map((row) => row.id),
          rows.map((row) => sha256(row.verifier)),
        ],
      )
      made.push(...rows)
    }
    await pool.query('vacuum (analyze) authorization_codes')
    await pool.query('vacuum (analyze) sessions')
    return made.map(({ code, verifier }) => ({ code, verifier }))
  }

  const makeUsers = async (prefix, passwordHash) => {
    const ids = Array.from({ length: users }, newId)
    await pool.query(
      `insert into users (id, username, username_norm, profile, password_hash) select id, $2 || n, $2 || n, '{"name": "Some One"}', $3
       from unnest($1::uuid[]) with ordinality as t (id, n)`,
      [ids, prefix, passwordHash],
    )
    return ids
  }

  return {
    /** Once, when the clients are registered and the server has made its keys. */
    prepare: async ({ passwordHash, cheapHash }) => {
      const { createRefreshTokens } = await built('crypto/refresh-token.js')
      const { parseMasterKeys } = await built('crypto/master-keys.js')
      ;({ createOpaqueToken } = await built('crypto/opaque-token.js'))
      ;({ signJwt } = await built('crypto/jwt.js'))
      const keys = parseMasterKeys(masterKeys)
      refreshTokens = createRefreshTokens(keys)
      signer = await readSigner(pool, keys)
      clientRow = (await pool.query('select id from clients where client_id = $1', [client.id])).rows[0].id
      userIds = await makeUsers('user-', passwordHash)
      await makeUsers('cheap-', cheapHash)
      await pool.query('vacuum (analyze) users')
    },
    refresh: firstRefreshTokens,
    revocation: firstRefreshTokens,
    'code-exchange': codes,
    introspection: (count) => accessTokens(count, resource, 'api:read'),
    'introspection-again': (count) => accessTokens(count, resource, 'api:read'),
    userinfo: (count) => accessTokens(count, issuer, 'openid profile'),
  }
}

/** The key that signs ES256 now, unsealed. */
async function readSigner(pool, masterKeys) {
  const { createSeal } = await built('crypto/seal.js')
  const { loadSigningKey } = await built('crypto/signing.js')
  const { rows } = await pool.query(
    `select kid, public_jwk, private_key from signing_keys where alg = 'ES256' and activate_at <= now() and retire_at is null`,
  )
  const [{ kid, public_jwk: publicJwk, private_key: sealed }] = rows
  const { sealContext } = await built('protocol/keys/ring.js')
  const privatePkcs8 = createSeal(masterKeys).open(sealed, sealContext(kid))
  return loadSigningKey({ kid, alg: 'ES256', publicJwk, privatePkcs8 })
}

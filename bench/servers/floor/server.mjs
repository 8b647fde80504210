// The yardstick: a refresh with nothing around it. No clients to look up, no policy, no audit, no log.
import { createPrivateKey, hash, randomUUID, sign, timingSafeEqual } from 'node:crypto'
import fastify from 'fastify'
import { createRotations } from './rotations.mjs'
import { createTokens } from './tokens.mjs'

const { port, issuer, databaseUrl, jwk, resource, client, tokenKey } = JSON.parse(process.env['FLOOR'])

const key = { key: createPrivateKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' }
const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: jwk.kid })).toString('base64url')
const secretHash = hash('sha256', client.secret, 'buffer')
const tokens = createTokens(tokenKey)
const rotations = createRotations(databaseUrl)

const app = fastify({ logger: false })
app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, body),
)

app.post('/token', async (request, reply) => {
  const [id, secret = ''] = Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64')
    .toString()
    .split(':')
  if (id !== client.id || !timingSafeEqual(hash('sha256', secret, 'buffer'), secretHash))
    return reply.status(401).send()
  const form = new URLSearchParams(request.body)
  const presented = form.get('grant_type') === 'refresh_token' && tokens.read(form.get('refresh_token') ?? '')
  const row = presented && (await rotations.rotate(presented))
  if (!row) return reply.status(400).send({ error: 'invalid_grant' })
  const iat = Math.floor(Date.now() / 1000)
  const claims = {
    iss: issuer,
    sub: row.sub,
    aud: resource,
    client_id: id,
    exp: iat + 300,
    iat,
    jti: randomUUID(),
    scope: row.scope,
  }
  const input = `${header}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}`
  const answer = {
    access_token: `${input}.${sign('sha256', Buffer.from(input), key).toString('base64url')}`,
    token_type: 'Bearer',
    expires_in: 300,
    scope: row.scope,
    refresh_token: tokens.write(row.id, row.gen),
  }
  reply.header('cache-control', 'no-store').type('application/json; charset=utf-8').send(JSON.stringify(answer))
  return reply
})

const { kty, crv, x, y, kid } = jwk
app.get('/jwks', () => ({ keys: [{ kty, crv, x, y, kid, use: 'sig', alg: 'ES256' }] }))
app.get('/.well-known/openid-configuration', () => ({ issuer }))

await app.listen({ port, host: '127.0.0.1' })
process.once('SIGTERM', () => void app.close().then(() => rotations.close()))

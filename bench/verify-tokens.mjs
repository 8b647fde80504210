// Signatures of tokens that a round has brought, checked when nobody is being measured.
import { createPublicKey, verify } from 'node:crypto'

const keysOf = new Map()

/** @throws {Error} unless each of the JWTs was signed with ES256 by the server, for its issuer and for later than now */
export async function verifyTokens(target, tokens) {
  if (tokens.length === 0) return
  const keys = await readKeys(target)
  for (const token of tokens) {
    const [head, body, signature] = token.split('.')
    const { alg, kid } = decode(head)
    const { iss, exp } = decode(body)
    const isSigned =
      alg === 'ES256' &&
      keys.has(kid) &&
      verify(
        'sha256',
        Buffer.from(`${head}.${body}`),
        { key: keys.get(kid), dsaEncoding: 'ieee-p1363' },
        Buffer.from(signature, 'base64url'),
      )
    if (!isSigned || iss !== target.issuer || !(exp > Date.now() / 1000)) throw new Error(`not a good token: ${token}`)
  }
}

const decode = (part) => JSON.parse(Buffer.from(part, 'base64url').toString())

async function readKeys({ ports, paths }) {
  const url = `http://127.0.0.1:${ports[0]}${paths.jwks}`
  if (!keysOf.has(url)) {
    const { keys } = await (await fetch(url)).json()
    keysOf.set(url, new Map(keys.map((key) => [key.kid, createPublicKey({ key, format: 'jwk' })])))
  }
  return keysOf.get(url)
}

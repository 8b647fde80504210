import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import type { Metadata } from './metadata.ts'
import { type Credentials, postForm } from './wire.ts'

/** A running API that takes access tokens. */
export interface ProtectedApi {
  readonly url: string
  close(): Promise<void>
}

/** An API as a team would write it: the signature is checked here, whether the token is alive is asked (RFC 7662). */
export async function startProtectedApi(
  metadata: Metadata,
  audience: string,
  self: Credentials,
): Promise<ProtectedApi> {
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri))
  const isGood = async (token: string): Promise<boolean> => {
    try {
      await jwtVerify(token, keys, { issuer: metadata.issuer, audience, typ: 'at+jwt' })
    } catch {
      return false
    }
    const { body } = await postForm(metadata.introspection_endpoint, { token }, self)
    return body['active'] === true
  }
  const server = createServer((request, response) => {
    const answer = (status: number, headers: Record<string, string> = {}) => response.writeHead(status, headers).end()
    isGood(tokenOf(request)).then(
      (good) => (good ? answer(200) : answer(401, { 'www-authenticate': 'Bearer error="invalid_token"' })),
      () => answer(500),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `http://127.0.0.1:${port}/`, close }
}

const tokenOf = ({ headers }: IncomingMessage): string => /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createVerifier } from '@falconer/verifier'

/** A running API that takes access tokens. */
export interface ProtectedApi {
  readonly url: string
  close(): Promise<void>
}

/** The client as which the API reads the feed. */
interface Client {
  readonly id: string
  readonly secret: string
}

/** An API as a team would write it: each token is checked here, without a call; what was revoked comes by the feed. */
export async function startProtectedApi(issuer: string, audience: string, self: Client): Promise<ProtectedApi> {
  const verifier = createVerifier({ issuer, audience, clientId: self.id, clientSecret: self.secret })
  const server = createServer((request, response) => {
    void verifier.authorize(request.headers.authorization).then((result) => {
      if (result.ok) return response.writeHead(200).end()
      const { status, wwwAuthenticate } = result
      return response.writeHead(status, wwwAuthenticate ? { 'www-authenticate': wwwAuthenticate } : {}).end()
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  await verifier.ready()
  const { port } = server.address() as AddressInfo
  const close = () =>
    new Promise<void>((resolve) => {
      verifier.close()
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url: `http://127.0.0.1:${port}/`, close }
}

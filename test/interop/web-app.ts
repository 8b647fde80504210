import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A small application of a test's own, listening on http. */
export interface WebApp {
  readonly origin: string
  readonly close: () => Promise<void>
}

/**
 * Listens on a free port of 127.0.0.1, which for a browser is another site than the `localhost` of the server. The listener is made from the
 * origin, because what a client registers and what it is configured with both contain it.
 */
export async function serve(
  listenerAt: (origin: string) => RequestListener | Promise<RequestListener>,
): Promise<WebApp> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  server.on('request', await listenerAt(origin))
  return {
    origin,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

import type { Client } from './client.ts'
import { originOf } from './redirect-uri.ts'

/** An application under development redirects on to whatever port its other half runs on. */
const loopbackSources = ['http://localhost:*', 'http://127.0.0.1:*']

/**
 * The sources of a CSP `form-action` for a page whose form ends at `target`. Browsers apply it to the whole chain of redirects, so an
 * application that sends the person on from its callback to another of its sites needs that one too, or the login goes nowhere without a
 * word. What counts as its own is what it has registered: redirect URIs, home page, CORS origins.
 */
export function formTargetsOf(target: string | undefined, client: Client | undefined): string[] {
  if (target === undefined) return []
  const own = client
    ? [
        ...client.redirectUris,
        ...client.postLogoutRedirectUris,
        ...client.allowedCorsOrigins,
        ...(client.clientUri ? [client.clientUri] : []),
      ]
    : []
  const development = /^http:\/\//i.test(target) ? loopbackSources : []
  return [...new Set([originOf(target), ...own.flatMap(webOrigin), ...development])]
}

/** Nothing for a scheme of its own, or a host that could not be written into a policy. */
function webOrigin(uri: string): string[] {
  if (!/^https?:\/\//i.test(uri)) return []
  try {
    return [originOf(uri)]
  } catch {
    return []
  }
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Verifier, VerifyResult } from '@falconer/verifier'
import type { Route } from './options.ts'

/** Answers for others whether their requests may go on. The path chooses the route; whatever stands behind it is the request's own. */
export function createProxy(verifier: Verifier, routes: ReadonlyMap<string, Route>): Server {
  return createServer((request, response) => {
    const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
    const [, place, name = ''] = path.split('/')
    if (place === 'verify') void verify(verifier, routes.get(name), request, response)
    else if (path === '/livez') send(response, 200, { alive: true })
    else if (path === '/readyz') send(response, verifier.state().fresh ? 200 : 503, { ...verifier.state() })
    else if (path === '/metrics') sendMetrics(response, verifier)
    else send(response, 404, { error: 'not_found', error_description: 'Ask /verify or /verify/NAME' })
  })
}

async function verify(
  verifier: Verifier,
  route: Route | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  // The body of a request that is asked about is of no interest.
  request.resume()
  if (!route) {
    // Never 401 or 403: it is the proxy's own configuration that is wrong, and nobody may come in by it.
    return send(response, 500, { error: 'unknown_route', error_description: 'No --route has this name' })
  }
  answer(response, await verifier.authorize(soleAuthorization(request), { ...route, request }))
}

/** Of several nobody knows which the service would take. */
function soleAuthorization({ headersDistinct }: IncomingMessage): string | undefined {
  const values = headersDistinct['authorization'] ?? []
  return values.length === 1 ? values[0] : undefined
}

function answer(response: ServerResponse, result: VerifyResult): void {
  if (!result.ok) {
    const { status, body, wwwAuthenticate, retryAfterSeconds } = result
    if (wwwAuthenticate !== undefined) response.setHeader('www-authenticate', wwwAuthenticate)
    if (retryAfterSeconds !== undefined) response.setHeader('retry-after', retryAfterSeconds)
    return send(response, status, body)
  }
  const { claims } = result
  response.setHeader('x-falconer-subject', claims.sub)
  response.setHeader('x-falconer-client', claims.client_id)
  response.setHeader('x-falconer-scope', claims.scope ?? '')
  response.setHeader('x-falconer-claims', Buffer.from(JSON.stringify(claims)).toString('base64url'))
  send(response, 200, { active: true })
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' })
  response.end(JSON.stringify(body))
}

/** The text format of Prometheus. */
function sendMetrics(response: ServerResponse, verifier: Verifier): void {
  const lines = Object.entries(flatten(verifier.metrics())).map(
    ([name, value]) => `falconer_verifier_${name} ${value}\n`,
  )
  response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }).end(lines.join(''))
}

/** Members of members get their names joined; `acceptedStale` becomes `accepted_stale`. */
function flatten(value: object, prefix = ''): Record<string, number> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
      const full = `${prefix}${name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}`
      if (typeof member === 'number' || typeof member === 'boolean') return [[full, Number(member)] as const]
      return typeof member === 'object' && member !== null ? Object.entries(flatten(member, `${full}_`)) : []
    }),
  )
}

import { type Exchange, isSafeUrl, UnexpectedAnswer } from './exchange.ts'

/** What the issuer says about itself (RFC 8414), as far as a verifier needs it. */
export interface Metadata {
  readonly jwksUri: string
  readonly introspectionEndpoint?: string
  readonly feed?: FeedMetadata
}

export interface FeedMetadata {
  readonly snapshot: string
  readonly delta: string
  readonly stream: string
  readonly ack: string
  readonly maxStalenessSeconds: number
}

/** @throws where neither document can be had, or is of another issuer */
export async function fetchMetadata(issuer: string, exchange: Exchange, signal: AbortSignal): Promise<Metadata> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname.replace(/\/$/, '')
  const places = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ]
  let failure: unknown
  for (const place of places) {
    const answer = await exchange.ask(place, { signal })
    if (answer.status === 200) return parseMetadata(answer.text, issuer)
    failure ??= new UnexpectedAnswer('The metadata endpoint', answer)
    // Anything but "not here" is no reason to look elsewhere.
    if (answer.status !== 404) break
  }
  throw failure
}

function parseMetadata(text: string, issuer: string): Metadata {
  const document = JSON.parse(text) as Record<string, unknown> | null
  // RFC 8414 §3.3: metadata of another issuer must not be used.
  if (document?.['issuer'] !== issuer) throw new Error('The metadata is of another issuer')
  const { jwks_uri: jwksUri, introspection_endpoint: introspectionEndpoint } = document
  if (!isSafeUrl(jwksUri)) throw new Error('The metadata has no usable jwks_uri')
  const feed = parseFeed(document)
  return {
    jwksUri,
    ...(isSafeUrl(introspectionEndpoint) ? { introspectionEndpoint } : {}),
    ...(feed ? { feed } : {}),
  }
}

function parseFeed(document: Record<string, unknown>): FeedMetadata | undefined {
  const snapshot = document['revocation_feed_snapshot_endpoint']
  const delta = document['revocation_feed_endpoint']
  const stream = document['revocation_feed_stream_endpoint']
  const ack = document['revocation_feed_ack_endpoint']
  const maxStalenessSeconds = document['revocation_feed_max_staleness']
  if (!isSafeUrl(snapshot) || !isSafeUrl(delta) || !isSafeUrl(stream) || !isSafeUrl(ack)) return undefined
  if (typeof maxStalenessSeconds !== 'number' || !(maxStalenessSeconds > 0)) return undefined
  return { snapshot, delta, stream, ack, maxStalenessSeconds }
}

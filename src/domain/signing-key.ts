/** The algorithms that Falconer signs with, in the order of preference for access tokens. */
export const signingAlgs = ['ES256', 'RS256', 'EdDSA'] as const

export type SigningAlg = (typeof signingAlgs)[number]

/** A public key as it stands in the JWK Set (RFC 7517 §4). */
export type PublicJwk = { readonly kid: string; readonly alg: SigningAlg; readonly use: 'sig' } & Readonly<
  Record<string, unknown>
>

/** Longest life of any access token, in seconds: no setting and no client may exceed it. */
export const longestAccessTokenSeconds = 3600

/** How long a feed entry is kept: until no token that it covers can be alive, with leeway for slow clocks. */
export const feedEntryLifeSeconds = longestAccessTokenSeconds + 120

/** A client of the run. Everybody's secret can be the same: nobody guesses here. */
export interface RunClient {
  readonly id: string
  /** How long a predecessor is good for, counted from its first rotation. */
  readonly graceSeconds: number
  readonly metadata?: Readonly<Record<string, unknown>>
}

export const clientSecret = 'a-secret-of-every-client-in-this-history'
export const password = 'correct horse battery staple'
export const redirectUri = 'https://app.example.com/callback'

// Longer than a crash and a start take on a busy machine: an honest client must never be late.
const longGrace = 60

/** What the honest clients are, and what the scenes play with. */
export const honestClients: readonly RunClient[] = ['mail', 'notes', 'photos'].map((id) => ({
  id,
  graceSeconds: longGrace,
}))
export const sceneClients: readonly RunClient[] = ['shop', 'bank'].map((id) => ({ id, graceSeconds: longGrace }))
/** So short a grace that waiting for its end is part of a scene. */
export const hastyClient: RunClient = { id: 'hasty', graceSeconds: 2 }
/** No grace at all: of those who present a token at once one gets an answer, and all the others are thieves. */
export const strictClient: RunClient = { id: 'strict', graceSeconds: 0 }
/** Ended as a whole, again and again. */
export const doomedClient: RunClient = { id: 'doomed', graceSeconds: longGrace }
/** Presents what belongs to others. */
export const strangeClient: RunClient = { id: 'stranger', graceSeconds: longGrace }
/** An API that may look at every access token. */
export const judge: RunClient = {
  id: 'judge',
  graceSeconds: longGrace,
  metadata: { grant_types: ['client_credentials'], redirect_uris: [], scope: 'introspect:any' },
}

export const allClients: readonly RunClient[] = [
  ...honestClients,
  ...sceneClients,
  hastyClient,
  strictClient,
  doomedClient,
  strangeClient,
  judge,
]

/** The document that registers it. */
export const registrationOf = ({ id, graceSeconds, metadata }: RunClient) => ({
  client_id: id,
  client_secret: clientSecret,
  redirect_uris: [redirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  scope: 'openid profile offline_access',
  skip_consent: true,
  // An RSA signature would cost more than everything else in a refresh.
  id_token_signed_response_alg: 'ES256',
  refresh_grace_seconds: graceSeconds,
  ...metadata,
})

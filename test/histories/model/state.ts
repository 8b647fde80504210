// What a sequential Falconer remembers. Written from the rules, not from the tables: there are no positions, no columns, no SQL here.

/** Seconds since the history began. Whole ones: the clock of these histories stands still unless a step moves it. */
export type Instant = number

/** Settings of the server, in seconds. They may change while things live. */
export interface Policy {
  readonly sessionIdle: number
  readonly sessionMax: number
  /** For people who ask to be remembered; undefined: nobody is. */
  readonly remember: { readonly idle: number; readonly max: number } | undefined
  readonly offlineIdle: number
  readonly offlineMax: number
  readonly graceSeconds: number
  readonly refreshIsActivity: boolean
  /** Of one person; 0 for any number. */
  readonly maxSessions: number
  readonly atSessionLimit: 'end_oldest' | 'deny_new'
}

/** Longer than a session may be idle, so that a session can end under a code that is out. */
export const codeSeconds = 310
export const tokenSeconds = 120

const usual: Policy = {
  sessionIdle: 300,
  sessionMax: 3600,
  remember: { idle: 900, max: 5400 },
  offlineIdle: 1800,
  offlineMax: 7200,
  graceSeconds: 10,
  refreshIsActivity: true,
  maxSessions: 0,
  atSessionLimit: 'end_oldest',
}

/** What an instance may be started with. */
export const policies = {
  'the usual settings': usual,
  'shorter sessions': { ...usual, sessionIdle: 200, sessionMax: 1000 },
  'shorter offline access': { ...usual, offlineIdle: 600, offlineMax: 2400 },
  'nobody remembered': { ...usual, remember: undefined },
  'no grace time': { ...usual, graceSeconds: 0 },
  'refreshes that do not count as activity': { ...usual, refreshIsActivity: false },
  'one session per person, the oldest goes': { ...usual, maxSessions: 1 },
  'one session per person, no other is let in': { ...usual, maxSessions: 1, atSessionLimit: 'deny_new' },
} satisfies Record<string, Policy>

export interface User {
  readonly label: string
  isDisabled: boolean
  isDeleted: boolean
  /** How often the password was replaced. */
  passwords: number
  notBefore: Instant
}

/** What a client may be registered with beyond the defaults. */
export interface ClientOptions {
  readonly graceSeconds?: number
  readonly rotates: boolean
  readonly refreshIsActivity: boolean
  readonly tokenSeconds?: number
}

export interface Client extends ClientOptions {
  readonly label: string
  isDisabled: boolean
  scopes: readonly string[]
  mayRefresh: boolean
  skipsConsent: boolean
  /** Its own limits, where it has some: they only shorten the server's. */
  sessionIdle: number | undefined
  sessionMax: number | undefined
  offlineIdle: number | undefined
  offlineMax: number | undefined
  reuseEndsSession: boolean
  logoutEndsOffline: boolean
  notBefore: Instant
  /** Least `iat` of its next tokens. */
  iatFloor: Instant
  readonly consents: Map<User, ReadonlySet<string>>
}

export interface Session {
  readonly label: string
  readonly user: User
  readonly isRemembered: boolean
  readonly createdAt: Instant
  /** The limits that it began with. */
  readonly idleSeconds: number
  readonly maxSeconds: number
  authTime: Instant
  /** By the browser, as it is written down: not each use is. */
  seenAt: Instant
  /** By a refresh of one of its grants; undefined before the first that counts. */
  refreshedAt: Instant | undefined
  hasEnded: boolean
  /** How long the cookie before the present one is good for reading; undefined when there is none. */
  oldCookieUntil: Instant | undefined
}

export interface Browser {
  readonly label: string
  /** The session that its cookie names, alive or not. */
  session: Session | undefined
}

export interface Code {
  readonly label: string
  readonly client: Client
  readonly session: Session
  readonly scopes: readonly string[]
  readonly isOffline: boolean
  readonly authTime: Instant
  readonly expiresAt: Instant
  isUsed: boolean
  /** An ending covered it before it was used. */
  hasEnded: boolean
  grant: Grant | undefined
}

export interface Grant {
  readonly label: string
  readonly client: Client
  readonly user: User
  readonly session: Session
  readonly isOffline: boolean
  readonly scopes: readonly string[]
  readonly authTime: Instant
  readonly createdAt: Instant
  /** The limits that it began with; an online grant has no other end than its session, unless its client wants one. */
  readonly idleSeconds: number
  readonly expiresAt: Instant
  /** Whether it came with a refresh token. */
  readonly hasRefreshToken: boolean
  generation: number
  rotatedAt: Instant
  hasEnded: boolean
}

export interface AccessToken {
  readonly label: string
  readonly grant: Grant
  readonly scopes: readonly string[]
  readonly issuedAt: Instant
  readonly expiresAt: Instant
  hasEnded: boolean
}

export interface Model {
  policy: Policy
  now: Instant
  readonly server: { notBefore: Instant; iatFloor: Instant }
  readonly users: User[]
  readonly clients: Client[]
  readonly browsers: Browser[]
  readonly sessions: Session[]
  readonly codes: Code[]
  readonly grants: Grant[]
  readonly tokens: AccessToken[]
}

const never = Number.NEGATIVE_INFINITY

export const allScopes = ['openid', 'profile', 'offline_access'] as const

/** An ordinary client; one with settings of its own that asks for consent; one whose refresh tokens do not rotate. */
const clientOptions: readonly (ClientOptions &
  Pick<Client, 'skipsConsent'> &
  Partial<Pick<Client, 'sessionIdle' | 'offlineMax' | 'reuseEndsSession' | 'logoutEndsOffline'>>)[] = [
  { rotates: true, refreshIsActivity: true, skipsConsent: true },
  {
    rotates: true,
    refreshIsActivity: false,
    skipsConsent: false,
    graceSeconds: 30,
    tokenSeconds: 200,
    sessionIdle: 150,
    offlineMax: 2000,
    reuseEndsSession: true,
    logoutEndsOffline: true,
  },
  { rotates: false, refreshIsActivity: true, skipsConsent: true, graceSeconds: 0 },
]

/** Two people, three clients, two browsers; nobody has signed in yet. */
export const newModel = (): Model => ({
  policy: usual,
  now: 0,
  server: { notBefore: never, iatFloor: never },
  users: ['alice', 'bob'].map((label) => ({
    label,
    isDisabled: false,
    isDeleted: false,
    passwords: 0,
    notBefore: never,
  })),
  clients: clientOptions.map((options, i) => ({
    sessionIdle: undefined,
    sessionMax: undefined,
    offlineIdle: undefined,
    offlineMax: undefined,
    reuseEndsSession: false,
    logoutEndsOffline: false,
    ...options,
    label: `client ${i}`,
    isDisabled: false,
    scopes: allScopes,
    mayRefresh: true,
    notBefore: never,
    iatFloor: never,
    consents: new Map(),
  })),
  browsers: [0, 1].map((i) => ({ label: `browser ${i}`, session: undefined })),
  sessions: [],
  codes: [],
  grants: [],
  tokens: [],
})

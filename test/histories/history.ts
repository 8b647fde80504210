import type { Event, Returned } from './event.ts'

/** One grant with everything that is known of it, from the answers alone: a token is unique, so its answer tells its parent. */
export interface GrantHistory
  extends Pick<Returned, 'gid' | 'sid' | 'sub' | 'client' | 'offline' | 'scope' | 'authTime'> {
  /** The exchange that was answered with it. */
  readonly exchange: Event
  /** The log-in that gave the code. */
  readonly logIn: Event | undefined
  /** Every event on a token of it, in the order of invocation. */
  readonly events: Event[]
  /** Refreshes by its own client, by the hash of the refresh token they present. */
  readonly presentations: Map<string, Event[]>
}

export interface AccessToken {
  readonly grant: GrantHistory
  readonly minted: Event & { readonly returned: Returned }
  readonly looks: Event[]
}

/** A history with its indexes; built in one pass. */
export interface History {
  readonly events: readonly Event[]
  readonly grants: ReadonlyMap<string, GrantHistory>
  readonly grantOfRefreshToken: ReadonlyMap<string, GrantHistory>
  readonly accessTokens: ReadonlyMap<string, AccessToken>
  readonly exchanges: ReadonlyMap<string, readonly Event[]>
  readonly logIns: ReadonlyMap<string, Event>
  /** The first log-in that is known to have gone through a session: it began no later. */
  readonly sessionBegan: ReadonlyMap<string, Event>
  /** Events that aim to end something, by what they aim at. */
  readonly endings: ReadonlyMap<string, readonly Event[]>
  graceMicros(client: string): number
}

/** How far two clocks may be apart: a grace is judged by the database's. */
export const epsilonMicros = 100_000

export const targetKey = ({ kind, id = '', client = '' }: NonNullable<Event['ends']>): string =>
  `${kind} ${id} ${client}`

/** Builds the indexes of a history whose events are sorted by invocation. */
export function indexHistory(events: readonly Event[], graceSeconds: Readonly<Record<string, number>>): History {
  const grants = new Map<string, GrantHistory>()
  const grantOfRefreshToken = new Map<string, GrantHistory>()
  const accessTokens = new Map<string, AccessToken>()
  const exchanges = new Map<string, Event[]>()
  const logIns = new Map<string, Event>()
  const sessionBegan = new Map<string, Event>()
  const endings = new Map<string, Event[]>()

  for (const event of events) {
    for (const code of event.codes ?? []) logIns.set(code, event)
    if (event.op === 'exchange') append(exchanges, event.code ?? '', event)
    if (event.ends) append(endings, targetKey(event.ends), event)
  }
  for (const event of events) {
    const { returned } = event
    if (!returned) continue
    let grant = grants.get(returned.gid)
    if (!grant && event.op === 'exchange') {
      const logIn = logIns.get(event.code ?? '')
      grant = { ...returned, exchange: event, logIn, events: [], presentations: new Map() }
      grants.set(returned.gid, grant)
      const began = sessionBegan.get(returned.sid)
      if (logIn && (!began || logIn.tInvoke < began.tInvoke)) sessionBegan.set(returned.sid, logIn)
    }
    if (!grant) continue
    if (!grantOfRefreshToken.has(returned.refresh)) grantOfRefreshToken.set(returned.refresh, grant)
    accessTokens.set(returned.access, { grant, minted: { ...event, returned }, looks: [] })
  }
  for (const event of events) {
    const token = event.token ?? ''
    const access = accessTokens.get(token)
    access?.looks.push(event)
    const exchanged = event.op === 'exchange' && event.returned ? grants.get(event.returned.gid) : undefined
    const grant = grantOfRefreshToken.get(token) ?? access?.grant ?? exchanged
    grant?.events.push(event)
    if (grant && event.op === 'refresh' && event.client === grant.client) append(grant.presentations, token, event)
  }
  return {
    events,
    grants,
    grantOfRefreshToken,
    accessTokens,
    exchanges,
    logIns,
    sessionBegan,
    endings,
    graceMicros: (client) => (graceSeconds[client] ?? 0) * 1_000_000,
  }
}

function append<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key)
  if (list) list.push(value)
  else map.set(key, [value])
}

/** The answer says that what the token stands for is alive. */
export const saysAlive = (event: Event): boolean =>
  event.op === 'refresh' || event.op === 'exchange' ? event.outcome === 'ok' : event.active === true

/** The owner of a refresh token was told that its grant has ended. */
export const saysEnded = (event: Event, grant: GrantHistory): boolean =>
  event.op === 'refresh' && event.client === grant.client && event.outcome === 'fail'

/** The successor of a refresh token, with the first answer that told of it. */
export function successorOf(presentations: readonly Event[] = []): { token: string; toldAt: number } | undefined {
  let first: Event | undefined
  for (const event of presentations) if (event.returned && (!first || event.tComplete < first.tComplete)) first = event
  return first?.returned && { token: first.returned.refresh, toldAt: first.tComplete }
}

import { createHash, randomBytes } from 'node:crypto'
import { Browser as BrowserOnWire, type Page } from '../../support/browser.ts'
import { type Answer, password, startServer, type TestServer } from '../../support/server.ts'
import { basic } from '../../support/tokens.ts'
import {
  type AccessToken,
  type Browser,
  type Client,
  type Code,
  codeSeconds,
  type Grant,
  type Model,
  newModel,
  type Policy,
  type Session,
  tokenSeconds,
  type User,
} from './state.ts'

/** The settings, as environment variables. */
const settingsOf = (policy: Policy): Record<string, string> => ({
  AUTHORIZATION_CODE_TTL_SECONDS: String(codeSeconds),
  ACCESS_TOKEN_TTL_SECONDS: String(tokenSeconds),
  SESSION_IDLE_SECONDS: String(policy.sessionIdle),
  SESSION_MAX_SECONDS: String(policy.sessionMax),
  OFFLINE_IDLE_SECONDS: String(policy.offlineIdle),
  OFFLINE_MAX_SECONDS: String(policy.offlineMax),
  REFRESH_GRACE_SECONDS: String(policy.graceSeconds),
  REFRESH_COUNTS_AS_ACTIVITY: String(policy.refreshIsActivity),
  MAX_SESSIONS_PER_USER: String(policy.maxSessions),
  SESSION_LIMIT_POLICY: policy.atSessionLimit,
  REMEMBER_ME: String(policy.remember !== undefined),
  REMEMBER_ME_IDLE_SECONDS: String(policy.remember?.idle ?? 1),
  REMEMBER_ME_MAX_SECONDS: String(policy.remember?.max ?? 1),
  KEY_PUBLISH_LEAD_SECONDS: '40',
})

export const redirectUri = 'https://app.example.com/callback'

interface Credentials {
  readonly id: string
  readonly secret: string
}

/** The real server, and the real name of everything that the model knows. One for many histories: each has people and clients of its own. */
export class World {
  /** The instance that serves now. */
  instance: TestServer
  readonly issuer: string
  /** Seconds since the epoch when the history began. */
  began = 0
  /** What was done in this history, in words. */
  told: string[] = []
  /** How many histories it has served. */
  served = 0
  private policy = newModel().policy
  private inspector: Credentials | undefined

  readonly users = new Map<User, { id: string; username: string }>()
  readonly clients = new Map<Client, Credentials>()
  readonly jars = new Map<Browser, Map<string, string>>()
  readonly sids = new Map<Session, string>()
  readonly oldCookies = new Map<Session, Map<string, string>>()
  readonly codes = new Map<Code, { code: string; verifier: string }>()
  readonly gids = new Map<Grant, string>()
  /** By generation. */
  readonly refreshTokens = new Map<Grant, string[]>()
  readonly idTokens = new Map<Grant, { token: string; issuedAt: number }>()
  readonly tokens = new Map<AccessToken, string>()

  private constructor(instance: TestServer) {
    this.instance = instance
    this.issuer = instance.url
  }

  /**
   * A server whose clock stands still: what lies exactly on a boundary can be asked for. It stands at a fraction of a second, so that
   * whatever is rounded differs from what is not.
   */
  static async start(): Promise<World> {
    const instance = await startServer(settingsOf(newModel().policy))
    await instance.db.query(
      `do $$ begin execute format('create or replace function clock_now() returns timestamptz language sql stable parallel safe as
        %L', format('select %L::timestamptz + make_interval(secs => offset_seconds) from public.test_clock where id = 1',
        date_trunc('second', now()) + interval '5.4 seconds')); end $$`,
    )
    const world = new World(instance)
    const { clientId, secret = '' } = await instance.createClient({
      grant_types: ['client_credentials'],
      redirect_uris: [],
      scope: 'introspect:any',
    })
    world.inspector = { id: clientId, secret }
    return world
  }

  async close(): Promise<void> {
    await this.instance.server.close()
    await this.instance.db.drop()
  }

  /** New people, clients and browsers; nothing of the histories before is known to them. */
  async beginHistory(): Promise<Model> {
    const names = [this.users, this.clients, this.jars, this.sids, this.oldCookies, this.codes, this.gids]
    for (const known of [...names, this.refreshTokens, this.idTokens, this.tokens]) known.clear()
    this.told = []
    this.instance.log.length = 0
    this.served++
    await this.moveClock(60)
    const [clock] = await this.instance.db.query<{ now: number }>(
      'select floor(extract(epoch from clock_now()))::float8 as now',
    )
    this.began = clock?.now ?? 0

    const model = newModel()
    if (this.policy !== model.policy) await this.restart(model.policy)
    for (const user of model.users) this.users.set(user, await this.instance.createUser())
    for (const client of model.clients) this.clients.set(client, await this.register(client))
    for (const browser of model.browsers) this.jars.set(browser, new Map())
    return model
  }

  private async register(client: Client): Promise<Credentials> {
    const { clientId, secret = '' } = await this.instance.createClient({
      scope: client.scopes.join(' '),
      // An RSA signature takes longer than the rest of a refresh.
      id_token_signed_response_alg: 'ES256',
      skip_consent: client.skipsConsent,
      refresh_token_rotation: client.rotates ? 'always' : 'never',
      refresh_counts_as_activity: client.refreshIsActivity,
      ...(client.graceSeconds === undefined ? {} : { refresh_grace_seconds: client.graceSeconds }),
      ...(client.tokenSeconds === undefined ? {} : { access_token_ttl_seconds: client.tokenSeconds }),
      ...(client.sessionIdle === undefined ? {} : { session_idle_seconds: client.sessionIdle }),
      ...(client.offlineMax === undefined ? {} : { offline_max_seconds: client.offlineMax }),
      reuse_revokes_session: client.reuseEndsSession,
      terminate_offline_on_logout: client.logoutEndsOffline,
    })
    return { id: clientId, secret }
  }

  async moveClock(seconds: number): Promise<void> {
    await this.instance.wait(seconds)
    // An instance remembers the keys for five seconds, and those have passed too.
    this.instance.server.tools.keys.reload()
  }

  /** The instance stops and another one takes over: nothing that it remembered may matter. */
  async restart(policy: Policy): Promise<void> {
    const before = this.instance
    this.policy = policy
    this.instance = await before.another(settingsOf(policy))
    await before.server.close()
  }

  /** A form, as a client sends it. */
  post(path: string, form: Record<string, string>, by?: Client): Promise<Answer> {
    const credentials = by ? known(this.clients, by) : this.inspector
    return this.instance.post(path, form, basic(credentials?.id ?? '', credentials?.secret ?? ''))
  }

  /** Why the last request was refused, by the server's own log. */
  lastReason(): string | undefined {
    return this.instance.log.findLast((line) => line.msg === 'refused')?.reason
  }

  browser(jar: Map<string, string>): BrowserOnWire {
    const browser = new BrowserOnWire(this.instance.url)
    for (const [name, value] of jar) browser.jar.set(name, value)
    return browser
  }

  /** Opens the authorization request of a client. */
  async authorize(
    browser: BrowserOnWire,
    client: Client,
    parameters: { scope: string; prompt: string },
  ): Promise<{ page: Page; verifier: string }> {
    const verifier = randomBytes(32).toString('base64url')
    const query = new URLSearchParams({
      client_id: known(this.clients, client).id,
      redirect_uri: redirectUri,
      response_type: 'code',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...parameters,
    })
    return { page: await browser.open(`/authorize?${query}`), verifier }
  }

  /** Sends the form of a page like a person. After a restart the browser still knows the server by its old name. */
  submit(browser: BrowserOnWire, page: Page, fields: Record<string, string>): Promise<Page> {
    return browser.submit(page, fields, { origin: this.issuer })
  }

  passwordOf(user: User): string {
    return `${password}${user.passwords === 0 ? '' : ` ${user.passwords}`}`
  }

  /** An act of administration, which has to succeed. */
  async admin<Body>(method: string, path: string, body?: unknown): Promise<Body> {
    const answer = await this.instance.admin<Body>(method, path, body)
    if (answer.status >= 300)
      throw new Error(`${method} ${path} was refused: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }
}

/** What stands for something of the model in the real world. */
export function known<Key extends { readonly label: string }, Value>(names: Map<Key, Value>, key: Key): Value {
  const value = names.get(key)
  if (value === undefined) throw new Error(`the test has lost ${key.label}`)
  return value
}

/** One of a fixed set, by number. */
export function nth<Item>(items: readonly Item[], index: number): Item {
  const item = items[index % items.length]
  if (item === undefined) throw new Error('there is none')
  return item
}

import { Browser } from '../../support/browser.ts'
import { adminClient, password, type TestClient } from '../../support/server.ts'
import { basic, claimsOf } from '../../support/tokens.ts'
import { type Code, deathOf, endedBy, type Grant, Ledger, mortal, type Session, type User } from './ledger.ts'
import { Policies } from './policies.ts'
import type { Stage } from './stage.ts'

const now = () => performance.now()
export const redirectUri = 'https://app.example.com/callback'

/** What came of a race. */
export interface Findings {
  /** Operation → outcome → how often. */
  readonly counts: Record<string, Record<string, number>>
  /** Successes that began after the answer of an ending that covers them. */
  readonly survivors: string[]
  /** Endings of what nobody had ended. */
  readonly innocents: string[]
  /** Answers of 500 and above, and requests without any. */
  readonly failures: string[]
}

/** What people, applications and administrators do, at any instance. Each act is counted, and a success is held against the ledger. */
export class Acts {
  readonly ledger = new Ledger()
  readonly policies = new Policies()
  readonly findings: Findings = { counts: {}, survivors: [], innocents: [], failures: [] }
  readonly stage: Stage
  private adminToken: Promise<string> | undefined
  private adminTokenAt = 0

  constructor(stage: Stage) {
    this.stage = stage
  }

  count(operation: string, outcome: string): void {
    const outcomes = (this.findings.counts[operation] ??= {})
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }

  /** One refresh with the newest token that is known. */
  async refresh(grant: Grant, operation = 'refresh'): Promise<boolean> {
    const { client } = grant.code
    const startedAt = now()
    const isAlone = grant.underWay === 0
    const turn = ++grant.begun
    const token = grant.refreshToken
    grant.presented = token
    grant.underWay++
    const { status, body } = await this.post(operation, '/token', client, {
      grant_type: 'refresh_token',
      refresh_token: token,
    }).finally(() => grant.underWay--)
    if (status !== 200) {
      grant.code.session.grants = grant.code.session.grants.filter((other) => other !== grant)
      return false
    }
    this.witness(operation, grant, startedAt)
    const idleMs = isAlone && grant.begun === turn ? startedAt - grant.usedAt : 0
    const broken = this.policies.brokenBy({ client, offline: grant.offline, startedAt, idleMs })
    if (broken) this.findings.survivors.push(`${operation}: ${broken}`)
    grant.usedAt = now()
    grant.accessToken = String(body['access_token'])
    if (token === grant.refreshToken) {
      grant.refreshToken = String(body['refresh_token'])
      grant.older.push(token)
    }
    return true
  }

  async introspect(grant: Grant, operation = 'introspect'): Promise<boolean> {
    const startedAt = now()
    const { body } = await this.post(operation, '/introspect', grant.code.client, { token: grant.accessToken })
    const isActive = body['active'] === true
    if (isActive) this.witness(operation, grant, startedAt)
    return isActive
  }

  async exchange(code: Code, operation = 'exchange'): Promise<Grant | undefined> {
    const startedAt = now()
    const { client, session } = code
    const at = session.codes.indexOf(code)
    if (at >= 0) session.codes.splice(at, 1)
    const { status, body } = await this.post(operation, '/token', client, {
      grant_type: 'authorization_code',
      code: code.code,
      redirect_uri: redirectUri,
      code_verifier: code.verifier,
    })
    if (status !== 200) return undefined
    this.witness(operation, code, startedAt)
    const broken = this.policies.brokenBy({ client, offline: false, startedAt, idleMs: 0 })
    if (broken) this.findings.survivors.push(`${operation}: ${broken}`)
    const accessToken = String(body['access_token'])
    const { gid, rvp, sid } = claimsOf(accessToken)
    const grant: Grant = {
      ...mortal(),
      kind: 'grant',
      code,
      offline: sid === undefined,
      gid: String(gid),
      rvp,
      bornAt: now(),
      refreshToken: String(body['refresh_token']),
      accessToken,
      older: [],
      usedAt: now(),
      begun: 0,
      underWay: 0,
      presented: '',
    }
    if (typeof body['id_token'] === 'string') session.idToken = body['id_token']
    this.ledger.add(grant)
    return grant
  }

  /** A code for nothing but the cookie (`prompt=none`). */
  async authorize(session: Session, client: TestClient, offline = false): Promise<Code | undefined> {
    const { url, verifier } = this.request(client, { prompt: 'none', scope: scopeOf(offline) })
    const startedAt = now()
    const page = await this.counted('authorize', () => this.browserOf(session).request(url))
    const code = page?.location?.searchParams.get('code')
    this.count('authorize', code ? 'code' : (page?.location?.searchParams.get('error') ?? String(page?.status)))
    if (!code) return undefined
    this.witness('authorize', session, startedAt)
    const made: Code = { ...mortal(), kind: 'code', session, client, code, verifier, bornAt: now() }
    // One that comes out of an ended session is tried again like what was there before.
    if (this.ledger.sessions.has(session)) session.codes.push(made)
    else if (deathOf(made) < Number.POSITIVE_INFINITY) this.ledger.graves.push(made)
    return made
  }

  /** A sign-in with the password, in a new browser or once more in the one that the session is in. */
  async signIn(user: User, client: TestClient, again?: Session): Promise<Session | undefined> {
    const browser = again ? this.browserOf(again) : new Browser(this.stage.any().url)
    const { url, verifier } = this.request(client, { scope: scopeOf(false), ...(again ? { prompt: 'login' } : {}) })
    const form = await this.counted('login', () => browser.open(url))
    if (!form?.body.includes('id="password"')) {
      this.count('login', 'no form')
      return undefined
    }
    const startedAt = now()
    const fields = { username: user.username, password }
    const page = await this.counted('login', () => browser.submit(form, fields, { origin: this.stage.issuer }))
    const code = page?.location?.searchParams.get('code')
    const sid = [...browser.jar].find(([name]) => name.startsWith('sso'))?.[1].split('.')[0]
    const isRenewed = again !== undefined && again.sid === sid
    const done = isRenewed ? 'renewed' : 'signed in'
    this.count('login', code ? done : (page?.location?.searchParams.get('error') ?? String(page?.status)))
    if (!code || sid === undefined) return undefined
    if (again && isRenewed) {
      this.witness('login', again, startedAt)
      again.browser = browser
      return again
    }
    const session: Session = {
      ...mortal(),
      kind: 'session',
      sid,
      user,
      client,
      bornAt: now(),
      browser,
      meetings: 0,
      idToken: undefined,
      codes: [],
      grants: [],
    }
    session.codes.push({ ...mortal(), kind: 'code', session, client, code, verifier, bornAt: now() })
    this.ledger.sessions.add(session)
    return session
  }

  /** The browser of a session, at any instance. */
  browserOf(session: Session): Browser {
    const browser = new Browser(this.stage.any().url)
    for (const [name, value] of session.browser.jar) browser.jar.set(name, value)
    return browser
  }

  /** A request of an administrator: its status and what it answered. */
  async admin(operation: string, method: string, endpoint: string, document?: object) {
    if (!this.adminToken || now() - this.adminTokenAt > 60_000) {
      this.adminTokenAt = now()
      const form = { grant_type: 'client_credentials', scope: 'admin' }
      const answer = this.stage.any().post('/token', form, basic(adminClient.id, adminClient.secret))
      this.adminToken = answer.then(({ body }) => String(body['access_token']))
    }
    const headers = {
      authorization: `Bearer ${await this.adminToken}`,
      ...(document ? { 'content-type': 'application/json' } : {}),
    }
    const init = { method, headers, ...(document ? { body: JSON.stringify(document) } : {}) }
    const answer = await this.counted(operation, async () => {
      const response = await fetch(`${this.stage.any().url}/admin/v1${endpoint}`, init)
      return { status: response.status, body: await response.text() }
    })
    this.count(operation, String(answer?.status))
    return { isDone: answer !== undefined && answer.status < 300, body: answer?.body ?? '' }
  }

  /** Runs a request; none may fail, and none be answered with a fault of the server. */
  async counted<T extends { status: number; body: unknown }>(
    operation: string,
    send: () => Promise<T>,
  ): Promise<T | undefined> {
    try {
      const answer = await send()
      if (answer.status >= 500)
        this.findings.failures.push(`${operation}: ${answer.status} ${JSON.stringify(answer.body).slice(0, 200)}`)
      return answer
    } catch (error) {
      this.count(operation, 'no answer')
      this.findings.failures.push(`${operation}: ${String(error)}`)
      return undefined
    }
  }

  private async post(operation: string, path: string, client: TestClient, form: Record<string, string>) {
    const headers = basic(client.clientId, client.secret ?? '')
    const answer = await this.counted(operation, () => this.stage.any().post(path, form, headers))
    if (!answer) return { status: 0, body: {} as Record<string, unknown> }
    const { error, active } = answer.body
    const said = typeof error === 'string' ? ` ${error}` : typeof active === 'boolean' ? ` active: ${active}` : ''
    this.count(operation, `${answer.status}${said}`)
    return answer
  }

  private witness(operation: string, thing: Session | Code | Grant, startedAt: number): void {
    const lateMs = startedAt - deathOf(thing)
    if (lateMs > 0)
      this.findings.survivors.push(
        `${operation} of a ${thing.kind}${thing.kind === 'grant' && thing.offline ? ' (offline)' : ''} ` +
          `began ${lateMs.toFixed(1)} ms after the answer to "${endedBy(thing)}"`,
      )
  }

  private request(client: TestClient, parameters: Record<string, string>) {
    const { url, verifier } = client.request(parameters)
    const { pathname, search } = new URL(url)
    return { url: pathname + search, verifier }
  }
}

const scopeOf = (offline: boolean) => `openid profile${offline ? ' offline_access' : ''}`

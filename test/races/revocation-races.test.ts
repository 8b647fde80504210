import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Browser } from '../support/browser.ts'
import { type Instance, startInstances } from '../support/instance.ts'
import { adminClient, startServer, type TestClient, type TestServer, type Tokens } from '../support/server.ts'
import { at, basic, claimsOf } from '../support/tokens.ts'

let server: TestServer
let instances: Instance[]
beforeAll(async () => {
  server = await startServer()
  instances = await startInstances(server, 3)
})
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.end('SIGTERM')))
  await server.close()
})

const any = () => instances[Math.floor(Math.random() * instances.length)] as Instance
const jitter = (ms: number) => sleep(Math.random() * ms)

interface Person {
  readonly userId: string
  readonly client: TestClient
  readonly tokens: Tokens & { browser: Browser }
}
interface Target {
  readonly call: (person: Person) => { method: string; path: string; body: object }
  /** What has to be impossible afterwards, beside the refresh. */
  readonly endsCodes: boolean
  readonly endsSession: boolean
}
const revocation =
  (body: (p: Person) => object): Target['call'] =>
  (p) => ({ method: 'POST', path: '/revocations', body: body(p) })
const line =
  (body: (p: Person) => object): Target['call'] =>
  (p) => ({ method: 'PUT', path: '/not-before', body: { ...body(p), not_before: 'now' } })
const sid = ({ tokens }: Person) => claimsOf(tokens.access_token).sid
const gid = ({ tokens }: Person) => claimsOf(tokens.access_token).gid

const targets: Record<string, Target> = {
  session: { call: revocation((p) => ({ session_id: sid(p) })), endsCodes: true, endsSession: true },
  grant: { call: revocation((p) => ({ grant_id: gid(p) })), endsCodes: false, endsSession: false },
  user: { call: revocation((p) => ({ user_id: p.userId })), endsCodes: true, endsSession: true },
  'user at a client': {
    call: revocation((p) => ({ user_id: p.userId, client_id: p.client.clientId })),
    endsCodes: true,
    endsSession: false,
  },
  client: { call: revocation((p) => ({ client_id: p.client.clientId })), endsCodes: true, endsSession: false },
  'not-before of a user': { call: line((p) => ({ scope: 'user', id: p.userId })), endsCodes: true, endsSession: true },
  'not-before of a client': {
    call: line((p) => ({ scope: 'client', id: p.client.clientId })),
    endsCodes: true,
    endsSession: false,
  },
  disable: {
    call: (p) => ({ method: 'POST', path: `/users/${p.userId}/disable`, body: {} }),
    endsCodes: true,
    endsSession: true,
  },
  all: { call: revocation(() => ({ all: true })), endsCodes: true, endsSession: true },
  'not-before of the server': { call: line(() => ({ scope: 'server' })), endsCodes: true, endsSession: true },
}
const onePerson = Object.keys(targets).filter((name) => name !== 'all' && name !== 'not-before of the server')

/** Ends the target at some instance; resolves at its 2xx. */
async function end({ url }: Instance, token: string, { call }: Target, person: Person): Promise<void> {
  const { method, path, body } = call(person)
  const response = await fetch(`${url}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
}
const adminToken = async () => {
  const { body } = await any().post(
    '/token',
    { grant_type: 'client_credentials', scope: 'admin' },
    basic(adminClient.id, adminClient.secret),
  )
  return String(body['access_token'])
}

/** The same browser, at another instance. */
const browserAt = ({ url }: Instance, { jar }: Browser): Browser => {
  const browser = new Browser(url)
  for (const [name, value] of jar) browser.jar.set(name, value)
  return browser
}

interface Tally {
  rounds: number
  /** Successes of requests that began before the answer: the race is real. */
  before: number
  /** Refusals of requests that began before the answer. */
  refused: number
  survivors: string[]
}

/** One person, one ending, and everything that the person can do at the same time; counts what succeeded though it began after the 2xx. */
async function round(name: string, person: Person, tally: Tally): Promise<void> {
  const target = targets[name] as Target
  const { client, tokens } = person
  const { code, verifier } = await client.signIn({ browser: tokens.browser, parameters: { scope: 'profile' } })
  const token = await adminToken()
  let endedAt = Number.POSITIVE_INFINITY
  const over = new AbortController()
  const accessTokens = [tokens.access_token]
  const attempt = async (what: string, work: () => Promise<boolean>, counts = true): Promise<boolean> => {
    const startedAt = performance.now()
    const succeeded = await work()
    if (startedAt > endedAt) {
      if (succeeded && counts) tally.survivors.push(`${name}: ${what}`)
    } else if (succeeded) tally.before++
    else tally.refused++
    return succeeded
  }

  let current = tokens.refresh_token
  const refreshing = async () => {
    while (!over.signal.aborted) {
      await attempt('refresh', async () => {
        const { status, body } = await at(any(), client).refresh(current)
        if (status === 200) {
          current = body.refresh_token
          accessTokens.push(body.access_token)
        }
        return status === 200
      })
    }
  }
  const introspecting = async () => {
    while (!over.signal.aborted) await attempt('introspection', () => at(any(), client).isActive(tokens.access_token))
  }
  let exchanged: Tokens | undefined
  const exchange = (atInstance: Instance) =>
    attempt(
      'exchange',
      async () => {
        const form = {
          grant_type: 'authorization_code',
          code,
          redirect_uri: client.redirectUri,
          code_verifier: verifier,
        }
        const { status, body } = await at(atInstance, client).post('/token', form)
        if (status === 200) exchanged = body as unknown as Tokens
        return status === 200
      },
      target.endsCodes,
    )
  const codes: { code: string; verifier: string }[] = []
  const reuse = (atInstance: Instance) =>
    attempt(
      'single sign-on',
      async () => {
        const request = client.request({ prompt: 'none', scope: 'profile' })
        const url = request.url.replace(server.url, atInstance.url)
        const page = await browserAt(atInstance, tokens.browser).request(url)
        const fresh = page.location?.searchParams.get('code') ?? ''
        if (fresh !== '') codes.push({ code: fresh, verifier: request.verifier })
        return fresh !== ''
      },
      target.endsSession,
    )

  const ending = async () => {
    await jitter(4)
    await end(any(), token, target, person)
    endedAt = performance.now()
    await sleep(3)
    over.abort()
  }
  const workers = [
    refreshing(),
    introspecting(),
    jitter(4).then(() => exchange(any())),
    jitter(4).then(() => reuse(any())),
    ending(),
  ]
  await Promise.all(workers)

  // Afterwards, on every instance: nothing of it works.
  await Promise.all(
    instances.map(async (instance) => {
      await attempt('refresh', async () => (await at(instance, client).refresh(current)).status === 200)
      for (const accessToken of accessTokens.slice(-3))
        await attempt('introspection', () => at(instance, client).isActive(accessToken))
      await reuse(instance)
      if (!exchanged) await exchange(instance)
      else if (target.endsCodes) {
        const made = exchanged
        await attempt(
          'refresh of the exchanged grant',
          async () => (await at(instance, client).refresh(made.refresh_token)).status === 200,
        )
        await attempt('introspection of the exchanged grant', () => at(instance, client).isActive(made.access_token))
      }
    }),
  )
  if (target.endsSession) {
    for (const { code, verifier } of codes) {
      await attempt('exchange of a code from the session', async () => {
        const form = {
          grant_type: 'authorization_code',
          code,
          redirect_uri: client.redirectUri,
          code_verifier: verifier,
        }
        return (await at(any(), client).post('/token', form)).status === 200
      })
    }
  }
  // And no row is left that only another row keeps dead: an exchange in flight is either refused or found by the ending.
  if (target.endsSession && name !== 'all' && name !== 'not-before of the server') {
    const left = await server.db.query(
      'select from grants where session_id = $1 and not offline and revoked_at is null',
      [sid(person)],
    )
    for (const _ of left) tally.survivors.push(`${name}: the row of a grant`)
  }
  tally.rounds++
}

async function makePerson(client: TestClient): Promise<Person> {
  const { id, username } = await server.createUser()
  return { userId: id, client, tokens: await client.tokens({ username, parameters: { scope: 'profile' } }) }
}

const newTally = (): Tally => ({ rounds: 0, before: 0, refused: 0, survivors: [] })
const report = (title: string, { rounds, before, refused, survivors }: Tally) =>
  console.log(
    `${title}: ${rounds} rounds, ${before} requests came first, ${refused} were refused in flight, ${survivors.length} survivors`,
  )

describe('keycloak#51312: an ending races everything that it ends, over three processes', () => {
  it('after the 2xx nothing that starts later succeeds on any instance: 160 rounds, 0 survivors', async () => {
    const tally = newTally()
    const lane = async () => {
      const client = await server.createClient()
      for (const name of onePerson) for (let i = 0; i < 5; i++) await round(name, await makePerson(client), tally)
    }
    await Promise.all([lane(), lane(), lane(), lane()])
    report('one person or client', tally)
    expect(tally.survivors).toEqual([])
    expect(tally.rounds).toBe(160)
    expect(tally.before).toBeGreaterThan(160)
  })

  it('the same for everything at once: 40 rounds, 0 survivors', async () => {
    const tally = newTally()
    const client = await server.createClient()
    for (let i = 0; i < 20; i++) {
      await round('all', await makePerson(client), tally)
      await round('not-before of the server', await makePerson(client), tally)
    }
    report('everything', tally)
    expect(tally.survivors).toEqual([])
    expect(tally.rounds).toBe(40)
    expect(tally.before).toBeGreaterThan(40)
  })
})

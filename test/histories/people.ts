import { createHash, randomBytes } from 'node:crypto'
import { Browser, type Page } from '../support/browser.ts'
import type { Code } from './action.ts'
import { type Actors, type By, urlOf } from './actors.ts'
import { password, redirectUri } from './clients.ts'
import { type Completion, hashOf } from './recorder.ts'
import { patienceMs } from './wire.ts'

/** A user of the run. */
export interface Person {
  readonly sub: string
  readonly username: string
}

/** A browser that waits so long and no longer, and goes to any instance with the same cookies. */
export class PatientBrowser extends Browser {
  override async request(url: string, init: RequestInit = {}): Promise<Page> {
    return super.request(url, { ...init, signal: AbortSignal.timeout(patienceMs) })
  }

  at(origin: string): PatientBrowser {
    const copy = new PatientBrowser(origin)
    for (const [name, value] of this.jar) copy.jar.set(name, value)
    return copy
  }

  adopt(other: Browser): void {
    this.jar.clear()
    for (const [name, value] of other.jar) this.jar.set(name, value)
  }
}

export interface Authorization {
  readonly client: string
  readonly person: Person
  readonly browser: PatientBrowser
  readonly offline?: boolean
  /** The session that the browser has, for a sign-on without a form; what is asked for then is `prompt=none`. */
  readonly sid?: string
  /** Sends the login form this many times at once, to other instances. */
  readonly submits?: number
}

/** Through the pages to a code, with the form or, in a browser that has a session, without. Undefined: there was none. */
export async function authorize(request: Authorization, by: By, actors: Actors, issuer: string): Promise<Code[]> {
  const { client, person, browser, sid } = request
  const codes: Code[] = []
  const verifier = randomBytes(32).toString('base64url')
  const about = {
    op: sid === undefined ? 'log in' : 'single sign-on',
    client,
    sub: person.sub,
    ...(sid === undefined ? {} : { sid }),
  } as const
  await actors.recorder.record({ ...by, ...about }, async () => {
    const walking = browser.at(urlOf(by, actors))
    const pages = await walk(walking, request, verifier, actors, issuer)
    for (const code of pages.map(codeOn)) if (code !== undefined) codes.push({ client, code, verifier })
    if (codes.length > 0) return { outcome: 'ok', codes: codes.map(({ code }) => hashOf(code)) }
    return refusalOn(pages[0])
  })
  return codes
}

async function walk(
  walking: PatientBrowser,
  { client, person, browser, offline, sid, submits = 1 }: Authorization,
  verifier: string,
  { instances }: Actors,
  issuer: string,
): Promise<Page[]> {
  const query = new URLSearchParams({
    client_id: client,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: offline === true ? 'openid offline_access' : 'openid profile',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...(sid === undefined ? {} : { prompt: 'none' }),
  })
  const first = await walking.open(`/authorize?${query}`)
  if (sid !== undefined || !first.body.includes('id="password"')) return [first]
  const { pathname, search } = new URL(first.url)
  const pages = await Promise.all(
    Array.from({ length: submits }, async (_, i) => {
      const own = i === 0 ? walking : walking.at(instances[i % instances.length] ?? '')
      const form = { ...first, url: own.origin + pathname + search }
      const page = await own.submit(form, { username: person.username, password }, { origin: issuer })
      if (i === 0 || codeOn(page) !== undefined) browser.adopt(own)
      return page
    }),
  )
  return pages
}

const codeOn = (page: Page | undefined): string | undefined => page?.location?.searchParams.get('code') ?? undefined

function refusalOn(page: Page | undefined): Completion {
  const status = page?.status ?? 0
  if (status >= 500) return { outcome: 'info', error: String(status) }
  return { outcome: 'fail', error: page?.location?.searchParams.get('error') ?? `page ${status}` }
}

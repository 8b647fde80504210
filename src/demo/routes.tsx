import { readFileSync } from 'node:fs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { type ActionName, act, actions } from './actions.ts'
import { type Exchange, recordInto } from './exchange.ts'
import type { RelyingParty } from './relying-party.ts'
import { explain } from './report.ts'
import { type DemoSession, isOwnForm, remember, type Sessions } from './sessions.ts'
import { HomePage } from './views/home.tsx'
import { StartPage } from './views/start.tsx'
import { TroublePage } from './views/trouble.tsx'

/** Everything that the pages of the demo work with. */
export interface DemoRoom {
  readonly url: string
  readonly issuer: string
  readonly notesUrl: string
  readonly signedOutUrl: string
  readonly username: string
  readonly relyingParty: RelyingParty
  readonly sessions: Sessions
  readonly cookieName: string
}

const stylesheet = readFileSync(new URL('./views/demo.css', import.meta.url), 'utf8')
const icon = readFileSync(new URL('./views/icon.svg', import.meta.url), 'utf8')
const notOurForm = {
  title: 'This form is too old',
  says: 'The page was made before the app was restarted, or in another browser. Nothing was done.',
}
const welcome = {
  tone: 'good',
  title: 'You are signed in',
  says: 'You came back with a code. The app has traded it for tokens, checked the ID token, and asked for your name.',
} as const
const unknownLogin = {
  title: 'This login was not begun here',
  says: 'This browser has not begun the login that it brings back, or has finished it already.',
}

/** The pages of the demo: they work without a script. */
export function demoRoutes(app: FastifyInstance, room: DemoRoom): void {
  const { url, issuer, relyingParty, sessions } = room
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, new URLSearchParams(String(body))),
  )
  app.addHook('onRequest', async (request, reply) => {
    setHeaders(reply, issuer)
    // One host name: cookies and the registered addresses belong to it, and a foreign name must not reach the pages.
    if (request.headers.host !== new URL(url).host)
      return reply.redirect(url + (request.method === 'GET' ? request.url : '/'), 303)
    return undefined
  })
  app.setNotFoundHandler((_request, reply) =>
    trouble(reply, 404, { title: 'Not found', says: 'The demo has no such page.' }),
  )
  app.setErrorHandler((error, _request, reply) => trouble(reply, 500, explain(error, issuer)))

  app.get('/demo.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(stylesheet))
  app.get('/icon.svg', (_request, reply) => reply.type('image/svg+xml').send(icon))

  app.get('/', async (request, reply) => {
    const session = open(request, reply)
    const { signedIn, report, csrf } = session
    if (!signedIn) return page(reply, <StartPage csrf={csrf} issuer={issuer} username={room.username} />)
    return page(reply, <HomePage csrf={csrf} issuer={issuer} signedIn={signedIn} report={report} now={now()} />)
  })

  app.get('/signed-out', async (request, reply) => {
    const { csrf } = open(request, reply)
    return page(reply, <StartPage csrf={csrf} issuer={issuer} username={room.username} isSignedOut />)
  })

  app.post('/login', async (request, reply) => {
    const session = ownSession(request)
    if (!session) return trouble(reply, 403, notOurForm)
    const { url: location, pending } = await relyingParty.begin({ offline: fields(request).get('offline') === 'on' })
    remember(session, pending)
    return reply.redirect(location.href, 303)
  })

  app.get('/callback', async (request, reply) => {
    const callback = new URL(request.url, url)
    const session = sessions.find(request.cookies[room.cookieName])
    const pending = session?.pending.get(callback.searchParams.get('state') ?? '')
    if (!session || !pending) return trouble(reply, 400, unknownLogin)
    session.pending.delete(pending.state)
    try {
      const exchanges: Exchange[] = []
      const { tokens, person, offline } = await recordInto(exchanges, () => relyingParty.finish(callback, pending))
      // A session of its own for each login: an identifier from before it must not lead into the account.
      sessions.remove(session)
      const fresh = begin(reply)
      fresh.signedIn = { tokens, person, offline, isRevoked: false }
      fresh.report = { ...welcome, exchanges }
      return reply.redirect('/', 303)
    } catch (error) {
      return trouble(reply, 400, explain(error, issuer))
    }
  })

  for (const name of Object.keys(actions) as ActionName[]) {
    app.post(`/${name}`, async (request, reply) => {
      const session = ownSession(request)
      if (!session) return trouble(reply, 403, notOurForm)
      if (!session.signedIn) return reply.redirect('/', 303)
      const { signedIn, report } = await act(name, session.signedIn, room)
      Object.assign(session, { signedIn, report })
      return reply.redirect('/', 303)
    })
  }

  app.post('/logout', async (request, reply) => {
    const session = ownSession(request)
    if (!session) return trouble(reply, 403, notOurForm)
    sessions.remove(session)
    reply.clearCookie(room.cookieName, { path: '/' })
    if (!session.signedIn) return reply.redirect('/', 303)
    // OpenID Connect RP-Initiated Logout 1.0 §2: the issuer ends its session, and with it what hangs on it.
    const location = await relyingParty.logoutUrl(session.signedIn.tokens, room.signedOutUrl)
    return reply.redirect(location.href, 303)
  })

  const begin = (reply: FastifyReply): DemoSession => {
    const session = sessions.begin()
    reply.setCookie(room.cookieName, session.id, { path: '/', httpOnly: true, sameSite: 'lax' })
    return session
  }
  const open = (request: FastifyRequest, reply: FastifyReply): DemoSession =>
    sessions.find(request.cookies[room.cookieName]) ?? begin(reply)
  const ownSession = (request: FastifyRequest): DemoSession | undefined => {
    const session = sessions.find(request.cookies[room.cookieName])
    return session && isOwnForm(session, fields(request).get('csrf')) ? session : undefined
  }
  const trouble = (reply: FastifyReply, status: number, what: Parameters<typeof TroublePage>[0]['trouble']) =>
    page(reply.status(status), <TroublePage trouble={what} issuer={issuer} />)
}

const fields = (request: FastifyRequest): URLSearchParams =>
  request.body instanceof URLSearchParams ? request.body : new URLSearchParams()

const page = (reply: FastifyReply, view: VNode): FastifyReply =>
  reply.type('text/html; charset=utf-8').send(`<!doctype html>${renderToString(view)}`)

/** For showing only: whether a token is alive is decided by others. */
const now = (): number => Math.floor(Date.now() / 1000)

/** A form may lead to the issuer: browsers apply `form-action` to the redirect after a POST too. */
function setHeaders(reply: FastifyReply, issuer: string): void {
  const { origin } = new URL(issuer)
  reply.headers({
    'content-security-policy': `default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self' ${origin}; base-uri 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  })
}

import { type Arbitrary, constant, constantFrom, oneof, record } from 'fast-check'
import { askSilently, compareAuthorization } from '../acts.ts'
import { same } from '../expectation.ts'
import { authorizeSilently, signIn } from '../rules/sign-in.ts'
import type { Browser, Session } from '../state.ts'
import { known, nth, type World } from '../world.ts'
import { pick, recent, step } from './step.ts'

/** Mostly the first of each: what happens to the same people and clients is what can go wrong. */
const mostly = (others: Arbitrary<number>) =>
  oneof({ weight: 2, arbitrary: constant(0) }, { weight: 1, arbitrary: others })
const client = mostly(constantFrom(1, 2))
const browser = mostly(constant(1))
const requested = constantFrom('openid', 'openid profile', 'openid profile offline_access', 'openid offline_access')
const anotherPassword = 'another password that was never set'

/** prompt=login through the pages: a new session, the same person's again, or another person's in its place. */
export const login = step(
  'Login',
  record({
    browser,
    user: mostly(constant(1)),
    client,
    scope: requested,
    isToBeRemembered: oneof({ weight: 3, arbitrary: constant(false) }, { weight: 1, arbitrary: constant(true) }),
    passwordIsRight: oneof({ weight: 12, arbitrary: constant(true) }, { weight: 1, arbitrary: constant(false) }),
  }),
  (m, given) => {
    const { scope, passwordIsRight, isToBeRemembered } = given
    const browser = nth(m.browsers, given.browser)
    const user = nth(m.users, given.user)
    const client = nth(m.clients, given.client)
    return {
      told: `${user.label} signs in at ${browser.label} for ${client.label} with scope "${scope}"${isToBeRemembered ? ', to be remembered' : ''}${passwordIsRight ? '' : ', with a wrong password'}`,
      act: async (world) => {
        // A person takes a moment: a login in the very instant of the one before would count as done.
        m.now += 1
        await world.moveClock(1)
        const jar = known(world.jars, browser)
        const before = new Map(jar)
        const surfer = world.browser(jar)
        const { page: first, verifier } = await world.authorize(surfer, client, { scope, prompt: 'login' })
        let page = first
        if (page.body.includes('id="password"'))
          page = await world.submit(surfer, page, {
            username: known(world.users, user).username,
            password: passwordIsRight ? world.passwordOf(user) : anotherPassword,
            remember_me: isToBeRemembered ? 'on' : '',
          })
        if (page.body.includes('id="approve"')) page = await world.submit(surfer, page, { decision: 'approve' })
        world.jars.set(browser, surfer.jar)

        const sessionBefore = browser.session
        const told = signIn(
          m,
          browser,
          { user, passwordIsRight, isToBeRemembered },
          { client, scopes: scope.split(' ') },
        )
        compareAuthorization(world, page, told, verifier)
        if ('code' in told) learnSession(world, browser, sessionBefore, { before, after: surfer.jar })
      },
    }
  },
)

/** What a session cookie says about itself. */
function learnSession(
  world: World,
  browser: Browser,
  sessionBefore: Session | undefined,
  jar: { before: Map<string, string>; after: Map<string, string> },
): void {
  const { session } = browser
  if (!session) throw new Error('the test expected a session')
  const [sid, secret] = cookieOf(jar.after).split('.')
  if (session === sessionBefore) {
    same('the sid after a renewed login', sid, known(world.sids, session))
    same('a renewed login changes the secret', secret === cookieOf(jar.before).split('.')[1], false)
    world.oldCookies.set(session, jar.before)
  } else {
    same('a new session has a new sid', [...world.sids.values()].includes(sid ?? ''), false)
    world.sids.set(session, sid ?? '')
  }
}

const cookieOf = (jar: Map<string, string>): string => [...jar].find(([name]) => name.startsWith('sso'))?.[1] ?? ''

/** prompt=none in a browser, signed in or not. */
export const authorize = step('Authorize', record({ browser, client, scope: requested }), (m, given) => {
  const browser = nth(m.browsers, given.browser)
  const client = nth(m.clients, given.client)
  return {
    told: `${client.label} asks ${browser.label} silently for scope "${given.scope}"`,
    act: (world) => {
      const request = { client, scopes: given.scope.split(' ') }
      return askSilently(world, known(world.jars, browser), request, () =>
        authorizeSilently(m, browser.session, request),
      )
    },
  }
})

/** The cookie that a renewed login has replaced still reads for a moment: the answer with the new one may have got lost. */
export const authorizeWithOldCookie = step('AuthorizeWithOldCookie', record({ pick, client }), (m, given) => {
  const session = recent(
    m.sessions.filter((one) => one.oldCookieUntil !== undefined),
    given.pick,
  )
  if (!session) return undefined
  const client = nth(m.clients, given.client)
  return {
    told: `${client.label} asks silently, with the cookie that ${session.label} had before its last login`,
    act: (world) => {
      const request = { client, scopes: ['openid'] }
      const isGood = m.now < (session.oldCookieUntil ?? 0)
      return askSilently(world, known(world.oldCookies, session), request, () =>
        authorizeSilently(m, isGood ? session : undefined, request),
      )
    },
  }
})

import { askSilently, exchangeCode, presentRefreshToken } from './acts.ts'
import { codeLives, grantLives, isWithdrawn, sessionLives } from './rules/liveness.ts'
import { authorizeSilently } from './rules/sign-in.ts'
import type { Model } from './state.ts'
import { known, nth, type World } from './world.ts'

/** What would have given something when it was looked at last. */
const gave = new WeakSet<object>()

function stopped<Item extends object>(items: readonly Item[], gives: (item: Item) => boolean): Item[] {
  return items.filter((item) => {
    const before = gave.has(item)
    const now = gives(item)
    if (now) gave.add(item)
    else gave.delete(item)
    return before && !now
  })
}

/**
 * Whatever a step has taken away is tried at once, by whoever held it: asking about something and using it are decided by different statements,
 * and chance would try the second too rarely.
 */
export async function tryWhatStopped(m: Model, world: World): Promise<void> {
  const sessions = stopped(m.sessions, (one) => sessionLives(m, one))
  const grants = stopped(m.grants, (one) => one.hasRefreshToken && grantLives(m, one) && !isWithdrawn(one))
  const codes = stopped(m.codes, (one) => !one.isUsed && codeLives(m, one))

  for (const grant of grants) {
    await trying(`to refresh ${grant.label}`, () =>
      presentRefreshToken(m, world, grant, { by: grant.client, generation: grant.generation }),
    )
  }
  for (const code of codes) {
    if (code.isUsed) continue
    await trying(`to exchange ${code.label}`, () =>
      exchangeCode(m, world, code, { by: code.client, verifierIsRight: true, redirectUriIsRight: true }),
    )
  }
  for (const browser of m.browsers) {
    const { session } = browser
    if (!session || !sessions.includes(session)) continue
    const request = { client: nth(m.clients, 0), scopes: ['openid'] }
    await trying(`to ask silently at ${browser.label} (${session.label})`, () =>
      askSilently(world, known(world.jars, browser), request, () => authorizeSilently(m, session, request)),
    )
  }
}

async function trying(what: string, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    throw new Error(`then ${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

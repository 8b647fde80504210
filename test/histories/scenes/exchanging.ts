import type { Action, Code } from '../action.ts'
import { doomedClient, sceneClients, strangeClient } from '../clients.ts'
import type { EndingName } from '../event.ts'
import type { SignedIn, Stage } from '../stage.ts'

const [shop = strangeClient, bank = strangeClient] = sceneClients

/** What an exchange can lose a race against, besides the end of user and client. */
const endings: readonly EndingName[] = ['end session', 'log out', 'end user', 'disable user', 'reset password']

/** Codes of two clients, online and offline, redeemed at the moment at which user and client are ended, for both; several times over. */
export async function race(stage: Stage): Promise<void> {
  const signedIn = await stage.signIn(shop.id)
  const { held } = signedIn
  for (let round = 0; round < 3; round++) {
    const codes = await codesOf(stage, signedIn, [shop.id, shop.id, shop.id, bank.id, bank.id, bank.id])
    const ends = [held, { ...held, client: bank.id }].map(
      (aim): Action => ({ do: 'end', ending: 'end user and client', held: aim }),
    )
    const results = await stage.volley(
      [...ends, ...codes.map((code): Action => ({ do: 'exchange', code }))],
      2 + round * 4,
    )
    await stage.glance(results.flatMap((result) => (result.held ? [result.held] : [])))
  }
}

/** The same with the end of the session or of everything of the user. Afterwards one of the codes is tried again. */
export async function sessionRace(stage: Stage): Promise<void> {
  const ending = stage.random.pick(endings)
  const signedIn = await stage.signIn(shop.id)
  const { held } = signedIn
  const codes = await codesOf(stage, signedIn, [shop.id, shop.id, bank.id, bank.id])
  const exchanges = codes.map((code): Action => ({ do: 'exchange', code }))
  const results = await stage.volley([{ do: 'end', ending, held }, ...exchanges], 5)
  await stage.glance(results.flatMap((result) => (result.held ? [result.held] : [])))
  await stage.restore(ending, held)
  const again = await stage.do({ do: 'exchange', code: stage.random.pick(codes) })
  if (again.held) await stage.examine([again.held])
}

/** The same for the end of a client, for which no row is touched. */
export async function clientRace(stage: Stage): Promise<void> {
  const signedIn = await stage.signIn(doomedClient.id)
  const codes: Code[] = []
  for (let i = 0; i < 3; i++) codes.push(await stage.code(signedIn, doomedClient.id, i === 1))
  const ending = stage.random.pick<EndingName>(['end client', 'not-before of client'])
  const actions = codes.map((code): Action => ({ do: 'exchange', code }))
  const { held } = signedIn
  actions.push({ do: 'end', ending, held }, { do: 'refresh', held }, { do: 'introspect', held, kind: 'access' })
  const results = await stage.volley(actions, 5)
  await stage.examine(results.flatMap((result) => (result.held ? [result.held] : [])).concat(held))
}

/** One code, presented several times at once: one grant at most, and it ends. */
export async function doubleRedemption(stage: Stage): Promise<void> {
  const signedIn = await stage.signIn(bank.id)
  const code = await stage.code(signedIn, bank.id, stage.random.chance(0.5))
  const exchange: Action = { do: 'exchange', code }
  const results = await stage.volley([exchange, exchange, exchange], 3)
  await stage.examine(results.flatMap((result) => (result.held ? [result.held] : [])).concat(signedIn.held))
}

/** A code that comes back later: what it gave ends, and nothing else. */
export async function replay(stage: Stage): Promise<void> {
  const signedIn = await stage.signIn(shop.id)
  const code = await stage.code(signedIn, shop.id)
  const first = await stage.redeem(code)
  const second = await stage.rotate(first)
  await stage.volley(
    [
      { do: 'exchange', code },
      { do: 'refresh', held: second },
    ],
    3,
  )
  await stage.examine([second, signedIn.held])
}

/** The login form of one transaction, sent three times at once to three instances. */
export async function doubleLogin(stage: Stage): Promise<void> {
  const { held } = await stage.signIn(bank.id, { submits: 3 })
  await stage.examine([held])
}

/** All at once, every other one offline, more or less. */
function codesOf(stage: Stage, signedIn: SignedIn, clients: readonly string[]): Promise<Code[]> {
  return Promise.all(clients.map((client) => stage.code(signedIn, client, stage.random.chance(0.5))))
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Action } from '../action.ts'
import { hastyClient, sceneClients, strangeClient, strictClient } from '../clients.ts'
import type { Stage } from '../stage.ts'
import type { Held } from '../wire.ts'

const [shop = strangeClient, bank = strangeClient] = sceneClients

/** Many tabs refresh one token at once, again and again: all get the same successor. */
export async function storm(stage: Stage): Promise<void> {
  const { held } = await stage.signIn(shop.id, { offline: stage.random.chance(0.3) })
  let current = held
  for (let round = 0; round < 4; round++) {
    const refresh: Action = { do: 'refresh', held: current }
    const results = await stage.volley(
      Array.from({ length: 6 }, () => refresh),
      round % 2 === 0 ? 0 : 4,
    )
    const next = results.find((result) => result.held)?.held
    if (!next) break
    current = next
  }
  await stage.examine([current])
}

/** Where no retry is allowed, many at once have one winner, whoever they are decided together with. */
export async function strictStorm(stage: Stage): Promise<void> {
  const signedIn = await Promise.all([1, 2, 3].map(() => stage.signIn(strictClient.id)))
  const refresh = signedIn.map(({ held }): Action => ({ do: 'refresh', held }))
  const results = await stage.volley(Array.from({ length: 6 }, () => refresh).flat(), 0)
  await stage.examine(results.flatMap((result) => (result.held ? [result.held] : [])))
}

/** Tabs that do not know of each other and go on with what they got: whoever comes late presents what is two generations old. */
export async function chains(stage: Stage): Promise<void> {
  const { held } = await stage.signIn(shop.id)
  const chain: Action = { do: 'refresh', held, chain: 3 }
  const looks: Action = { do: 'introspect', held, kind: 'access' }
  const results = await stage.volley([chain, chain, chain, looks], 3)
  await stage.examine(results.flatMap((result) => (result.held ? [result.held] : [])).concat(held))
}

/** A token two generations old, inside the grace: the grant ends, and only that grant. */
export async function theft(stage: Stage): Promise<void> {
  const signedIn = await stage.signIn(shop.id)
  const { held: stolen } = signedIn
  const sibling = await stage.redeem(await stage.code(signedIn, stage.random.pick([shop, bank]).id))
  const second = await stage.rotate(stolen)
  const third = await stage.rotate(second)
  const thief: Action = { do: 'refresh', held: stolen }
  if (stage.random.chance(0.5)) {
    const looks: Action[] = [
      { do: 'refresh', held: third },
      { do: 'introspect', held: third, kind: 'access' },
    ]
    await stage.volley([thief, ...looks, thief], 3)
  } else await stage.do(thief)
  await stage.examine([third, second, sibling])
}

/** The grace is counted from the first rotation, however often the retry was answered since. */
export async function lateRetry(stage: Stage): Promise<void> {
  const { held: first } = await stage.signIn(hastyClient.id)
  const second = await stage.rotate(first)
  const graceMs = hastyClient.graceSeconds * 1000
  const retry = () => stage.do({ do: 'refresh', held: first })
  if (stage.random.chance(0.7)) {
    await sleep(graceMs * 0.4)
    await retry()
    await sleep(graceMs * 0.35)
    await retry()
    await sleep(graceMs * 0.5)
  } else await sleep(graceMs * 1.2)
  await stage.volley(
    [
      { do: 'refresh', held: first },
      { do: 'refresh', held: first },
    ],
    2,
  )
  await stage.examine([second])
}

/** A stranger can do nothing with the tokens of another client, not even harm. */
export async function stranger(stage: Stage): Promise<void> {
  const { held: first } = await stage.signIn(bank.id)
  const second = await stage.rotate(first)
  const third = await stage.rotate(second)
  const presents = (held: Held): Action => ({ do: 'refresh', held, as: strangeClient.id })
  const revokes: Action = { do: 'revoke foreign token', held: third, as: strangeClient.id }
  await stage.volley([presents(first), presents(second), presents(third), revokes, { do: 'userinfo', held: third }], 3)
  await stage.examine([third])
}

import type { Action } from '../action.ts'
import { doomedClient, sceneClients, strangeClient } from '../clients.ts'
import { type EndingName, endingNames } from '../event.ts'
import type { Stage } from '../stage.ts'

const [shop = strangeClient, bank = strangeClient] = sceneClients
const endings = endingNames.filter((name) => name !== 'end all' && !name.endsWith('client'))
const all: readonly EndingName[] = [...endings, 'end user and client']

/** An ending, sometimes two, in the middle of everything that it ends; a sibling that it does not end looks on. */
export async function race(stage: Stage): Promise<void> {
  const ending = stage.random.pick(all)
  const offline = stage.random.chance(0.3)
  const signedIn = await stage.signIn(shop.id, { offline })
  const { held } = signedIn
  const sibling = await stage.redeem(await stage.code(signedIn, bank.id, stage.random.chance(0.5)))
  const current = await stage.rotate(held)
  await Promise.all([0, 1, 2].map((i) => stage.do({ do: 'introspect', held: current, kind: 'access' }, i)))
  const actions: Action[] = [
    { do: 'end', ending, held: current },
    { do: 'refresh', held: current },
    { do: 'refresh', held: current },
    { do: 'refresh', held: sibling },
    { do: 'introspect', held: current, kind: 'access' },
    { do: 'userinfo', held: current },
  ]
  if (stage.random.chance(0.2)) actions.push({ do: 'end', ending: stage.random.pick(all), held: current })
  const results = await stage.volley(actions, 5)
  await stage.examine([current, sibling, ...results.flatMap((result) => (result.held ? [result.held] : []))])
  await stage.restore(ending, held)
  await stage.restore('disable user', held)
  await stage.code(signedIn, shop.id).catch(() => undefined)
}

/** One token, asked about on every instance from every process without a pause while it ends. */
export async function poll(stage: Stage): Promise<void> {
  const ending = stage.random.pick<EndingName>([
    'revoke access token',
    'end token',
    'revoke refresh token',
    'log out',
    'end grant',
    'end user',
    'end client',
  ])
  const { held } = await stage.signIn(ending === 'end client' ? doomedClient.id : shop.id)
  const look: Action = { do: 'introspect', held, kind: 'access', times: 5 }
  await stage.volley([look, look, look, { do: 'end', ending, held }, { do: 'userinfo', held }, look, look], 8)
  await stage.examine([held])
}

/** Several grants of one person end one by one and together: many positions are drawn at once. */
export async function crowd(stage: Stage): Promise<void> {
  const signedIn = await stage.signIn(shop.id)
  const grants = [signedIn.held]
  for (let i = 0; i < 3; i++) grants.push(await stage.redeem(await stage.code(signedIn, shop.id, i === 0)))
  const actions = grants.flatMap((held): Action[] => [
    { do: 'end', ending: 'end grant', held },
    { do: 'refresh', held },
  ])
  actions.push({
    do: 'end',
    ending: stage.random.pick(['end session', 'end user', 'end user and client']),
    held: signedIn.held,
  })
  const results = await stage.volley(actions, 6)
  await stage.examine([...grants, ...results.flatMap((result) => (result.held ? [result.held] : []))])
}

/** Everything ends, for everybody. */
export async function everything(stage: Stage): Promise<void> {
  const { held } = await stage.signIn(shop.id, { offline: true })
  const look: Action = { do: 'introspect', held, kind: 'access' }
  const end: Action = { do: 'end', ending: 'end all', held }
  const results = await stage.volley([look, { do: 'refresh', held }, end, { do: 'refresh', held }, look], 5)
  await stage.examine([held, ...results.flatMap((result) => (result.held ? [result.held] : []))])
}

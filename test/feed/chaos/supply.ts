import { setTimeout as sleep } from 'node:timers/promises'
import type { Actors } from '../../histories/actors.ts'
import { createAdmin } from '../../histories/admin.ts'
import { doomedClient, honestClients } from '../../histories/clients.ts'
import type { Person } from '../../histories/people.ts'
import { createRandom, type Random } from '../../histories/random.ts'
import { createRecorder } from '../../histories/recorder.ts'
import { Abandoned, createStage, type Stage } from '../../histories/stage.ts'
import type { Held } from '../../histories/wire.ts'

/** A session with its grants, signed in through the pages. */
export interface Life {
  readonly sub: string
  readonly sid: string
  held: Held[]
}

/** Keeps a stock of sessions that are alive. */
export interface Supply {
  readonly lives: Life[]
  /** Until the stock is there. */
  fill(): Promise<void>
  /** Goes on filling up what was taken. */
  run(isOver: () => boolean): Promise<void>
  close(): Promise<void>
}

export interface SupplyParts {
  readonly instances: readonly string[]
  readonly issuer: string
  readonly people: readonly Person[]
  readonly seed: number
  readonly stock: number
  /** Where the events go. */
  readonly file: string
  /** Of every token, as soon as it is there. */
  readonly onToken: (held: Held) => void
}

const builders = 3

export function createSupply(parts: SupplyParts): Supply {
  const { instances, issuer, people, seed, stock, onToken } = parts
  const recorder = createRecorder(0, parts.file)
  const actors: Actors = { instances, recorder, admin: createAdmin() }
  const lives: Life[] = []

  const build = async (random: Random, isOver: () => boolean): Promise<void> => {
    const stage = createStage({
      actor: 'supply',
      random,
      people,
      actors,
      issuer,
      processes: 1,
      fire: () => Promise.reject(new Error('nobody fires here')),
    })
    while (!isOver()) {
      const life = await makeLife(stage, random, onToken)
      if (life) lives.push(life)
      else await sleep(100)
    }
  }
  const all = (isOver: () => boolean) =>
    Promise.all(
      Array.from({ length: builders }, (_, i) => build(createRandom(seed, `supply ${i} ${lives.length}`), isOver)),
    )

  return {
    lives,
    fill: async () => void (await all(() => lives.length >= stock)),
    run: async (isOver) => {
      while (!isOver()) {
        await all(() => isOver() || lives.length >= stock)
        await sleep(50)
      }
    },
    close: () => recorder.close(),
  }
}

/** One session, two clients, and a token that was refreshed. Undefined: something on the way was in the way. */
async function makeLife(stage: Stage, random: Random, onToken: (held: Held) => void): Promise<Life | undefined> {
  const keep = (held: Held): Held => {
    onToken(held)
    return held
  }
  try {
    const [one, other] = honestClients
    const signedIn = await stage.signIn(one?.id ?? '')
    const first = keep(signedIn.held)
    const client = random.chance(0.2) ? doomedClient : other
    const second = keep(await stage.redeem(await stage.code(signedIn, client?.id ?? '')))
    const refreshed = keep(await stage.rotate(second))
    return { sub: first.facts.sub, sid: first.facts.sid, held: [first, second, refreshed] }
  } catch (error) {
    if (error instanceof Abandoned) return undefined
    throw error
  }
}

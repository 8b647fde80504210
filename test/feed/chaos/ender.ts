import { setTimeout as sleep } from 'node:timers/promises'
import { operator } from '../../histories/admin.ts'
import { doomedClient } from '../../histories/clients.ts'
import { createRandom, type Random } from '../../histories/random.ts'
import { basic } from '../../support/tokens.ts'
import type { Registry, Target } from './registry.ts'
import type { Life } from './supply.ts'

/** What the receipts said, and how often an ending had to be asked for again. */
export interface EnderCounts {
  readonly receipts: { all: number; pending: number }
  retries: number
}

export interface Ender {
  readonly counts: EnderCounts
  /** Ends one thing after the other; what was begun is confirmed before it returns. */
  run(isOver: () => boolean): Promise<void>
  /** Ends one session and returns when that is confirmed. */
  endOne(): Promise<void>
}

export interface EnderParts {
  readonly instances: readonly string[]
  readonly lives: Life[]
  readonly registry: Registry
  readonly seed: number
  readonly perSecond: number
}

/** So many endings at a time: some wait for their receipts, or for an instance that does not answer. */
const lanes = 6
const patienceMs = 6000
const fieldOf = { session: 'session_id', grant: 'grant_id', jti: 'jti', user: 'user_id', client: 'client_id' } as const

export function createEnder({ instances, lives, registry, seed, perSecond }: EnderParts): Ender {
  const counts: EnderCounts = { receipts: { all: 0, pending: 0 }, retries: 0 }
  const tokens = new Map<string, string>()

  /** The answer of an instance, if it confirmed the ending. */
  async function ask(instance: string, target: Target, wait: number): Promise<Record<string, unknown> | undefined> {
    const signal = AbortSignal.timeout(patienceMs)
    const token = tokens.get(instance) ?? (await tokenAt(instance))
    tokens.set(instance, token)
    const response = await fetch(`${instance}/admin/v1/revocations`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...(wait > 0 ? { prefer: `wait=${wait}` } : {}),
      },
      body: JSON.stringify({ [fieldOf[target.kind]]: target.id }),
      signal,
    })
    const body = (await response.json()) as Record<string, unknown>
    if (response.status === 401) tokens.delete(instance)
    else if (response.status !== 200 && response.status < 500)
      throw new Error(`an ending was refused: ${response.status} ${JSON.stringify(body)}`)
    return response.status === 200 ? body : undefined
  }

  async function end(target: Target, random: Random): Promise<void> {
    const ending = registry.open(target)
    const wait = random.chance(0.15) ? 1 + random.below(3) : 0
    for (;;) {
      const answer = await ask(random.pick(instances), target, wait).catch((error: unknown) => {
        if (error instanceof Error && error.message.startsWith('an ending was refused')) throw error
        return undefined
      })
      if (answer) {
        const { enforced } = answer
        if (enforced === 'all' || enforced === 'pending') counts.receipts[enforced]++
        registry.close(ending, Number(answer['position']), enforced === 'all')
        return
      }
      counts.retries++
      await sleep(50 + random.below(100))
    }
  }

  function pickTarget(random: Random): Target | undefined {
    const kind = random.weighted({ session: 8, grant: 5, jti: 5, user: 1, client: 0.3 })
    if (kind === 'client') return { kind, id: doomedClient.id }
    const life = lives[random.below(lives.length)]
    if (!life) return undefined
    if (kind === 'user') {
      take(lives, ({ sub }) => sub === life.sub)
      return { kind, id: life.sub }
    }
    if (kind === 'session') {
      take(lives, (one) => one === life)
      return { kind, id: life.sid }
    }
    const { facts } = random.pick(life.held)
    life.held = life.held.filter(
      (held) => held.facts[kind === 'jti' ? 'jti' : 'gid'] !== facts[kind === 'jti' ? 'jti' : 'gid'],
    )
    // What is left of it stays alive, and is watched as such.
    if (life.held.length === 0) take(lives, (one) => one === life)
    return { kind, id: kind === 'jti' ? facts.jti : facts.gid }
  }

  return {
    counts,
    run: async (isOver) => {
      await Promise.all(
        Array.from({ length: lanes }, async (_, i) => {
          const random = createRandom(seed, `ender ${i}`)
          while (!isOver()) {
            await sleep((2 * random.next() * lanes * 1000) / perSecond)
            const target = isOver() ? undefined : pickTarget(random)
            if (target) await end(target, random)
          }
        }),
      )
    },
    endOne: async () => {
      const life = lives.pop()
      if (!life) throw new Error('nothing is left to end')
      await end({ kind: 'session', id: life.sid }, createRandom(seed, 'last'))
    },
  }
}

function take(lives: Life[], isTaken: (life: Life) => boolean): void {
  const left = lives.filter((life) => !isTaken(life))
  lives.splice(0, lives.length, ...left)
}

async function tokenAt(instance: string): Promise<string> {
  const response = await fetch(`${instance}/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...basic(operator.id, operator.secret) },
    body: 'grant_type=client_credentials&scope=admin',
    signal: AbortSignal.timeout(patienceMs),
  })
  const body = (await response.json()) as { access_token?: unknown }
  if (typeof body.access_token !== 'string') throw new TypeError(`no admin token (${response.status})`)
  return body.access_token
}

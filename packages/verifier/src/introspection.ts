import type { Clock } from './clock.ts'
import { type Exchange, UnexpectedAnswer } from './exchange.ts'
import { held } from './waiting.ts'

/** Asks the issuer whether a token is alive (RFC 7662), for as long as the feed cannot tell. */
export interface Introspection {
  /** @throws when nobody answers */
  isActive(token: string): Promise<boolean>
  forget(): void
}

export interface IntrospectionParts {
  readonly exchange: Exchange
  readonly clock: Clock
  readonly authorization: string
  readonly timeoutMs: number
  readonly findEndpoint: () => string | undefined
  readonly closed: AbortSignal
}

/** An answer is good for that long from when it was asked for: no less exact than the feed at its slowest. */
const goodForMs = 1000
const mostAnswers = 1000
/** While the issuer is slow, more questions would not make it quicker. */
const mostQuestions = 100

export function createIntrospection(parts: IntrospectionParts): Introspection {
  const { exchange, clock, closed } = parts
  const asking = new Map<string, Promise<boolean>>()
  const active = new Map<string, number>()

  function isKnownActive(token: string): boolean {
    const askedMs = active.get(token)
    if (askedMs === undefined) return false
    if (clock.monotonicMs() - askedMs < goodForMs) return true
    active.delete(token)
    return false
  }

  async function ask(token: string): Promise<boolean> {
    const endpoint = parts.findEndpoint()
    if (endpoint === undefined) throw new Error('No introspection endpoint is known')
    const answer = await exchange.ask(endpoint, {
      method: 'POST',
      headers: {
        authorization: parts.authorization,
        'content-type': 'application/x-www-form-urlencoded',
        accept: 'application/json',
      },
      body: new URLSearchParams({ token, token_type_hint: 'access_token' }).toString(),
      signal: AbortSignal.any([closed, AbortSignal.timeout(parts.timeoutMs)]),
    })
    if (answer.status !== 200) throw new UnexpectedAnswer('The introspection endpoint', answer)
    const { active: isActive } = JSON.parse(answer.text) as { active?: unknown }
    if (typeof isActive !== 'boolean') throw new Error('The answer does not say whether the token is active')
    if (isActive) remember(token, answer.sentMs)
    return isActive
  }

  function remember(token: string, askedMs: number): void {
    if (active.size >= mostAnswers) {
      const [oldest = ''] = active.keys()
      active.delete(oldest)
    }
    active.set(token, askedMs)
  }

  return {
    isActive: (token) => {
      if (isKnownActive(token)) return Promise.resolve(true)
      const running = asking.get(token)
      if (running) return running
      if (asking.size >= mostQuestions) return Promise.reject(new Error('Too many questions are open'))
      const question = held(ask(token)).finally(() => asking.delete(token))
      asking.set(token, question)
      return question
    },
    forget: () => active.clear(),
  }
}

import type { EndingName, Event, Operation, Outcome, Returned, Target } from '../event.ts'
import { type History, indexHistory } from '../history.ts'
import type { Property } from './property.ts'

/** A history written by hand. Instants are milliseconds; an operation takes one unless it says otherwise. */
export interface Story {
  readonly events: Event[]
  /** A log-in at `at` and its exchange 2 ms later. The tokens are called `<gid>.0` and `<gid>.0 access`. */
  grant(at: number, gid: string, facts?: Partial<Returned>): void
  /** `answer`: the generation that is returned, or how it went without one. */
  refresh(at: number, token: string, answer: number | 'fail' | 'info', more?: Partial<Event>): void
  /** Of the code of a grant; `answer`: another grant that it gives, or how it went without one. */
  exchange(at: number, gid: string, answer: { gid: string } | 'fail' | 'info', more?: Partial<Event>): void
  look(at: number, token: string, active: boolean, more?: Partial<Event>): void
  end(at: number, op: EndingName, ends: Target, more?: Partial<Event>): void
  history(): History
}

export const graceMs = 10_000

export function story(): Story {
  const events: Event[] = []
  const grants = new Map<string, Returned>()

  function add(at: number, op: Operation, outcome: Outcome, more: Partial<Event>): void {
    const tInvoke = at * 1000
    const event = { id: `${events.length}`, actor: 'someone', process: 0, instance: 0, op, tInvoke, outcome }
    events.push({ ...event, tComplete: tInvoke + 1000, ...more })
  }
  /** The facts of a grant with the tokens of one generation. */
  function facts(gid: string, generation: number | string, more: Partial<Returned> = {}): Returned {
    const first = grants.get(gid) ?? {
      gid,
      sid: `session of ${gid}`,
      sub: 'alice',
      client: 'shop',
      scope: 'openid profile',
      offline: false,
      rvp: 1,
      authTime: 100,
      iat: 1000,
      exp: 1300,
      jti: '',
      refresh: '',
      access: '',
    }
    const refresh = `${gid}.${generation}`
    return { ...first, refresh, access: `${refresh} access`, jti: `${refresh} jti`, ...more }
  }

  return {
    events,
    grant: (at, gid, more = {}) => {
      grants.set(gid, { ...facts(gid, 0), ...more })
      const { sid, sub, client } = facts(gid, 0)
      add(at, 'log in', 'ok', { codes: [`${gid} code`], sub, client, sid })
      add(at + 2, 'exchange', 'ok', { code: `${gid} code`, client, returned: facts(gid, 0, more) })
    },
    refresh: (at, token, answer, more = {}) => {
      const [gid = ''] = token.split('.')
      const by = { token, client: facts(gid, 0).client }
      if (typeof answer === 'number') add(at, 'refresh', 'ok', { ...by, returned: facts(gid, answer), ...more })
      else add(at, 'refresh', answer, { ...by, error: answer === 'fail' ? 'invalid_grant' : '503', ...more })
    },
    exchange: (at, gid, answer, more = {}) => {
      const by = { code: `${gid} code`, client: facts(gid, 0).client }
      if (typeof answer === 'string') add(at, 'exchange', answer, { ...by, error: 'invalid_grant', ...more })
      else add(at, 'exchange', 'ok', { ...by, returned: facts(answer.gid, 0), ...more })
    },
    look: (at, token, active, more = {}) => {
      const op = token.endsWith(' access') ? 'introspect access token' : 'introspect refresh token'
      add(at, op, 'ok', { token, active, client: 'shop', ...more })
    },
    end: (at, op, ends, more = {}) => add(at, op, 'ok', { ends, ...more }),
    history: () => {
      const sorted = [...events].sort((a, b) => a.tInvoke - b.tInvoke)
      return indexHistory(sorted, { shop: graceMs / 1000, bank: graceMs / 1000 })
    },
  }
}

/** What a property says of a history that is told here. Each has something to check in it. */
export function judge(property: Property, tell: (s: Story) => void): string[] {
  const told = story()
  tell(told)
  const { checked, violations } = property.check(told.history())
  if (checked === 0) throw new Error('this history says nothing about the property')
  return violations.map((violation) => violation.message)
}

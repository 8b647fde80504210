import { describe, expect, it } from 'vitest'
import { theftContained } from './p6-theft-contained.ts'
import { claimsHold } from './p7-claims-hold.ts'
import { retriesAnswered } from './p8-retries-answered.ts'
import { doubtResolves } from './p9-doubt-resolves.ts'
import { tablesAgree } from './p10-tables-agree.ts'
import { judge, type Story, story } from './story.ts'

const user = { kind: 'user', id: 'alice' } as const
const pair = { kind: 'user_client', id: 'alice', client: 'shop' } as const
const infoUntil = (tComplete: number, error = '503') =>
  ({ outcome: 'info', tComplete: tComplete * 1000, error }) as const

describe('P6 theft contained', () => {
  const theft = (s: Story) => {
    s.grant(0, 'g')
    s.refresh(10, 'g.0', 1)
    s.refresh(20, 'g.1', 2)
    s.refresh(30, 'g.0', 'fail')
  }
  it('broken by a refusal that left the grant alive', () => {
    expect(judge(theftContained, theft)).toEqual([])
    const told = (s: Story) => {
      theft(s)
      s.refresh(40, 'g.2', 3)
    }
    expect(judge(theftContained, told)).toEqual(['alive after reuse or replay was refused'])
  })
  it('broken by a replay that left the grant alive, and by a stranger who is served', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.exchange(10, 'g', 'fail')
      s.refresh(20, 'g.0', 1, { client: 'bank' })
    }
    expect(judge(theftContained, told)).toEqual(['alive after reuse or replay was refused', 'a stranger refreshed'])
  })
})

describe('P7 claims and positions', () => {
  const minted = (facts: object, position?: number) => (s: Story) => {
    s.grant(0, 'g')
    s.refresh(10, 'g.0', 1)
    const last = s.events.at(-1)
    if (last?.returned) s.events.splice(-1, 1, { ...last, returned: { ...last.returned, ...facts } })
    if (position !== undefined) s.end(20, 'end grant', { kind: 'grant', id: 'g' }, { position, drewPosition: true })
  }
  it('broken by more scope, another session, too long a life', () => {
    expect(judge(claimsHold, minted({}))).toEqual([])
    expect(judge(claimsHold, minted({ scope: 'openid admin' }))).toEqual(['a token got more scope than the grant'])
    expect(judge(claimsHold, minted({ sid: 'another' }))).toEqual(['the claims of a grant changed'])
    expect(judge(claimsHold, minted({ exp: 9999 }))).toEqual(['a token lives 8999 s'])
    expect(judge(claimsHold, minted({ jti: 'g.0 jti' }))).toEqual(['jti g.0 jti was used twice'])
  })
  it('broken by a token of an ended grant that is dated at or after the ending', () => {
    expect(judge(claimsHold, minted({ rvp: 4 }, 5))).toEqual([])
    expect(judge(claimsHold, minted({ rvp: 5 }, 5))).toEqual(['a token of an ended grant is dated after the ending'])
  })
  it('broken by a token that is dated before an ending that was answered earlier', () => {
    const told = (rvp: number) => (s: Story) => {
      s.end(0, 'end user', { kind: 'user', id: 'bob' }, { position: 7, drewPosition: true })
      s.grant(10, 'g', { rvp })
    }
    expect(judge(claimsHold, told(7))).toEqual([])
    expect(judge(claimsHold, told(6))).toEqual(['a token is dated before an ending that was answered earlier'])
  })
})

describe('P8 retries answered', () => {
  it('broken by a refused retry in the grace, and by a token with two parents', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 1)
      s.refresh(9000, 'g.0', 'fail')
      s.refresh(9100, 'g.1', 1)
    }
    expect(judge(retriesAnswered, told)).toEqual([
      'a retry in the grace was refused',
      'one refresh token has two parents',
    ])
  })
  it('holds when the successor was used meanwhile, or the grant was ended', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 1)
      s.refresh(20, 'g.1', 2, { tComplete: 40_000 })
      s.refresh(30, 'g.0', 'fail')
      s.grant(0, 'h')
      s.refresh(10, 'h.0', 1)
      s.end(20, 'end grant', { kind: 'grant', id: 'h' })
      s.refresh(30, 'h.0', 'fail')
    }
    expect(judge(retriesAnswered, told)).toEqual([])
  })
})

describe('P9 doubt resolves', () => {
  it('broken by a token that is lost with an answer', () => {
    const told = (answer: 1 | 'fail') => (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 'info')
      s.refresh(20, 'g.0', answer)
    }
    expect(judge(doubtResolves, told(1))).toEqual([])
    expect(judge(doubtResolves, told('fail'))).toEqual(['a token was lost with an answer'])
  })
  it('broken by half an ending', () => {
    const told = (s: Story, alive: boolean) => {
      s.grant(0, 'g')
      s.grant(5, 'h')
      s.end(10, 'end user', user, infoUntil(11))
      s.refresh(20, 'g.0', 'fail')
      s.refresh(30, 'h.0', alive ? 1 : 'fail')
    }
    expect(judge(doubtResolves, (s) => told(s, false))).toEqual([])
    expect(judge(doubtResolves, (s) => told(s, true))).toEqual(['half of "end user" happened'])
  })
})

describe('P10 tables agree', () => {
  const quiet = { looks: 3, discrepancies: [] }
  const told = story()
  told.end(0, 'end user and client', pair, { position: 4, drewPosition: true })
  told.end(10, 'end user and client', pair, infoUntil(11))
  const trail = (positions: number[]) => ({
    endings: positions.map((position) => ({ type: 'user_client.ended', position })),
    types: { 'user_client.ended': positions.length },
  })
  const messages = (...args: Parameters<typeof tablesAgree>) => tablesAgree(...args).violations.map((v) => v.message)
  it('holds when every answered ending is audited once, and one in doubt at most once', () => {
    expect(messages(told.events, quiet, trail([4]))).toEqual([])
    expect(messages(told.events, quiet, trail([4, 5]))).toEqual([])
  })
  it('broken by a lost or a doubled event, by one position for two, and by what the oracle saw', () => {
    expect(messages(told.events, quiet, trail([]))).toHaveLength(2)
    expect(messages(told.events, quiet, trail([4, 5, 6]))).toHaveLength(1)
    const twice = story()
    for (const at of [0, 10]) twice.end(at, 'end user and client', pair, { position: 4, drewPosition: true })
    expect(messages(twice.events, quiet, trail([4, 5]))).toEqual(['two endings were answered with one position'])
    const seen = { looks: 3, discrepancies: [{ at: 5, check: 'the feed has no hole', detail: 'head 2' }] }
    expect(messages(told.events, seen, trail([4]))).toEqual(['not so: the feed has no hole'])
  })
})

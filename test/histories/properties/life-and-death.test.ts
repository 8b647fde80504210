import { describe, expect, it } from 'vitest'
import type { Event } from '../event.ts'
import { noDoubleSpend } from './p1-no-double-spend.ts'
import { noResurrection } from './p2-no-resurrection.ts'
import { deathIsFinal } from './p3-death-is-final.ts'
import { noLostSuccessor } from './p4-no-lost-successor.ts'
import { noFalseEnding } from './p5-no-false-ending.ts'
import { judge, type Story } from './story.ts'

const user = { kind: 'user', id: 'alice' } as const
const pair = { kind: 'user_client', id: 'alice', client: 'shop' } as const
const sessionOf = (gid: string) => ({ kind: 'session', id: `session of ${gid}` }) as const
const infoUntil = (tComplete: number, error = '503') =>
  ({ outcome: 'info', tComplete: tComplete * 1000, error }) as const

describe('P1 no double spend', () => {
  it('holds: a retry in the grace gets the same successor', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 1)
      s.refresh(5000, 'g.0', 1)
      s.refresh(5100, 'g.1', 2)
      s.refresh(5200, 'g.0', 'fail')
    }
    expect(judge(noDoubleSpend, told)).toEqual([])
  })
  it('broken by a second successor', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 1)
      s.refresh(10, 'g.0', 2)
    }
    expect(judge(noDoubleSpend, told)).toEqual(['one refresh token got two successors'])
  })
  it('broken by a retry after the grace, which a retry in between does not renew', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 1)
      s.refresh(9000, 'g.0', 1)
      s.refresh(10_200, 'g.0', 1)
    }
    expect(judge(noDoubleSpend, told)).toEqual(['a refresh token was answered after its grace'])
  })
  it('broken by two answers to a token without a grace, however close they are', () => {
    const told = (s: Story) => {
      s.grant(0, 'g', { client: 'strict' })
      s.refresh(10, 'g.0', 1)
      s.refresh(10, 'g.0', 1)
    }
    expect(judge(noDoubleSpend, told)).toEqual(['a refresh token without a grace was answered twice'])
  })
  it('not judged within epsilon of the end of the grace, nor while the first answer was on its way', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 1, { tComplete: 3_000_000 })
      s.refresh(13_050, 'g.0', 1)
    }
    expect(judge(noDoubleSpend, told)).toEqual([])
  })
  it('broken by a token two generations old, also inside the window', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 1)
      s.refresh(20, 'g.1', 2)
      s.refresh(30, 'g.0', 1)
    }
    expect(judge(noDoubleSpend, told)).toEqual(['a refresh token two generations old was answered'])
  })
  it('broken by a code that is redeemed twice', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.exchange(2, 'g', { gid: 'h' })
    }
    expect(judge(noDoubleSpend, told)).toEqual(['one code was redeemed twice'])
  })
})

describe('P2 no resurrection', () => {
  const alive = (op: Parameters<Story['end']>[1], target: Parameters<Story['end']>[2], more: Partial<Event> = {}) =>
    judge(noResurrection, (s) => {
      s.grant(0, 'g')
      s.end(10, op, target, more)
      s.look(20, 'g.0 access', true)
      s.refresh(30, 'g.0', 'fail')
      // Something to check in any case.
      s.grant(40, 'other', { sub: 'bob' })
      s.end(50, 'end grant', { kind: 'grant', id: 'other' })
      s.look(60, 'other.0 access', false)
    })
  it('broken by an answer "active" that starts after the 2xx', () => {
    expect(alive('end session', sessionOf('g'))).toEqual(['alive after "end session" was answered'])
    expect(alive('end user', user)).toEqual(['alive after "end user" was answered'])
    expect(alive('end user and client', pair)).toEqual(['alive after "end user and client" was answered'])
    expect(alive('end client', { kind: 'client', client: 'shop' })).toEqual(['alive after "end client" was answered'])
    expect(alive('end all', { kind: 'all' })).toHaveLength(1)
    expect(alive('end token', { kind: 'jti', id: 'g.0 jti' })).toEqual([
      'access token g.0 access alive after "end token" was answered',
    ])
  })
  it('holds while the ending has no answer, or was refused, or is about others', () => {
    expect(alive('end user', user, { tComplete: 25_000 })).toEqual([])
    expect(alive('end user', user, infoUntil(11))).toEqual([])
    expect(alive('end user', user, { outcome: 'fail' })).toEqual([])
    expect(alive('end user', { kind: 'user', id: 'bob' })).toEqual([])
  })
  it('an offline grant survives its session, and not its user', () => {
    const offline = (target: Parameters<Story['end']>[2]) =>
      judge(noResurrection, (s) => {
        s.grant(0, 'g', { offline: true })
        s.end(10, 'log out', target)
        s.look(20, 'g.0 access', true)
        s.grant(40, 'other', { sub: 'bob' })
        s.end(50, 'end grant', { kind: 'grant', id: 'other' })
        s.look(60, 'other.0 access', false)
      })
    expect(offline(sessionOf('g'))).toEqual([])
    expect(offline(user)).toHaveLength(1)
  })
  it('broken by a code that was out when user and client were ended; not by one that was asked for later', () => {
    const told = (endedAt: number) => (s: Story) => {
      s.grant(0, 'g')
      s.end(endedAt, 'end user and client', pair, { tComplete: (endedAt + 0.3) * 1000 })
      s.end(20, 'end grant', { kind: 'grant', id: 'g' })
      s.look(30, 'g.0 access', false)
    }
    // Between the log-in and the exchange; while the log-in was on its way.
    expect(judge(noResurrection, told(1.2))).toEqual(['alive after "end user and client" was answered'])
    expect(judge(noResurrection, told(0.5))).toEqual([])
  })
  it('broken by a sign-on from a session that has ended', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.end(10, 'log out', sessionOf('g'))
      s.grant(20, 'h', { sid: 'session of g', offline: true })
      const [signOn] = s.events.splice(3, 1)
      if (signOn) s.events.push({ ...signOn, op: 'single sign-on' })
    }
    expect(judge(noResurrection, told)).toEqual(['a session signs in after "log out"'])
  })
})

describe('P3 death is final', () => {
  const looks = (second: number) => (s: Story) => {
    s.grant(0, 'g')
    s.look(10, 'g.0 access', false)
    s.look(second, 'g.0 access', true)
    s.look(30, 'g.0 access', false)
  }
  it('broken by a token that is active again; not by one of two questions at once', () => {
    expect(judge(deathIsFinal, looks(20))).toEqual(['a token is active again'])
    expect(judge(deathIsFinal, looks(10.5))).toEqual([])
  })
  it('broken by a grant that lives after its owner was refused; a stranger being refused says nothing', () => {
    const told = (client: string) => (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 'fail', { client })
      s.refresh(20, 'g.0', 1)
      s.look(30, 'g.0', false)
      s.look(40, 'g.0', false)
    }
    expect(judge(deathIsFinal, told('shop'))).toEqual(['alive after its owner was refused'])
    expect(judge(deathIsFinal, told('bank'))).toEqual([])
  })
})

describe('P4 no lost successor', () => {
  const honest = { honest: true }
  it('broken by a refusal that nothing explains', () => {
    const told = (cause: boolean) => (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 'info', honest)
      if (cause) s.end(15, 'end user', user, infoUntil(16))
      s.refresh(20, 'g.0', 'fail', honest)
    }
    expect(judge(noLostSuccessor, told(false))).toEqual(['an honest client was refused and nothing explains it'])
    expect(judge(noLostSuccessor, told(true))).toEqual([])
  })
  it('an ending that was sent after the refusal explains nothing', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.refresh(20, 'g.0', 'fail', honest)
      s.end(30, 'end user', user)
    }
    expect(judge(noLostSuccessor, told)).toHaveLength(1)
  })
  it('broken by an honest client that has no working token at the end', () => {
    const told = (answer: 1 | 'info') => (s: Story) => {
      s.grant(0, 'g')
      s.refresh(20, 'g.0', answer, { ...honest, final: true })
    }
    expect(judge(noLostSuccessor, told(1))).toEqual([])
    expect(judge(noLostSuccessor, told('info'))).toEqual(['an honest client ends without a working token'])
  })
})

describe('P5 no false ending', () => {
  it('broken when a grant ends through a sibling or a stranger', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.grant(5, 'h', { sid: 'session of g' })
      s.refresh(10, 'g.0', 1)
      s.refresh(20, 'g.1', 2)
      s.refresh(30, 'g.0', 'fail')
      s.refresh(40, 'h.0', 'fail', { client: 'bank' })
      s.refresh(50, 'h.0', 'fail')
    }
    expect(judge(noFalseEnding, told)).toEqual(['a grant ended and nobody ended it'])
  })
  it('an offline grant does not end with its session', () => {
    const told = (offline: boolean) => (s: Story) => {
      s.grant(0, 'g', { offline })
      s.end(10, 'log out', sessionOf('g'))
      s.look(20, 'g.0 access', false)
    }
    expect(judge(noFalseEnding, told(false))).toEqual([])
    expect(judge(noFalseEnding, told(true))).toEqual(['a token is inactive and nobody ended it'])
  })
  it('holds for reuse, for a late retry, for a replay, for a request in doubt and for a token whose time is over', () => {
    const told = (s: Story) => {
      s.grant(0, 'late')
      s.refresh(10, 'late.0', 1)
      s.refresh(11_000, 'late.0', 'fail')
      s.grant(0, 'replayed')
      s.exchange(20, 'replayed', 'fail')
      s.refresh(30, 'replayed.0', 'fail')
      s.grant(0, 'doubtful')
      s.refresh(10, 'doubtful.0', 'info', infoUntil(11, 'timeout'))
      s.refresh(5000, 'doubtful.0', 1)
      s.refresh(5100, 'doubtful.1', 2)
      s.refresh(5200, 'doubtful.2', 'fail')
      s.grant(0, 'expired')
      s.look(302_000, 'expired.0 access', false)
    }
    expect(judge(noFalseEnding, told)).toEqual([])
  })
  it('broken by an outage that speaks of a bad request', () => {
    const told = (s: Story) => {
      s.grant(0, 'g')
      s.refresh(10, 'g.0', 'fail', { error: 'invalid_client' })
      s.end(5, 'end user', user)
    }
    expect(judge(noFalseEnding, told)).toEqual(['a refusal that no honest request earns: refresh: invalid_client'])
  })
})

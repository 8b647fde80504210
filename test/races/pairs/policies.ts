import type { TestClient } from '../../support/server.ts'

/** A limit that was answered to hold, until somebody begins to take it back. */
export type Policy = 'disabled' | 'no offline access' | 'online idle' | 'offline idle'

/** Seconds that a grant may go unused while an idle limit is tightened. */
export const tightIdleSeconds = 1

/**
 * Which tightened policies hold for certain. Of two changes that overlap nobody outside knows which came last, so a change counts only if
 * none other of its kind was under way beside it.
 */
export class Policies {
  private readonly turns = new Map<string, number>()
  private readonly underWay = new Map<string, number>()
  private readonly heldSince = new Map<string, number>()

  /** Runs one change; `client` is undefined for a policy of the server. */
  async change(client: TestClient | undefined, policy: Policy, tighten: boolean, send: () => Promise<boolean>) {
    const key = keyOf(client, policy)
    const turn = (this.turns.get(key) ?? 0) + 1
    const isAlone = (this.underWay.get(key) ?? 0) === 0
    this.turns.set(key, turn)
    this.underWay.set(key, (this.underWay.get(key) ?? 0) + 1)
    this.heldSince.delete(key)
    const isDone = await send()
    this.underWay.set(key, (this.underWay.get(key) ?? 0) - 1)
    if (isDone && tighten && isAlone && this.turns.get(key) === turn) this.heldSince.set(key, performance.now())
    return isDone
  }

  /** Whether a limit is tightened or being changed. */
  isUnderWay(client: TestClient | undefined, policy: Policy): boolean {
    const key = keyOf(client, policy)
    return (this.underWay.get(key) ?? 0) > 0 || this.heldSince.has(key)
  }

  /** Which policy forbids a success that has just been answered; read before anything else is awaited. */
  brokenBy(success: { client: TestClient; offline: boolean; startedAt: number; idleMs: number }): string | undefined {
    const { client, offline, startedAt, idleMs } = success
    const holds = (of: TestClient | undefined, policy: Policy) =>
      startedAt > (this.heldSince.get(keyOf(of, policy)) ?? Number.POSITIVE_INFINITY)
    if (holds(client, 'disabled')) return 'at a disabled client'
    if (offline && holds(client, 'no offline access')) return 'offline, at a client that may not any more'
    const isIdle = idleMs > tightIdleSeconds * 1000
    if (isIdle && !offline && holds(client, 'online idle')) return `after ${idleMs.toFixed(0)} ms, of 1 s at the client`
    if (isIdle && offline && holds(undefined, 'offline idle'))
      return `offline, after ${idleMs.toFixed(0)} ms, of 1 s at the server`
    return undefined
  }
}

const keyOf = (client: TestClient | undefined, policy: Policy) => `${client?.clientId ?? ''}/${policy}`

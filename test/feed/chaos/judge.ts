import type { Finding, Standing } from './messages.ts'
import type { Known } from './registry.ts'
import type { Truth } from './truth.ts'

/** What was promised, what was seen, and how often. */
export interface Verdict {
  readonly title: string
  readonly checked: number
  readonly violations: readonly string[]
}

export interface Judgement {
  readonly verdicts: readonly Verdict[]
  readonly pairs: number
  /** Milliseconds from the confirmation to the last acceptance, over all pairs that accepted at all after it. */
  readonly exposure: { readonly most: number; readonly accepted: number }
  /** Milliseconds from the confirmation to the first refusal. */
  readonly enforced: { readonly p50: number; readonly p99: number }
}

export interface Evidence {
  readonly tokens: readonly Known[]
  readonly findings: readonly Finding[]
  readonly standings: readonly Standing[]
  readonly truth: Truth
  readonly isEndedByTruth: (known: Known) => boolean
  readonly boundMs: number
  /** Lines of the instances' logs that say that the feed has a hole. */
  readonly holesNoticed: readonly string[]
  readonly strange: Readonly<Record<string, number>>
}

export function judge(evidence: Evidence): Judgement {
  const { tokens, findings, standings, truth, boundMs } = evidence
  const missed: string[] = []
  const late: string[] = []
  const early: string[] = []
  const falseRefusals: string[] = []
  const delays: number[] = []
  let [pairs, receipts, live, most, accepted] = [0, 0, 0, 0, 0]
  for (const { id, verifier, acceptedAtMs = 0, refusedAtMs } of findings) {
    const known = tokens[id]
    if (!known) throw new Error(`a finding about token ${id}, which was never issued`)
    const { deadAtMs, doomedAtMs, obeyedAtMs } = known
    const pair = `token ${id} (${known.facts.client}, rvp ${known.facts.rvp}) at verifier ${verifier}`
    if (deadAtMs === undefined) live++
    if (
      refusedAtMs !== undefined &&
      (doomedAtMs === undefined || refusedAtMs < doomedAtMs) &&
      !evidence.isEndedByTruth(known)
    )
      falseRefusals.push(`${pair} was refused as revoked, and nothing ended it`)
    if (deadAtMs === undefined) continue
    pairs++
    const exposure = acceptedAtMs - deadAtMs
    if (exposure > 0) {
      accepted++
      most = Math.max(most, exposure)
    }
    if (exposure > boundMs) late.push(`${pair} was accepted ${exposure.toFixed(1)} ms after its end was confirmed`)
    if (refusedAtMs === undefined) missed.push(`${pair} was never refused`)
    else delays.push(Math.max(0, refusedAtMs - deadAtMs))
    if (obeyedAtMs === undefined) continue
    receipts++
    if (acceptedAtMs > obeyedAtMs)
      early.push(`${pair} was accepted ${(acceptedAtMs - obeyedAtMs).toFixed(1)} ms after the receipt that said all`)
  }
  delays.sort((a, b) => a - b)
  const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(share * delays.length))] ?? 0
  const behind = standings
    .filter(({ cursor, epoch }) => cursor !== truth.head || epoch !== truth.epoch)
    .map(
      ({ verifier, cursor, epoch }) =>
        `verifier ${verifier} is at ${cursor} of ${epoch}, the head is ${truth.head} of ${truth.epoch}`,
    )
  const unequal = standings
    .filter(({ entries }) => entries !== truth.distinct)
    .map(({ verifier, entries }) => `verifier ${verifier} has ${entries} entries, the database ${truth.distinct}`)
  const strange = Object.entries(evidence.strange).map(([answer, count]) => `${count} × ${answer}`)
  const holes = truth.holes === 0 ? [] : [`${truth.holes} positions are missing`]
  return {
    pairs,
    exposure: { most, accepted },
    enforced: { p50: at(0.5), p99: at(0.99) },
    verdicts: [
      { title: 'missed: never refused, though everything was healed', checked: pairs, violations: missed },
      { title: `violations: accepted later than 200 + ${boundMs / 1000} s`, checked: pairs, violations: late },
      { title: 'false refusals: of tokens that nothing ended', checked: live, violations: falseRefusals },
      { title: 'receipts that said all too early', checked: receipts, violations: early },
      { title: 'every cursor is the head', checked: standings.length, violations: behind },
      { title: 'every set is what the database holds', checked: standings.length, violations: unequal },
      {
        title: 'the feed has no hole',
        checked: truth.entries.length,
        violations: [...holes, ...evidence.holesNoticed],
      },
      { title: 'no other answers', checked: findings.length, violations: strange },
    ],
  }
}

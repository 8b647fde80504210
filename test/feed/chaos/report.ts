import type { ChaosResult } from './run.ts'

/** The result in words: exact counts, and the first contradictions of each kind. */
export function describeResult(result: ChaosResult): string {
  const { options, judgement, faults, endings, tokens, ender, counts } = result
  const { exposure, enforced, verdicts, pairs } = judgement
  const all = Object.values(faults).reduce((sum, n) => sum + n, 0)
  const ms = (value: number) => `${value.toFixed(1)} ms`
  const lines = [
    `seed ${options.seed}, profile ${options.profile}: ${options.instances} instances, ${options.verifiers} verifiers in ${options.processes} processes, Y = ${options.maxStalenessSeconds} s`,
    '',
    row('seconds with faults', options.seconds),
    row('faults', all),
    ...Object.entries(faults)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, count]) => row(`  ${kind}`, count)),
    row('tokens issued', tokens),
    row('endings confirmed', `${endings} (asked again ${ender.retries} times)`),
    row('pairs of an ended token and a verifier', pairs),
    row('missed', violationsOf('missed')),
    row('violations', violationsOf('violations')),
    row('greatest exposure', ms(exposure.most)),
    row('accepted at all after the 200', `${exposure.accepted} pairs`),
    row('200 → refused', `p50 ${ms(enforced.p50)}, p99 ${ms(enforced.p99)}, with all faults`),
    row('fresh', counts.samples === 0 ? '–' : `${((100 * counts.fresh) / counts.samples).toFixed(1)} %`),
    row('receipts', `${ender.receipts.all} × all, ${ender.receipts.pending} × pending`),
    row('answers', `${counts.accepted} accepted, ${counts.revoked} revoked, ${counts.stale} stale`),
    '',
  ]
  for (const { title, checked, violations } of verdicts) {
    lines.push(`${violations.length === 0 ? '✔' : '✘'} ${title}: checked ${checked}, ${violations.length} wrong`)
    for (const violation of violations.slice(0, 3)) lines.push(`    ${violation}`)
  }
  return lines.join('\n')

  function violationsOf(start: string): number {
    return verdicts.find(({ title }) => title.startsWith(start))?.violations.length ?? 0
  }
}

export const isRight = ({ judgement }: ChaosResult): boolean =>
  judgement.verdicts.every(({ violations }) => violations.length === 0)

const row = (what: string, value: string | number): string => what.padEnd(42) + String(value)

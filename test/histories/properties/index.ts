import { noDoubleSpend } from './p1-no-double-spend.ts'
import { noResurrection } from './p2-no-resurrection.ts'
import { deathIsFinal } from './p3-death-is-final.ts'
import { noLostSuccessor } from './p4-no-lost-successor.ts'
import { noFalseEnding } from './p5-no-false-ending.ts'
import { theftContained } from './p6-theft-contained.ts'
import { claimsHold } from './p7-claims-hold.ts'
import { retriesAnswered } from './p8-retries-answered.ts'
import { doubtResolves } from './p9-doubt-resolves.ts'
import type { Property } from './property.ts'

/** What Falconer promises, as far as a history shows it. P10, on the tables, is the oracle's. */
export const properties: readonly Property[] = [
  noDoubleSpend,
  noResurrection,
  deathIsFinal,
  noLostSuccessor,
  noFalseEnding,
  theftContained,
  claimsHold,
  retriesAnswered,
  doubtResolves,
]

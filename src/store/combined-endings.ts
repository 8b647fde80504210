import type { Actor, Ended, EndReason } from '../domain/ending.ts'
import { feedEntryLifeSeconds } from '../domain/signing-key.ts'
import type { EndedInPlace } from './combined-ending-statements.ts'
import * as statements from './combined-ending-statements.ts'
import { combined } from './combiner.ts'
import type { Queries } from './database.ts'

/** Why something ends, at whose request. */
export interface EndingCause {
  readonly reason: EndReason
  readonly actor: Actor
  /** What a person wrote about it, for the audit event. */
  readonly note?: string
}

/** An ending of one row, as they come in crowds: log-outs, revocations by clients, reuse, limits. */
export interface RowEnding extends EndingCause {
  readonly target: 'session' | 'grant'
  readonly id: string
}

type Answer = Ended | undefined

const isSession = ({ target }: RowEnding) => target === 'session'
const hasSession = (batch: readonly RowEnding[]) => batch.some(isSession)

/**
 * Ends a session or a grant together with others that are asked for meanwhile. Every ending holds the head of the feed until its commit is on the
 * disk, so one by one they would queue for it; together they pay for one commit.
 */
export const endCombined = combined<RowEnding, Answer>({
  run: (db, batch) => (hasSession(batch) ? db.transaction((tx) => endRows(tx, batch)) : endRows(db, batch)),
  concurrency: 1,
})

/** Ends a batch as if one after the other, and answers each in its place. In a transaction, unless all are grants: they are one statement. */
export async function endRows(tx: Queries, batch: readonly RowEnding[]): Promise<readonly Answer[]> {
  if (hasSession(batch)) return endSessionsAndGrants(tx, batch)
  const rows = await tx.run<Ended & { readonly place: number }>(statements.endGrants, common(batch))
  return batch.map((_, i) => {
    const row = rows.find(({ place }) => place === i + 1)
    return row && { position: row.position, sessions: row.sessions, grants: row.grants }
  })
}

async function endSessionsAndGrants(tx: Queries, batch: readonly RowEnding[]): Promise<readonly Answer[]> {
  const named = (kind: RowEnding['target']) => batch.map(({ target, id }) => (target === kind ? id : null))
  const by = [batch.map(({ reason }) => reason), batch.map(({ actor }) => actor.id)]
  const sessions = await tx.run<EndedInPlace>(statements.endSessionRows, [named('session'), ...by])
  if (sessions.length === 0 && batch.every(isSession)) return batch.map(() => undefined)
  const over = batch.map((_, i) => sessions.find(({ place }) => place === i + 1)?.id ?? null)
  const alive = sessions.filter((session) => session.alive).map(({ id }) => id)
  const grants = await tx.run<EndedGrant>(statements.endGrantRows, [over, ...by, alive, named('grant')])
  return drawLines(
    tx,
    batch.map((ending, i) => shareOf(ending, rowsAt(i + 1, sessions), rowsAt(i + 1, grants))),
  )
}

type EndedGrant = EndedInPlace & { readonly offline: boolean; readonly clientId: string | null }

const rowsAt = <Row extends EndedInPlace>(place: number, rows: readonly Row[]): Row[] =>
  rows.filter((row) => row.place === place)

/** What belongs to one ending of a batch; undefined where that came too late. */
interface Share {
  readonly ending: RowEnding
  readonly entries: readonly { readonly kind: 's' | 'g'; readonly id: string }[]
  readonly userId: string
  readonly clientId: string | null
  /** What was alive until now. */
  readonly sessions: number
  readonly grants: number
}

function shareOf(
  ending: RowEnding,
  sessions: readonly EndedInPlace[],
  grants: readonly EndedGrant[],
): Share | undefined {
  const [own] = isSession(ending) ? sessions : grants
  if (!own) return undefined
  // A session's entry covers its online grants, whose tokens carry its sid.
  const named = isSession(ending) ? grants.filter(({ offline }) => offline) : grants
  return {
    ending,
    entries: [
      ...sessions.map(({ id }) => ({ kind: 's' as const, id })),
      ...named.map(({ id }) => ({ kind: 'g' as const, id })),
    ],
    userId: own.userId,
    clientId: isSession(ending) ? null : (grants[0]?.clientId ?? null),
    sessions: sessions.filter(({ alive }) => alive).length,
    grants: grants.filter(({ alive }) => alive).length,
  }
}

async function drawLines(tx: Queries, shares: readonly (Share | undefined)[]): Promise<readonly Answer[]> {
  const drawing = shares.filter((share) => share !== undefined)
  if (drawing.length === 0) return shares.map(() => undefined)
  const entries = drawing.flatMap((share) => share.entries)
  let drawn = 0
  // Where each ending stands: at its last entry.
  const last = new Map(drawing.map((share) => [share, (drawn += share.entries.length)]))
  const [head] = await tx.run<{ before: number }>(statements.drawLines, [
    ...common(drawing.map(({ ending }) => ending)),
    entries.map(({ kind }) => kind),
    entries.map(({ id }) => id),
    drawing.map(({ ending }) => ending.target),
    drawing.map(({ userId }) => userId),
    drawing.map(({ clientId }) => clientId),
    [...last.values()],
    // Only a session takes others along.
    drawing.map(({ ending, sessions }) => (isSession(ending) ? sessions : null)),
    drawing.map(({ ending, grants }) => (isSession(ending) ? grants : null)),
  ])
  if (!head) throw new Error('feed_head has no row')
  return shares.map(
    (share) =>
      share && { position: head.before + (last.get(share) ?? 0), sessions: share.sessions, grants: share.grants },
  )
}

const common = (batch: readonly RowEnding[]): unknown[] => [
  batch.map(({ id }) => id),
  batch.map(({ reason }) => reason),
  feedEntryLifeSeconds,
  batch.map(({ actor }) => actor.id),
  batch.map(({ actor }) => actor.ip ?? null),
  batch.map(({ actor }) => actor.requestId ?? null),
  batch.map(({ note }) => note ?? null),
]

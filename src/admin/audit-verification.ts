import type { Document } from '../domain/field.ts'
import { readFirstKeptMonth } from '../store/audit-partitions.ts'
import {
  countUnsealed,
  findEventBeyond,
  readLastSeal,
  readSealedEvents,
  readSeals,
  type StoredSeal,
} from '../store/audit-seals.ts'
import { type Break, checkEvents, checkSeal } from './audit-chain.ts'
import { instant } from './document.ts'
import { badField, Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'

export interface VerificationQuery {
  /** A head that was noted: begin behind it, and make sure that it is still there. */
  readonly since?: string
  readonly cursor?: string
}

/** How far a verification has come. */
interface Progress {
  /** The seal that was verified last, 0 before the first, and its mac. */
  readonly n: number
  readonly mac: Buffer
  readonly seals: number
  readonly events: number
  readonly erased: number
  readonly late: number
  readonly gone: number
  /** The newest month of which events are gone, '' when none is. */
  readonly goneMonth: string
}

const beginning: Progress = {
  n: 0,
  mac: Buffer.alloc(0),
  seals: 0,
  events: 0,
  erased: 0,
  late: 0,
  gone: 0,
  goneMonth: '',
}

const sealsAtOnce = 500
const eventsAtOnce = 1000
const roundsInAnAnswer = 8
const list = 'audit-verification'

/**
 * Verifies the audit chain, some thousand events in each answer: `next_cursor` leads on until the outcome is `intact` or `broken`.
 * @throws {Problem}
 */
export async function verifyAuditChain(query: VerificationQuery, tools: AdminTools): Promise<Document> {
  const { db, auditRetentionDays } = tools
  let progress = await beginAt(query, tools)
  if ('kind' in progress) return answer(beginning, tools, progress)
  const firstKeptMonth = await readFirstKeptMonth(db, auditRetentionDays)
  for (let round = 0; round < roundsInAnAnswer; round++) {
    const { n } = progress
    const beyond = await findEventBeyond(db, n)
    const seals = await readSeals(db, n, sealsAtOnce)
    if (seals.length === 0) {
      const lost: Break | undefined = beyond && {
        kind: beyond.seal > n ? 'missing_seal' : 'unknown_event',
        seal: beyond.seal > n ? n + 1 : beyond.seal,
        month: null,
        place: null,
        eventId: beyond.id,
      }
      return answer(progress, tools, lost ?? 'intact')
    }
    const checked: Progress | Break = await checkSome(progress, seals, firstKeptMonth, tools)
    if ('kind' in checked) return answer(progress, tools, checked)
    progress = checked
  }
  return answer(progress, tools, 'continues')
}

async function checkSome(
  before: Progress,
  seals: readonly StoredSeal[],
  firstKeptMonth: string,
  { db, auditChain }: AdminTools,
): Promise<Progress | Break> {
  let expected = 0
  const some = seals.filter((seal, index) => {
    expected += seal.events
    return index === 0 || expected <= eventsAtOnce
  })
  let progress = before
  const first = some[0]?.n ?? 0
  const last = some.at(-1)?.n ?? 0
  // More than there should be shows under the first seal that has one too many.
  const events = await readSealedEvents(
    db,
    first,
    last,
    some.reduce((sum, seal) => sum + seal.events, 1),
  )
  for (const seal of some) {
    const wrong = checkSeal(auditChain, progress, seal)
    if (wrong) return wrong
    const own = events.filter((event) => event.seal === seal.n)
    const checked = checkEvents(auditChain, seal, own, seal.month < firstKeptMonth)
    if (checked.broken) return checked.broken
    progress = {
      n: seal.n,
      mac: seal.mac,
      seals: progress.seals + 1,
      events: progress.events + checked.present,
      erased: progress.erased + checked.erased,
      late: progress.late + checked.late,
      gone: progress.gone + checked.gone,
      goneMonth: checked.gone > 0 && seal.month > progress.goneMonth ? seal.month : progress.goneMonth,
    }
  }
  return progress
}

async function beginAt({ since, cursor }: VerificationQuery, { db, cursors }: AdminTools): Promise<Progress | Break> {
  if (cursor !== undefined) {
    const read = cursors.read(list, cursor)
    if (!read) throw new Problem('invalid_cursor', 'Begin the verification again', ['cursor'])
    const [n, mac = '', seals, events, erased, late, gone, goneMonth = ''] = read
    const numbers = { n: Number(n), seals: Number(seals), events: Number(events), erased: Number(erased) }
    return { ...numbers, late: Number(late), gone: Number(gone), goneMonth, mac: Buffer.from(mac, 'base64url') }
  }
  if (since === undefined) return beginning
  const [, n, mac] = /^([1-9][0-9]{0,15})\.([A-Za-z0-9_-]{43})$/.exec(since) ?? []
  if (n === undefined || mac === undefined)
    throw badField({ path: ['since'], detail: 'must be the head of an earlier answer' })
  const [noted] = await readSeals(db, Number(n) - 1, 1)
  if (noted?.n === Number(n) && noted.mac.toString('base64url') === mac)
    return { ...beginning, n: noted.n, mac: noted.mac }
  return { kind: 'unknown_head', seal: Number(n), month: null, place: null, eventId: null }
}

async function answer(
  progress: Progress,
  { db, cursors }: AdminTools,
  outcome: 'intact' | 'continues' | Break,
): Promise<Document> {
  const { n, mac, seals, events, erased, late, gone, goneMonth } = progress
  const newest = (await readLastSeal(db))?.n ?? 0
  const unsealed = await countUnsealed(db)
  const position = [n, mac.toString('base64url'), seals, events, erased, late, gone, goneMonth].map(String)
  return {
    outcome: typeof outcome === 'string' ? outcome : 'broken',
    broken: typeof outcome === 'string' ? null : showBreak(outcome),
    verified: { seals, events, erased_events: erased, late_events: late },
    dropped: gone === 0 ? null : { events: gone, through: goneMonth.slice(0, 7) },
    unsealed: { events: unsealed.events, oldest_at: instant(unsealed.oldestAt) },
    head: n === 0 ? null : `${n}.${mac.toString('base64url')}`,
    progress: { seal: n, of: Math.max(newest, n) },
    next_cursor: outcome === 'continues' ? cursors.write(list, position) : null,
  }
}

const showBreak = ({ kind, seal, month, place, eventId }: Break): Document => ({
  kind,
  seal,
  month: month?.slice(0, 7) ?? null,
  place,
  event_id: eventId,
})

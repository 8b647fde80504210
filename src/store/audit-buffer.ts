import type { AuditEvent } from '../domain/audit-event.ts'
import { insertAuditEvent } from './audit.ts'
import type { Database } from './database.ts'

/** Notes an event that is to be written a little later. */
export type NoteAudit = (event: AuditEvent) => void

export interface AuditBuffer {
  readonly note: NoteAudit
  /** Writes what was noted; what cannot be written stays for the next time. */
  readonly flush: () => Promise<void>
}

/** Different ones of a type that are told apart until the next flush. Whoever makes more of them at a time fills one row, and no table. */
const mostOfType = 20

interface Noted {
  readonly event: AuditEvent
  readonly count: number
}

/**
 * For events that a stranger can cause as often as he likes, and for reads: the same ones (who, from where, about whom, why) are one row with a
 * count, and there are only so many rows in a flush. A process that is killed loses those of the last seconds.
 */
export function createAuditBuffer(db: Database): AuditBuffer {
  let noted = new Map<string, Noted>()

  const add = (event: AuditEvent, count: number) => {
    const { type, outcome, actor, userId, clientId, reason } = event
    const key = JSON.stringify([type, actor.id, actor.ip, userId, clientId, reason])
    const isNew = !noted.has(key)
    const isOneTooMany = isNew && countOf(type, noted) >= mostOfType
    const restKey = JSON.stringify([type])
    const rest: AuditEvent = {
      type,
      ...(outcome && { outcome }),
      actor: { id: 'various' },
      reason: 'more_than_told_apart',
    }
    const [place, kept] = isOneTooMany ? [restKey, rest] : [key, event]
    noted.set(place, { event: noted.get(place)?.event ?? kept, count: (noted.get(place)?.count ?? 0) + count })
  }

  return {
    note: (event) => add(event, 1),
    flush: async () => {
      if (noted.size === 0) return
      const taken = noted
      noted = new Map()
      try {
        await db.transaction(async (tx) => {
          for (const { event, count } of taken.values())
            await insertAuditEvent(tx, { ...event, detail: { ...event.detail, count } })
        })
      } catch (error) {
        for (const { event, count } of taken.values()) add(event, count)
        throw error
      }
    },
  }
}

const countOf = (type: string, noted: ReadonlyMap<string, Noted>): number =>
  [...noted.values()].filter(({ event }) => event.type === type).length

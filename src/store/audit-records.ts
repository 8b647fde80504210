import { type RawBuilder, sql } from 'kysely'
import type { Queries } from './database.ts'

/** An audit event as it is read back. */
export interface AuditRecord {
  readonly id: string
  readonly at: Date
  readonly type: string
  readonly outcome: string
  readonly actor: string | null
  readonly targetKind: string | null
  readonly targetId: string | null
  readonly userId: string | null
  readonly clientId: string | null
  readonly reason: string | null
  readonly position: number | null
  readonly ip: string | null
  readonly requestId: string | null
  readonly detail: Readonly<Record<string, unknown>> | null
}

export interface AuditFilter {
  readonly userId?: string
  readonly clientId?: string
  readonly targetKind?: string
  readonly targetId?: string
  readonly actor?: string
  readonly requestId?: string
  readonly type?: string
  /** What the type begins with. */
  readonly typeBeginning?: string
  readonly outcome?: string
  /** From this instant on, and before that one. */
  readonly from?: string
  readonly to?: string
  readonly limit: number
  /** Instant (microseconds) and id of the last event of the page before. */
  readonly after?: readonly [at: string, id: string]
}

/** Columns that are compared with a text as it is. */
const plain = {
  target_kind: 'targetKind',
  target_id: 'targetId',
  actor: 'actor',
  request_id: 'requestId',
  type: 'type',
  outcome: 'outcome',
} as const satisfies Record<string, keyof AuditFilter>

/** Events, newest first. Months outside of `from` and `to` are not read. */
export async function listAuditEvents(
  db: Queries,
  filter: AuditFilter,
): Promise<(AuditRecord & { exactAt: string })[]> {
  const { userId, clientId, typeBeginning, from, to, after, limit } = filter
  const conditions: RawBuilder<unknown>[] = [sql`true`]
  if (userId !== undefined) conditions.push(sql`user_id = ${userId}::uuid`)
  if (clientId !== undefined) conditions.push(sql`client_id = ${clientId}`)
  for (const [column, name] of Object.entries(plain)) {
    const value = filter[name]
    if (value !== undefined) conditions.push(sql`${sql.ref(column)} = ${value}`)
  }
  if (typeBeginning !== undefined) conditions.push(sql`starts_with(type, ${typeBeginning})`)
  if (from !== undefined) conditions.push(sql`at >= ${from}::timestamptz`)
  if (to !== undefined) conditions.push(sql`at < ${to}::timestamptz`)
  if (after !== undefined) conditions.push(sql`(at, id) < (${after[0]}::timestamptz, ${after[1]}::uuid)`)
  const { rows } = await sql<AuditRecord & { exactAt: string }>`
    select id, at, at::text as "exactAt", type, outcome, actor, target_kind as "targetKind", target_id as "targetId", user_id as "userId",
      client_id as "clientId", reason, position, ip, request_id as "requestId", detail
    from audit_events where ${sql.join(conditions, sql` and `)} order by at desc, id desc limit ${limit}`.execute(
    db.kysely,
  )
  return rows
}

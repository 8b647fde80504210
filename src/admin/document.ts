import { isDeepStrictEqual } from 'node:util'
import { sha256 } from '../crypto/hash.ts'
import type { Document } from '../domain/field.ts'
import { Problem } from './problem.ts'

/** A version of a document, for `ETag` and `If-Match`: the same exactly when the document is. */
export const versionOf = (document: Document): string =>
  sha256(JSON.stringify(document)).toString('base64url').slice(0, 22)

/** Refuses a change to a document that is not the one its author has seen (RFC 9110 §13.1.1). */
export function requireVersion(document: Document, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch.trim() === '*') return
  const accepted = ifMatch.split(',').map((tag) => tag.trim())
  if (!accepted.includes(`"${versionOf(document)}"`))
    throw new Problem('precondition_failed', 'If-Match does not name the current version')
}

/** What members were and are. */
export type Changes = Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>

/** What differs, member by member: for audit events of documents without secrets or personal data. */
export function changesBetween(before: Document, after: Document): Changes {
  const changed = changedMembers(before, after)
  return Object.fromEntries(changed.map((name) => [name, { from: before[name] ?? null, to: after[name] ?? null }]))
}

/** The names of the members that differ. */
export function changedMembers(before: Document, after: Document): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...names].filter((name) => !isDeepStrictEqual(before[name], after[name]))
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether PostgreSQL takes it as an id: anything else names nothing. */
export const isId = (text: string): boolean => uuid.test(text)

export const instant = (at: Date | null): string | null => at?.toISOString() ?? null

import type { Document } from '../../domain/field.ts'
import type { Terminal } from '../terminal.ts'
import { exact } from '../times.ts'

const count = (number: unknown, noun: string): string => `${String(number)} ${noun}${number === 1 ? '' : 's'}`

/** How much an answer says has ended, or would end: `3 sessions and 1 grant`. */
export function counted(ended: unknown): string {
  const { sessions, grants } = (ended ?? {}) as Document
  return `${count(sessions, 'session')} and ${count(grants, 'grant')}`
}

/** What a revocation did, and when it is obeyed everywhere. */
export async function describeRevocation(terminal: Terminal, revoked: Document): Promise<void> {
  const { ended, enforced, position } = revoked
  if (revoked['dry_run'] === true) return terminal.print(`This would end ${counted(ended)}. Nothing was changed.`)
  const what = ended === null || ended === undefined ? 'Everything that it covers has' : `${counted(ended)} have`
  await terminal.print(`${what} ended at position ${String(position)}.`)
  await describeEnforcement(terminal, revoked)
  if (enforced === undefined && typeof revoked['bound'] === 'string')
    terminal.note(`Verifiers obey within milliseconds, and at the latest ${exact(revoked['bound'])}.`)
}

/** What the verifiers have said, if somebody waited for them. */
export async function describeEnforcement(terminal: Terminal, answer: Document): Promise<void> {
  const { enforced, verifiers, enforced_at_ms: ms } = answer
  if (enforced === undefined) return
  const { live, acked, lapsed } = (verifiers ?? {}) as Document
  if (live === 0 && enforced === 'all') return terminal.print('No verifier was listening that could accept it.')
  const standing = `${String(acked)} of ${count(live, 'verifier')} have confirmed${lapsed === 0 ? '' : `, ${String(lapsed)} accept nothing any more`}`
  await terminal.print(
    enforced === 'all'
      ? `No verifier accepts it any more: ${standing}, after ${String(ms)} ms.`
      : `Some verifiers may still accept it, until ${exact(String(answer['bound']))} at the latest: ${standing}.`,
  )
}

import { Failure } from '../command.ts'
import type { Handler } from '../definition.ts'
import { plain, type Terminal } from '../terminal.ts'
import { exact } from '../times.ts'

const path = '/audit-events/verification'

interface Verification {
  readonly outcome: 'intact' | 'broken' | 'continues'
  readonly broken: Break | null
  readonly verified: Readonly<Record<'seals' | 'events' | 'erased_events' | 'late_events', number>>
  readonly dropped: { readonly events: number; readonly through: string } | null
  readonly unsealed: { readonly events: number; readonly oldest_at: string | null }
  readonly head: string | null
  readonly progress: { readonly seal: number; readonly of: number }
  readonly next_cursor: string | null
}

interface Break {
  readonly kind: string
  readonly seal: number
  readonly month: string | null
  readonly place: number | null
  readonly event_id: string | null
}

export const verify: Handler = async (context) => {
  const { given, terminal, signal } = context
  const api = await context.api()
  const step = async (query: { since?: string | undefined; cursor?: string }) =>
    (await api.get(path, 'audit:read', query)) as unknown as Verification
  let answer = await step({ since: given.text('since') })
  while (answer.next_cursor !== null) {
    signal.throwIfAborted()
    terminal.progress(`seal ${answer.progress.seal} of ${answer.progress.of}`)
    answer = await step({ cursor: answer.next_cursor })
  }
  terminal.progress('')
  await (terminal.isJson ? terminal.json(answer) : describe(terminal, answer))
  if (answer.outcome !== 'intact') throw new Failure('The audit trail is not as it was sealed.')
}

async function describe(terminal: Terminal, answer: Verification): Promise<void> {
  const { broken, dropped, unsealed, head } = answer
  const { events, seals, erased_events: erased, late_events: late } = answer.verified
  const lines = [
    `${events} events under ${seals} seals are as they were sealed.`,
    dropped && `${dropped.events} events of the months up to ${plain(dropped.through)} were dropped by retention.`,
    erased > 0 && `The personal part of ${erased} of them was erased.`,
    late > 0 && `${late} of them say that they are more than an hour older than their seal.`,
    unsealed.oldest_at !== null &&
      `${unsealed.events} events, from ${exact(unsealed.oldest_at)} on, are not sealed yet.`,
    broken && terminal.style.red(breakOf(broken)),
    !broken && head !== null && `Head: ${plain(head)}`,
  ]
  for (const line of lines) if (typeof line === 'string') await terminal.print(line)
}

const meanings: Readonly<Record<string, string>> = {
  missing_event: 'an event is missing',
  changed_event: 'an event was changed',
  unknown_event: 'an event was put in that was never sealed there',
  missing_seal: 'a seal is missing',
  changed_seal: 'a seal was changed',
  unknown_head: 'the head that was noted is not in the chain: its end was cut off, or it was made anew',
}

function breakOf({ kind, seal, month, place, event_id: id }: Break): string {
  const where = [
    `seal ${seal}`,
    month !== null && `of ${plain(month)}`,
    place !== null && `place ${place}`,
    id !== null && `event ${plain(id)}`,
  ]
  return `Broken: ${meanings[kind] ?? plain(kind)} (${where.filter((part) => typeof part === 'string').join(', ')}).`
}

import {
  checkFields,
  type Document,
  type FieldProblem,
  type Fields,
  flag,
  list,
  matching,
  text,
  withoutNulls,
} from './field.ts'

/** Somebody who is told of events. */
export interface Webhook {
  readonly url: string
  /** Types of audit events; the beginning of some ends in `.*`, and `*` is all. */
  readonly events: readonly string[]
  readonly description?: string
  readonly disabled: boolean
}

const target = text(2048, (value) => {
  if (!URL.canParse(value)) return 'must be a URL'
  const { protocol, username, password, hash } = new URL(value)
  if (protocol !== 'https:' && protocol !== 'http:') return 'must be an https URL'
  return username === '' && password === '' && hash === ''
    ? undefined
    : 'must have neither a user name, nor a password, nor a fragment'
})
const eventType = text(
  100,
  matching(
    /^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$/,
    'must be a type of audit events such as session.created, the beginning of some such as session.*, or *',
  ),
)

export const webhookFields: Fields = {
  url: target,
  events: list(eventType, 50),
  description: text(200),
  disabled: flag,
}

/** A webhook from a document; without `events` it hears of sessions, grants, users and keys. */
export function readWebhook(given: Document): { webhook: Webhook } | { problem: FieldProblem } {
  const members = withoutNulls(given)
  const problem = checkFields(webhookFields, members)
  if (problem) return { problem }
  if (members['url'] === undefined) return { problem: { path: ['url'], detail: 'is required' } }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its fields were checked
  return { webhook: { events: usualEvents, disabled: false, ...members } as unknown as Webhook }
}

/** What ends or endangers access, and what begins it. */
const usualEvents = ['session.*', 'grant.*', 'user.*', 'key.*', 'not_before.*']

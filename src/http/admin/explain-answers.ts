import { id, instant, text, whole } from './answers.ts'
import { boolean, list, named, nullable, record, value } from './schema.ts'

const cause = { reason: nullable(text), target: nullable(text), since: nullable(instant), actor: nullable(text) }
const explained = {
  alive: boolean,
  ...cause,
  summary: text,
  also: list(record(cause)),
  deadlines: list(
    record({
      name: value('session_idle', 'session_max', 'grant_idle', 'grant_max'),
      at: instant,
      counted_from: instant,
      seconds: whole,
      set_by: text,
      setting: nullable(text),
      limits: list(record({ set_by: text, setting: nullable(text), seconds: whole })),
      passed: boolean,
      decides: boolean,
    }),
  ),
  lines: list(
    record(
      { name: text, passed: boolean, decides: boolean, set_at: nullable(instant), set_by: nullable(text) },
      { position: whole, created_position: whole, reason: nullable(text), at: instant, auth_time: instant },
    ),
  ),
  as_of: instant,
}

export const explainedSession = named(
  'ExplainedSession',
  record({ sid: id, user_id: id, remembered: boolean, ...explained }),
)

export const explainedGrant = named(
  'ExplainedGrant',
  record({
    gid: id,
    client_id: nullable(text),
    user_id: id,
    kind: value('online', 'offline'),
    ...explained,
    refresh: record({ allowed: boolean, reason: nullable(text) }),
    session: nullable(record({ sid: id, alive: boolean, ...cause })),
  }),
)

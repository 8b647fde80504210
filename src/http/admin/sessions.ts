import { explainGrant, explainSession } from '../../admin/explain.ts'
import { needsAdmin, revoke } from '../../admin/revocations.ts'
import { endGrant, endSession, readGrant, readGrants, readSession, readSessions } from '../../admin/sessions.ts'
import type { Document } from '../../domain/field.ts'
import { appliedWait } from '../prefer.ts'
import { grant, page, revocation as revoked, session } from './answers.ts'
import { explainedGrant, explainedSession } from './explain-answers.ts'
import type { AddRoute } from './route.ts'
import { boolean, object, value } from './schema.ts'
import { adminOnly, idParameter, listQuery, pageOf, pageParameters, text } from './shapes.ts'

const whose = { user_id: text, client_id: text }
const params = idParameter

const sessions = {
  list: {
    operation: 'list_sessions',
    summary: 'Lists the living sessions, the newest first',
    querystring: listQuery(whose),
    answer: page(session),
  },
  read: { operation: 'get_session', summary: 'Reads a session, also one that is over', params, answer: session },
  explain: {
    operation: 'explain_session',
    summary: 'Why a session is over, or what will end it',
    params,
    answer: explainedSession,
  },
  end: { operation: 'end_session', summary: 'Ends a session and its online grants', params },
}
const grants = {
  list: {
    operation: 'list_grants',
    summary: 'Lists the living grants, the newest first',
    querystring: object({}, { ...pageParameters, ...whose, kind: value('online', 'offline') }),
    answer: page(grant),
  },
  read: { operation: 'get_grant', summary: 'Reads a grant, also one that is over', params, answer: grant },
  explain: {
    operation: 'explain_grant',
    summary: 'Why a grant is over, or what will end it',
    params,
    answer: explainedGrant,
  },
  end: { operation: 'end_grant', summary: 'Ends a grant', params },
}
const revocation = {
  operation: 'revoke',
  summary: 'Ends exactly one target: a session, a grant, a token, everything of a user, a client, a key, or of all',
  body: object(
    {},
    {
      session_id: text,
      grant_id: text,
      user_id: text,
      client_id: text,
      jti: text,
      kid: text,
      all: value(true),
      reason: text,
      dry_run: boolean,
    },
  ),
  answer: revoked,
  furtherScope: adminOnly('for all and kid', needsAdmin),
  confirms: (body: Document) => body['dry_run'] !== true && needsAdmin(body),
  waits: true,
} as const

/** Sessions, grants, and their ends. */
export function sessionRoutes(add: AddRoute): void {
  add('GET', '/sessions', 'sessions:read', sessions.list, async ({ query }, _, tools) => ({
    body: await readSessions(query, pageOf(query), tools),
  }))
  add('GET', '/sessions/:id', 'sessions:read', sessions.read, async ({ params: { id } }, _, tools) => ({
    body: await readSession(id, tools),
  }))
  add('GET', '/sessions/:id/explain', 'sessions:read', sessions.explain, async ({ params: { id } }, _, tools) => ({
    body: await explainSession(id, tools),
  }))
  add('DELETE', '/sessions/:id', 'sessions:revoke', sessions.end, async ({ params: { id } }, { actor }, tools) => {
    await endSession(id, actor, tools)
    return {}
  })
  add('GET', '/grants', 'sessions:read', grants.list, async ({ query }, _, tools) => ({
    body: await readGrants(query, pageOf(query), tools),
  }))
  add('GET', '/grants/:id', 'sessions:read', grants.read, async ({ params: { id } }, _, tools) => ({
    body: await readGrant(id, tools),
  }))
  add('GET', '/grants/:id/explain', 'sessions:read', grants.explain, async ({ params: { id } }, _, tools) => ({
    body: await explainGrant(id, tools),
  }))
  add('DELETE', '/grants/:id', 'sessions:revoke', grants.end, async ({ params: { id } }, { actor }, tools) => {
    await endGrant(id, actor, tools)
    return {}
  })
  add('POST', '/revocations', 'sessions:revoke', revocation, async ({ body, waitSeconds }, { actor }, tools) => {
    const wait = body.dry_run === true ? undefined : waitSeconds
    return { body: await revoke(body, actor, tools, wait), headers: appliedWait(wait) }
  })
}

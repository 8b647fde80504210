import { explainGrant, explainSession } from '../../admin/explain.ts'
import { needsAdmin, revoke } from '../../admin/revocations.ts'
import { endGrant, endSession, readGrant, readGrants, readSession, readSessions } from '../../admin/sessions.ts'
import type { AdminTools } from '../../admin/tools.ts'
import { appliedWait } from '../prefer.ts'
import type { AddRoute } from './router.ts'
import { boolean, object, value } from './schema.ts'
import { idParameter, listQuery, pageOf, pageParameters, text } from './shapes.ts'

const whose = { user_id: text, client_id: text }
const grantQuery = object({}, { ...pageParameters, ...whose, kind: value('online', 'offline') })
const revocation = object(
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
)

/** Sessions, grants, and their ends. */
export function sessionRoutes(add: AddRoute, tools: AdminTools): void {
  add('GET', '/sessions', 'sessions:read', { querystring: listQuery(whose) }, async ({ query }) => ({
    body: await readSessions(query, pageOf(query), tools),
  }))
  add('GET', '/sessions/:id', 'sessions:read', { params: idParameter }, async ({ params }) => ({
    body: await readSession(params.id, tools),
  }))
  add('GET', '/sessions/:id/explain', 'sessions:read', { params: idParameter }, async ({ params }) => ({
    body: await explainSession(params.id, tools),
  }))
  add('DELETE', '/sessions/:id', 'sessions:revoke', { params: idParameter }, async ({ params }, { actor }) => {
    await endSession(params.id, actor, tools)
    return {}
  })
  add('GET', '/grants', 'sessions:read', { querystring: grantQuery }, async ({ query }) => ({
    body: await readGrants(query, pageOf(query), tools),
  }))
  add('GET', '/grants/:id', 'sessions:read', { params: idParameter }, async ({ params }) => ({
    body: await readGrant(params.id, tools),
  }))
  add('GET', '/grants/:id/explain', 'sessions:read', { params: idParameter }, async ({ params }) => ({
    body: await explainGrant(params.id, tools),
  }))
  add('DELETE', '/grants/:id', 'sessions:revoke', { params: idParameter }, async ({ params }, { actor }) => {
    await endGrant(params.id, actor, tools)
    return {}
  })
  add('POST', '/revocations', 'sessions:revoke', { body: revocation }, async ({ body, waitSeconds }, caller) => {
    if (needsAdmin(body)) caller.require('admin')
    const wait = body.dry_run === true ? undefined : waitSeconds
    return { body: await revoke(body, caller.actor, tools, wait), headers: appliedWait(wait) }
  })
}

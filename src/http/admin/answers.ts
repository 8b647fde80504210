import { adminRoleNames } from '../../domain/admin-role.ts'
import { clientFields } from '../../domain/client-metadata.ts'
import type { Fields } from '../../domain/field.ts'
import { resourceFields } from '../../domain/resource-definition.ts'
import { signingAlgs } from '../../domain/signing-key.ts'
import { userFields } from '../../domain/user-profile.ts'
import { webhookFields } from '../../domain/webhook.ts'
import { boolean, either, list, named, nullable, record, type Schema, value } from './schema.ts'

/*
 * What the API answers, for its document. Nothing is checked against these while it runs: the tests do that, with every answer that they get.
 */

export const text: Schema<string> = { type: 'string' }
const texts = list(text)
export const id: Schema<string> = { type: 'string', format: 'uuid' }
export const instant: Schema<string> = { type: 'string', format: 'date-time' }
export const whole: Schema<number> = { type: 'integer' }
const some: Schema<unknown> = {}

/** One page of a list. */
export const page = (item: Schema<unknown>): Schema<object> =>
  record({ items: list(item), next_cursor: { ...nullable(text), description: 'The cursor of the next page' } })

/** The members of a document: those that it always has, and the others. */
function membersOf(fields: Fields, always: readonly string[]) {
  const entries = Object.entries(fields).map(([name, { schema }]) => [name, schema] as const)
  return {
    required: Object.fromEntries(entries.filter(([name]) => always.includes(name))),
    optional: Object.fromEntries(entries.filter(([name]) => !always.includes(name))),
  }
}

const times = { created_at: instant, updated_at: instant }

const ofClient = membersOf(clientFields, [
  'application_type',
  'token_endpoint_auth_method',
  'grant_types',
  'response_types',
  'scope',
  'redirect_uris',
  'post_logout_redirect_uris',
  'id_token_signed_response_alg',
  'require_pkce',
  'skip_consent',
  'disabled',
  'refresh_token_rotation',
  'lost_response_window_seconds',
  'refresh_counts_as_activity',
  'reuse_revokes_session',
  'terminate_offline_on_logout',
])
const secret = {
  client_secret: { ...text, description: 'In this answer and never again' },
  client_secret_expires_at: whole,
}

export const client = named(
  'Client',
  record(
    { client_id: text, client_id_issued_at: whole, ...ofClient.required, ...times },
    { ...ofClient.optional, ...secret },
  ),
)

export const clientSecret = named(
  'ClientSecret',
  record({ client_id: text, ...secret, previous_secrets_expire_at: nullable(instant) }),
)

const ofResource = membersOf(resourceFields, ['identifier', 'scopes', 'signing_alg'])
export const resource = named('Resource', record({ ...ofResource.required, ...times }, ofResource.optional))

const ofUser = membersOf(userFields, ['username'])
export const user = named(
  'User',
  record({ id, ...ofUser.required, has_password: boolean, disabled: boolean, ...times }, ofUser.optional),
)

export const administrator = named(
  'Administrator',
  record({ user_id: id, username: text, role: value(...adminRoleNames), granted_at: instant }),
)
export const setupLink = named(
  'SetupLink',
  record({
    url: { ...text, description: 'In this answer and never again' },
    role: value(...adminRoleNames),
    expires_at: instant,
  }),
)

const life = {
  alive: boolean,
  created_at: instant,
  auth_time: instant,
  idle_expires_at: instant,
  expires_at: instant,
  ended_at: nullable(instant),
  end_reason: nullable(text),
}

export const session = named(
  'Session',
  record({
    sid: id,
    user_id: id,
    username: nullable(text),
    ...life,
    acr: text,
    amr: texts,
    last_seen_at: instant,
    remembered: boolean,
    device: nullable(text),
    ip: nullable(text),
    last_ip: nullable(text),
    user_agent: nullable(text),
  }),
)

export const grant = named(
  'Grant',
  record({
    gid: id,
    client_id: nullable(text),
    user_id: id,
    sid: nullable(id),
    kind: value('online', 'offline'),
    ...life,
    scope: text,
    resource: nullable(texts),
    last_used_at: instant,
  }),
)

const alg = value(...signingAlgs)
export const signingKey = named(
  'SigningKey',
  record({
    kid: text,
    alg,
    state: value('pending', 'published', 'active', 'retired', 'removed'),
    created_at: instant,
    activate_at: instant,
    retire_at: nullable(instant),
    remove_at: nullable(instant),
  }),
)

export const rotatedKeys = named(
  'RotatedKeys',
  record({ items: list(record({ kid: text, alg, activate_at: instant })), activate_at: nullable(instant) }),
)

export const auditEvent = named(
  'AuditEvent',
  record({
    id,
    at: instant,
    type: text,
    outcome: value('success', 'failure'),
    actor: nullable(text),
    target_kind: nullable(text),
    target_id: nullable(text),
    user_id: nullable(id),
    client_id: nullable(text),
    reason: nullable(text),
    position: nullable(whole),
    ip: nullable(text),
    request_id: nullable(text),
    detail: nullable({ type: 'object' }),
  }),
)

const receipt = {
  enforced: value('all', 'pending'),
  verifiers: record({ live: whole, acked: whole, lapsed: whole }),
  enforced_at_ms: { type: 'number' },
}
const reached = { position: whole, bound: instant, expired_by: instant }

export const revocation = named(
  'Revocation',
  record(
    { ...reached, ended: nullable(record({ sessions: whole, grants: whole })) },
    { ...receipt, dry_run: value(true) },
  ),
)

const ofWebhook = membersOf(webhookFields, ['url', 'events', 'disabled'])
const webhookMembers = { id, ...ofWebhook.required, ...times }
const whsec = { secret: { ...text, description: 'In this answer and never again' } }
export const webhook = named('Webhook', record(webhookMembers, ofWebhook.optional))
export const newWebhook = named('NewWebhook', record({ ...webhookMembers, ...whsec }, ofWebhook.optional))
export const webhookSecret = named('WebhookSecret', record({ id, ...whsec }))
export const webhookDelivery = named(
  'WebhookDelivery',
  record({
    event_id: id,
    type: text,
    state: value('pending', 'delivered', 'failed'),
    attempts: whole,
    next_attempt_at: nullable(instant),
    last_status: nullable(whole),
    last_error: nullable(text),
    settled_at: nullable(instant),
    created_at: instant,
  }),
)

const line = { scope: value('server', 'client', 'user'), id: nullable(text), not_before: whole }
export const drawnLine = named('DrawnNotBefore', record({ ...line, ...reached }, receipt))
export const notBefore = either(
  named('NotBefore', record({ ...line, position: whole })),
  named(
    'NotBeforeLines',
    record({ server: whole, position: whole, clients: { type: 'object', additionalProperties: whole } }),
  ),
)

const consent = record({ client_id: nullable(text), scopes: texts, granted_at: instant })
export const userExport = named(
  'UserExport',
  record({
    user,
    sessions: list(session),
    grants: list(grant),
    consents: list(consent),
    audit_events: list(auditEvent),
    truncated: { ...texts, description: 'Lists that hold the newest items only, because there are too many' },
    exported_at: instant,
  }),
)

export const setting = named(
  'Setting',
  record({
    name: text,
    value: some,
    source: value('database', 'environment'),
    configured: { description: 'What the environment says' },
    overridden: { ...boolean, description: 'An administrator has set it over the environment' },
  }),
)

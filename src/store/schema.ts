import type { ColumnType, Generated, JSONColumnType } from 'kysely'

// One interface per table that is queried through Kysely, in the words of SQL. Tables that only named statements touch are not listed.

type Time = ColumnType<Date, Date | string, Date | string>
type Json = JSONColumnType<Record<string, unknown>>

export interface ClientsTable {
  id: Generated<string>
  client_id: string
  metadata: Json
  grant_types: string[]
  scopes: string[]
  skip_consent: boolean
  disabled_at: Time | null
  created_at: Generated<Date>
  updated_at: Generated<Date>
  ended_pos: Generated<number>
  not_before: Generated<Date>
  iat_floor: Generated<number>
  rotates: Generated<boolean>
  grace_s: number | null
  lost_response_s: Generated<number>
  refresh_is_activity: Generated<boolean>
  reuse_ends_session: Generated<boolean>
  logout_ends_offline: Generated<boolean>
  idle_s: number | null
  max_s: number | null
  offline_idle_s: number | null
  offline_max_s: number | null
}

export interface ClientSecretsTable {
  id: Generated<string>
  client: string
  hash: Buffer
  created_at: Generated<Date>
  expires_at: Time | null
}

export interface ResourcesTable {
  identifier: string
  name: string | null
  scopes: string[]
  access_token_ttl_seconds: number | null
  signing_alg: 'ES256' | 'RS256' | 'EdDSA'
  created_at: Generated<Date>
  updated_at: Generated<Date>
}

export interface UsersTable {
  id: Generated<string>
  username: string
  username_norm: string
  email: string | null
  email_norm: string | null
  email_verified: Generated<boolean>
  profile: Json
  password_hash: string | null
  disabled_at: Time | null
  created_at: Generated<Date>
  updated_at: Generated<Date>
  ended_pos: Generated<number>
  not_before: Generated<Date>
}

export interface SessionsTable {
  id: Generated<string>
  user_id: string
  created_at: Generated<Date>
  created_pos: number
  auth_time: Generated<Date>
  acr: string
  amr: string[]
  last_seen_at: Generated<Date>
  idle_s: number
  expires_at: Time
  remembered: Generated<boolean>
  ip: string | null
  last_ip: string | null
  user_agent: string | null
  revoked_at: Time | null
  revoke_reason: string | null
}

export interface GrantsTable {
  id: string
  client: string
  user_id: string
  session_id: string | null
  offline: boolean
  scope: string
  resource: string[] | null
  rt_nonce_hash: Buffer | null
  rt_gen: number
  rt_rotated_at: Generated<Date>
  active_at: Date | null
  idle_s: number
  expires_at: Time
  created_at: Generated<Date>
  created_pos: number
  auth_time: Time
  revoked_at: Time | null
  revoke_reason: string | null
}

export interface AuditEventsTable {
  id: Generated<string>
  at: Generated<Date>
  type: string
  outcome: Generated<string>
  actor: string | null
  target_kind: string | null
  target_id: string | null
  user_id: string | null
  client_id: string | null
  reason: string | null
  position: number | null
  ip: string | null
  request_id: string | null
  detail: JSONColumnType<Record<string, unknown>> | null
}

export interface SigningKeysTable {
  kid: string
  alg: 'ES256' | 'RS256' | 'EdDSA'
  public_jwk: Json
  private_key: Buffer | null
  created_at: Generated<Date>
  publish_at: Generated<Date>
  activate_at: Time
  retire_at: Time | null
  remove_at: Time | null
  compromised_at: Time | null
}

export interface Schema {
  clients: ClientsTable
  client_secrets: ClientSecretsTable
  resources: ResourcesTable
  users: UsersTable
  sessions: SessionsTable
  grants: GrantsTable
  audit_events: AuditEventsTable
  signing_keys: SigningKeysTable
}

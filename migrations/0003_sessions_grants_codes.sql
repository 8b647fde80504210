-- Hot rows stay HOT: no column that a refresh or a touch writes is in an index, and no foreign key or trigger hangs on them.
create table sessions (
  id               uuid primary key default new_id(),
  user_id          uuid not null,
  secret_hash      bytea not null,
  prev_secret_hash bytea,
  prev_until       timestamptz,
  created_at       timestamptz not null default clock_now(),
  created_pos      bigint not null,
  auth_time        timestamptz not null default clock_now(),
  acr              text not null,
  amr              text[] not null,
  last_seen_at     timestamptz not null default clock_now(),
  idle_s           int not null,
  touch_s          int not null,
  expires_at       timestamptz not null,
  ip               text,
  user_agent       text,
  revoked_at       timestamptz,
  revoke_reason    text
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
create index sessions_user_live on sessions (user_id) where revoked_at is null;
create index sessions_expiry on sessions (expires_at);
comment on column sessions.id is 'Public: the sid of tokens. Never reused';
comment on column sessions.secret_hash is 'SHA-256 of the 256-bit secret in the cookie';
comment on column sessions.prev_secret_hash is 'The secret before the last rotation, good for reading until prev_until: a lost answer signs nobody out';
comment on column sessions.created_pos is 'Feed position read with the first factor; an ending above it ends the session';
comment on column sessions.last_seen_at is 'Written at most once per touch_s, so a session may end that much early and never late; in no index';
comment on column sessions.expires_at is 'Written once, so its index costs a refresh nothing';

create table grants (
  id            uuid primary key,
  client        uuid not null,
  user_id       uuid not null,
  session_id    uuid,
  offline       boolean not null default false,
  scope         text not null,
  resource      text[],
  claims        jsonb,
  rt_nonce_hash bytea,
  rt_gen        int not null default 0,
  rt_rotated_at timestamptz not null default clock_now(),
  idle_s        int not null,
  expires_at    timestamptz not null,
  created_at    timestamptz not null default clock_now(),
  created_pos   bigint not null,
  auth_time     timestamptz not null,
  acr           text,
  amr           text[],
  jkt           bytea,
  revoked_at    timestamptz,
  revoke_reason text
) with (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.02);
create index grants_user_live on grants (user_id) where revoked_at is null;
create index grants_session_live on grants (session_id) where revoked_at is null;
create index grants_expiry on grants (expires_at);
comment on column grants.id is 'The gid of tokens; preallocated with the authorization code';
comment on column grants.session_id is 'Offline grants keep it for display only: they live on when the session ends';
comment on column grants.rt_nonce_hash is 'SHA-256 of the nonce inside the refresh token; null when none was issued';
comment on column grants.rt_gen is 'Generation of the current refresh token; every rotation adds one';

create table authorization_codes (
  hash           bytea primary key,
  grant_id       uuid not null,
  client         uuid not null,
  user_id        uuid not null,
  session_id     uuid not null,
  offline        boolean not null default false,
  redirect_uri   text,
  code_challenge bytea,
  jkt            bytea,
  scope          text not null,
  resource       text[],
  claims         jsonb,
  nonce          text,
  auth_time      timestamptz not null,
  acr            text,
  amr            text[],
  created_at     timestamptz not null default clock_now(),
  created_pos    bigint not null,
  expires_at     timestamptz not null,
  used_at        timestamptz
) with (fillfactor = 80);
create index authorization_codes_expiry on authorization_codes (expires_at);
comment on column authorization_codes.redirect_uri is 'As the request carried it; null when it carried none';
comment on column authorization_codes.created_pos is 'Without it a code issued before an ending would make a living grant';

create table login_transactions (
  handle_hash  bytea primary key,
  binding_hash bytea not null,
  client       uuid not null,
  params       jsonb not null,
  session_id   uuid,
  created_at   timestamptz not null default clock_now(),
  expires_at   timestamptz not null
);
create index login_transactions_expiry on login_transactions (expires_at);
comment on column login_transactions.handle_hash is 'SHA-256 of the 256-bit handle in the URL';
comment on column login_transactions.binding_hash is 'SHA-256 of the cookie of this transaction: a handle without its cookie is refused';
comment on column login_transactions.params is 'The authorization request as validated, frozen';
comment on column login_transactions.session_id is 'The session that this transaction made, compared and swapped: a second submit makes no other';

create table revoked_jtis (jti uuid primary key, expires_at timestamptz not null);
create index revoked_jtis_expiry on revoked_jtis (expires_at);

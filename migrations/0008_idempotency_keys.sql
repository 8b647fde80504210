-- Answers of the admin API to requests with an Idempotency-Key, kept for a day.
create table idempotency_keys (
  caller        text not null,
  key           text not null,
  request       bytea not null,
  claim         uuid not null default gen_random_uuid(),
  claimed_until timestamptz not null,
  answer        bytea,
  created_at    timestamptz not null default clock_now(),
  primary key (caller, key)
);
create index idempotency_keys_created on idempotency_keys (created_at);
comment on column idempotency_keys.request is 'Sealed digest of the first request: the same key with another one is refused';
comment on column idempotency_keys.claim is 'Who works on it; whoever takes over an abandoned key writes another one';
comment on column idempotency_keys.answer is 'Sealed: it may hold a secret. Null while the first request is under way';

-- Users are found by the beginning of a name or address. Byte order, whatever the collation of the database: only there do texts
-- with the same beginning stand together.
create index users_username_prefix on users (username_norm collate "C");
create index users_email_prefix on users (email_norm collate "C") where email_norm is not null;

-- All that is known about one user, for an export and for its erasure: what was ended is in no other index. Refreshes stay HOT, because
-- revoked_at is in the conditions of indexes already and an ending is the only one that writes it.
create index sessions_user_ended on sessions (user_id) where revoked_at is not null;
create index grants_user_ended on grants (user_id) where revoked_at is not null;
create index if not exists audit_events_user on audit_events (user_id, at) where user_id is not null;

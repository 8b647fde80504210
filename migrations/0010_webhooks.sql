-- Who is told of sessions and of security: docs/decisions/0018-webhooks.md says why the events come from the audit trail.
create table webhooks (
  id          uuid primary key default new_id(),
  url         text not null,
  events      text[] not null,
  description text,
  secret      bytea not null,
  disabled_at timestamptz,
  seal        bigint not null,
  created_at  timestamptz not null default clock_now(),
  updated_at  timestamptz not null default clock_now()
);
comment on column webhooks.events is 'Types of audit events; the beginning of some ends in .*, and * is all';
comment on column webhooks.secret is 'Sealed';
comment on column webhooks.seal is 'Events up to that of audit_seals are queued, or came before the webhook';

create table webhook_deliveries (
  webhook      uuid not null references webhooks on delete cascade,
  event_id     uuid not null,
  event_at     timestamptz not null,
  type         text not null,
  state        text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
  attempts     int not null default 0,
  next_at      timestamptz not null default clock_now(),
  last_status  int,
  last_error   text,
  settled_at   timestamptz,
  created_at   timestamptz not null default clock_now(),
  primary key (webhook, event_id)
);
create index webhook_deliveries_due on webhook_deliveries (webhook, next_at) where state = 'pending';
create index webhook_deliveries_created on webhook_deliveries (created_at);
comment on column webhook_deliveries.next_at is 'While pending: the next attempt; while one is under way, when another instance takes it for lost';

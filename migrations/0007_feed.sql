-- The revocation feed as it is read: positions that never repeat, instances that promise, and whoever waits for an answer.

alter table feed_head
  add column bases   bigint[] not null default '{}',
  add column lineage text;
comment on column feed_head.bases is 'Where counting began anew: beneath each of them positions are missing that were never drawn, or are lost';
comment on column feed_head.lineage is 'Cluster and timeline that drew the last position';

-- A restored or promoted database may have forgotten positions that tokens carry already.
create function current_lineage() returns text language sql volatile as $$
  select system_identifier || '/' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) from pg_control_system()
$$;

-- Whoever draws the first position of a new lineage goes beyond all that can ever have been drawn: fewer than two million a second, since 1970.
create function draw_position() returns trigger language plpgsql as $$
declare
  lineage_now constant text := current_lineage();
  jumped bigint;
begin
  if old.lineage is distinct from lineage_now then
    if old.lineage is not null then
      jumped := greatest(old.seq + 1048576, floor(extract(epoch from now()))::bigint * 2097152);
      new.bases := old.bases || jumped;
      new.seq := jumped + (new.seq - old.seq);
      new.epoch := gen_random_uuid();
    end if;
    new.lineage := lineage_now;
  end if;
  -- A position that was visible and then lost in a crash would be drawn twice.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'local', true);
  end if;
  -- A wake-up without content; nothing depends on it. The head's lock puts endings in a queue anyway, so the queue of NOTIFY costs nothing more.
  if new.seq > old.seq then
    perform pg_notify('falconer_feed', '');
  end if;
  return new;
end
$$;
create trigger feed_head_drawn before update of seq on feed_head for each row execute function draw_position();

-- An instance sends a frame only while this promise covers it. Logged: a promise that a crash forgets would make a receipt say "all" too early.
create table feed_instances (
  id         text primary key,
  until      timestamptz not null,
  reported   bigint not null default 0,
  verifiers  jsonb not null default '[]'
);
create index feed_instances_until on feed_instances (until);
comment on column feed_instances.until is 'No verifier is fresh after this by anything that the instance has sent';
comment on column feed_instances.reported is 'The verifiers are those that it had when it had read this position';
comment on column feed_instances.verifiers is '[id, position acknowledged, seconds until which it may be fresh] of each';

create table feed_waits (
  id       uuid primary key default new_id(),
  position bigint not null,
  until    timestamptz not null
);
comment on table feed_waits is 'Callers who wait until a position is enforced everywhere';

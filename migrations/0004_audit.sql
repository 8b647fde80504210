create table audit_events (
  id          uuid not null default new_id(),
  at          timestamptz not null default clock_now(),
  type        text not null,
  outcome     text not null default 'success',
  actor       text,
  target_kind text,
  target_id   text,
  user_id     uuid,
  client_id   text,
  reason      text,
  position    bigint,
  ip          text,
  request_id  text,
  detail      jsonb,
  primary key (id, at)
) partition by range (at);
create index audit_events_at on audit_events (at);

-- Nothing should ever land here: partitions are made ahead. But a missing partition must not keep anyone from logging out.
create table audit_events_default partition of audit_events default;

-- Makes the partitions of this month and the next ones, at least 40 days ahead. An event that went to the default partition
-- meanwhile moves to its month. Run at start and daily; safe on several instances.
create function make_audit_partitions() returns int language plpgsql as $$
declare
  month    timestamp := date_trunc('month', clock_now() at time zone 'UTC');
  begins   timestamptz;
  ends     timestamptz;
  made     int := 0;
  name     text;
begin
  perform pg_advisory_xact_lock(hashtext('falconer.audit_partitions'));
  while month <= (clock_now() at time zone 'UTC') + interval '40 days' loop
    name := 'audit_events_' || to_char(month, 'YYYY_MM');
    begins := month at time zone 'UTC';
    ends := (month + interval '1 month') at time zone 'UTC';
    if to_regclass(name) is null then
      execute format('create table %I (like audit_events including all)', name);
      lock table audit_events_default in access exclusive mode;
      execute format('with moved as (delete from audit_events_default where at >= %L and at < %L returning *) insert into %I select * from moved',
        begins, ends, name);
      execute format('alter table audit_events attach partition %I for values from (%L) to (%L)', name, begins, ends);
      made := made + 1;
    end if;
    month := month + interval '1 month';
  end loop;
  return made;
end $$;
select make_audit_partitions();

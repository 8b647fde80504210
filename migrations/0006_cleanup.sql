-- Secrets that expired are found by when they did; most never do.
create index client_secrets_expiry on client_secrets (expires_at) where expires_at is not null;

-- The monthly partitions of which every event is older than so many days, oldest first. Others that hang there are not ours to judge.
create function due_audit_partitions(keep_days int) returns setof regclass language sql stable as $$
  select c.oid::regclass from pg_inherits i join pg_class c on c.oid = i.inhrelid
  where i.inhparent = 'audit_events'::regclass and c.relname ~ '^audit_events_\d{4}_\d{2}$'
    and (to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' <= clock_now() - make_interval(days => keep_days)
  order by c.relname $$;

-- Drops the oldest of them and returns its name; null when none is due, or another instance is at work. There is a default partition, so
-- DETACH CONCURRENTLY cannot be had, and the drop locks the whole table. While a backup reads it, that lock is not to be had either, and every
-- event queues up behind it: so it gives up soon, and the next round tries again.
create function drop_audit_partition(keep_days int) returns text language plpgsql set lock_timeout = '50ms' as $$
declare
  name text;
begin
  if not pg_try_advisory_xact_lock(hashtext('falconer.audit_partitions')) then return null; end if;
  select due::text into name from due_audit_partitions(keep_days) due limit 1;
  if name is null then return null; end if;
  execute 'drop table ' || name;
  return name;
end $$;

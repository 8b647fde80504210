-- Audit events are chained after their commit, by a job: docs/decisions/0016-audit-chain.md says why. An event that is not sealed yet has no
-- seal, whenever it was committed and whatever its time: so none is missed and none is sealed twice.
alter table audit_events
  add column salt          uuid,
  add column personal_hash bytea,
  add column seal          bigint,
  add column place         int,
  add column mac           bytea;
-- What is there already gets its salt when it is sealed: a default for it would write the whole table anew.
alter table audit_events alter column salt set default gen_random_uuid();
create index audit_events_seal on audit_events (seal, at, id);
-- Everything that happened to one session, grant, client or key.
create index audit_events_target on audit_events (target_id, at) where target_id is not null;
comment on column audit_events.salt is 'Hides what was erased from whoever has its hash';
comment on column audit_events.personal_hash is 'Only of an event whose personal part was erased: SHA-256 of salt and that part';
comment on column audit_events.seal is 'audit_seals.n; null until the event is sealed';
comment on column audit_events.place is 'Which of its seal it is, from 1';
comment on column audit_events.mac is 'Keyed hash of seal, place and the event';

create table audit_seals (
  n         bigint primary key,
  at        timestamptz not null,
  month     date not null,
  events    int not null,
  rows_hash bytea not null,
  mac       bytea not null
);
comment on table audit_seals is 'One after the other without a gap. Never deleted: they say what a dropped month held';
comment on column audit_seals.month is 'The month of all of its events, so that it loses all of them at once when that is dropped';
comment on column audit_seals.rows_hash is 'SHA-256 of the macs of its events';
comment on column audit_seals.mac is 'Keyed hash of the row and of the mac of the seal before';

alter table server add column audit_key bytea;
comment on column server.audit_key is 'Sealed key of the audit chain';

-- What an event tells about a person: an address, and what a detail may hold of these.
create function audit_personal_part(ip text, detail jsonb) returns text language sql immutable parallel safe as $$
  select jsonb_build_array(ip, detail -> 'username', detail -> 'email', detail -> 'ip', detail -> 'user_agent')::text $$;

-- Whoever erases that part need not know of the chain: the hash of what was there takes its place, and the salt goes.
create function keep_personal_hash() returns trigger language plpgsql as $$
declare
  before constant text := audit_personal_part(old.ip, old.detail);
  nothing constant text := audit_personal_part(null, null);
begin
  if audit_personal_part(new.ip, new.detail) = nothing and before <> nothing and old.personal_hash is null then
    new.personal_hash := sha256(coalesce(uuid_send(old.salt), '') || convert_to(before, 'UTF8'));
    new.salt := null;
  end if;
  return new;
end $$;
create trigger audit_events_erased before update on audit_events for each row
  when (old.ip is distinct from new.ip or old.detail is distinct from new.detail) execute function keep_personal_hash();

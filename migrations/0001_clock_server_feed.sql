-- The only clock. It inlines to now(). A test database replaces it with one that adds an offset, and that is how tests move time.
create function clock_now() returns timestamptz language sql stable parallel safe as $$ select now() $$;

-- UUIDv7 from clock_now(): 48 bits of milliseconds, the version, and in the last 8 bytes the variant and 62 random bits.
-- The last 8 bytes are the key by which the revocation feed names a session, a grant or a token.
create function new_id() returns uuid language sql volatile parallel safe as $$
  select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
    placing substring(int8send(floor(extract(epoch from clock_now()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid $$;

-- A position is feed_head.seq, the logical clock: whatever was created before the position of an ending is ended by it.
create table server (
  id         int primary key default 1 check (id = 1),
  ended_pos  bigint not null default 0,
  not_before timestamptz not null default '-infinity',
  iat_floor  bigint not null default 0
) with (fillfactor = 10);
comment on column server.ended_pos is 'Position of the last "end everything"; sessions, grants and tokens created before it are dead';
comment on column server.not_before is 'Whatever was authenticated before this instant is dead; only moves forward';
comment on column server.iat_floor is 'Seconds shown by /not-before, and the least iat of new tokens, for services that compare iat only';

-- The head is the last row locked before COMMIT, so the order of positions is the order in which they become visible.
create table feed_head (
  id    int primary key default 1 check (id = 1),
  seq   bigint not null default 0,
  epoch uuid not null default gen_random_uuid(),
  key   bytea
) with (fillfactor = 10);
comment on column feed_head.epoch is 'Changes when the position space is replaced (restore from a backup)';
comment on column feed_head.key is 'Sealed HMAC key of the user and client entries: ids cannot be read from a captured feed';

create table feed_entries (
  seq   bigint primary key,
  kind  "char" not null check (kind in ('s', 'u', 'g', 'c', 'k', 'j', 'a')),
  key   bytea not null,
  until timestamptz not null,
  nb    timestamptz
);
create index feed_entries_until on feed_entries (until);
comment on column feed_entries.kind is 's session, u user, g grant, c client, k signing key, j one token, a everything';
comment on column feed_entries.key is '8 bytes: s, g, j the last 8 of the id; u, c, k an HMAC';
comment on column feed_entries.until is 'When no access token that it covers can be alive any more: now + the longest token life + 120 s';
comment on column feed_entries.nb is 'Set by a not-before in the past: matches auth_time < nb instead of rvp < seq';

create table signing_keys (
  kid            text primary key,
  alg            text not null check (alg in ('ES256', 'RS256', 'EdDSA')),
  public_jwk     jsonb not null,
  private_key    bytea,
  created_at     timestamptz not null default clock_now(),
  publish_at     timestamptz not null default clock_now(),
  activate_at    timestamptz not null,
  retire_at      timestamptz,
  remove_at      timestamptz,
  compromised_at timestamptz
);
create unique index signing_keys_latest on signing_keys (alg) where retire_at is null;
comment on table signing_keys is 'States follow from the instants: pending < publish_at <= published < activate_at <= active < retire_at <= retired < remove_at <= removed';
comment on column signing_keys.private_key is 'PKCS #8, sealed under a master key with the kid as associated data; null once removed';
comment on column signing_keys.retire_at is 'When a successor became active; at most one key per algorithm has none';

insert into server default values;
insert into feed_head default values;

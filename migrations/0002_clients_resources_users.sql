create table resources (
  identifier               text primary key,
  name                     text,
  scopes                   text[] not null default '{}',
  access_token_ttl_seconds int,
  signing_alg              text not null default 'ES256' check (signing_alg in ('ES256', 'RS256', 'EdDSA')),
  created_at               timestamptz not null default clock_now(),
  updated_at               timestamptz not null default clock_now()
);
comment on column resources.identifier is 'The aud of its access tokens (RFC 8707)';

-- What a statement reads stands in a column; what only the server reads stands in metadata under its RFC 7591 name.
create table clients (
  id                  uuid primary key default new_id(),
  client_id           text not null unique,
  metadata            jsonb not null default '{}',
  grant_types         text[] not null default '{authorization_code}',
  scopes              text[] not null default '{}',
  skip_consent        boolean not null default false,
  disabled_at         timestamptz,
  created_at          timestamptz not null default clock_now(),
  updated_at          timestamptz not null default clock_now(),
  ended_pos           bigint not null default 0,
  not_before          timestamptz not null default '-infinity',
  iat_floor           bigint not null default 0,
  rotates             boolean not null default true,
  grace_s             int check (grace_s between 0 and 60),
  lost_response_s     int not null default 0 check (lost_response_s between 0 and 86400),
  refresh_is_activity boolean not null default true
) with (fillfactor = 50);
comment on column clients.grace_s is 'refresh_grace_seconds: how long the immediate predecessor still gets the same successor; 0 = not at all; null = as the server is set';
comment on column clients.lost_response_s is 'lost_response_window_seconds: the same for a client that may lose an answer for longer';

-- The web origins that belong to a client: those of its http(s) redirect URIs and the ones registered for CORS, as a browser spells them.
create function origins_of(metadata jsonb) returns text[] language sql immutable parallel safe as $$
  select array_agg(distinct regexp_replace(regexp_replace(lower(substring(uri from '(?i)^https?://[^/?#]+')), '^(https://.*):443$', '\1'), '^(http://.*):80$', '\1'))
  from jsonb_array_elements_text(coalesce(metadata -> 'redirect_uris', '[]') || coalesce(metadata -> 'allowed_cors_origins', '[]')) uri
  where uri ~* '^https?://' $$;
create index clients_origins on clients using gin (origins_of(metadata));

create table client_secrets (
  id         uuid primary key default new_id(),
  client     uuid not null references clients (id) on delete cascade,
  hash       bytea not null,
  created_at timestamptz not null default clock_now(),
  expires_at timestamptz
);
create index client_secrets_client on client_secrets (client);
comment on column client_secrets.hash is 'SHA-256: the secret has at least 32 characters, so a slow hash would only cost';

create table users (
  id             uuid primary key default new_id(),
  username       text not null,
  username_norm  text not null unique,
  email          text,
  email_norm     text unique,
  email_verified boolean not null default false,
  profile        jsonb not null default '{}',
  password_hash  text,
  disabled_at    timestamptz,
  created_at     timestamptz not null default clock_now(),
  updated_at     timestamptz not null default clock_now(),
  ended_pos      bigint not null default 0,
  codes_pos      bigint not null default 0,
  not_before     timestamptz not null default '-infinity'
) with (fillfactor = 80);
comment on column users.username_norm is 'NFKC, case-folded, trimmed: what a sign-in and a limit are matched on';
comment on column users.profile is 'Standard claims of OpenID Connect Core 5.1 under their own names, without the ones that have a column';
comment on column users.codes_pos is 'Codes issued before this position are refused: written when the grants of one client are ended';

-- The claims a user may appear with (OpenID Connect Core 5.1), keyed by claim name.
create function standard_claims(u users) returns jsonb language sql stable as $$
  select jsonb_strip_nulls(u.profile || jsonb_build_object('preferred_username', u.username, 'email', u.email,
    'email_verified', case when u.email is not null then u.email_verified end,
    'updated_at', floor(extract(epoch from u.updated_at))::bigint)) $$;

create table consents (
  user_id    uuid not null,
  client     uuid not null,
  scopes     text[] not null,
  granted_at timestamptz not null default clock_now(),
  primary key (user_id, client)
);

-- Fixed windows, counted before the work that they guard. Unlogged: a crash forgets at most one window.
create unlogged table limits (
  key     text primary key,
  ends_at timestamptz not null,
  n       int not null
);
create index limits_ends on limits (ends_at);

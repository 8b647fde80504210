-- People who may administer. What a role allows stands in src/domain/admin-role.ts.
create table administrators (
  user_id    uuid primary key references users on delete cascade,
  role       text not null check (role in ('admin', 'responder', 'viewer')),
  granted_at timestamptz not null default clock_now()
);

-- Links by which somebody makes an account that may administer: each is good once, and for a quarter of an hour.
create table setup_links (
  hash       bytea primary key,
  role       text not null check (role in ('admin', 'responder', 'viewer')),
  expires_at timestamptz not null,
  used_at    timestamptz
);
create index setup_links_expiry on setup_links (expires_at);
comment on column setup_links.hash is 'SHA-256 of the code in the link';

-- The policy stands in the database, where the statements that decide can read it: a limit that is tightened holds at once, on every
-- instance, also for what is alive already. Each instance writes its settings here when it starts; the last to start decides.
alter table server
  add session_idle_s      int not null default 1800,
  add session_max_s       int not null default 36000,
  add remember_idle_s     int,
  add remember_max_s      int,
  add refresh_idle_s      int,
  add refresh_max_s       int,
  add offline_idle_s      int not null default 2592000,
  add offline_max_s       int not null default 5184000,
  add refresh_grace_s     int not null default 10,
  add refresh_is_activity boolean not null default true,
  add max_sessions        int not null default 0,
  add ends_oldest         boolean not null default true,
  add ended_at            timestamptz,
  add ended_reason        text,
  add ended_by            text,
  add not_before_at       timestamptz,
  add not_before_by       text;
comment on column server.remember_idle_s is 'Null: nobody is remembered, and sessions that were are held to the ordinary limits';
comment on column server.refresh_idle_s is 'Null: an online grant may be idle for as long as its session';
comment on column server.max_sessions is 'Live sessions that a user may have; 0 for any number';
comment on column server.ends_oldest is 'What happens at the limit: the session that was used longest ago ends, or the new one is refused';
comment on column server.ended_at is 'When, why and by whom ended_pos was last moved: an ending by position leaves no trace in the rows it ends';
comment on column server.not_before_at is 'When and by whom not_before was last moved';

-- A client may shorten a limit and never lengthen it; null where it leaves it as it is.
alter table clients
  add idle_s                int check (idle_s > 0),
  add max_s                 int check (max_s > 0),
  add offline_idle_s        int check (offline_idle_s > 0),
  add offline_max_s         int check (offline_max_s > 0),
  add reuse_ends_session    boolean not null default false,
  add logout_ends_offline   boolean not null default false,
  add ended_at              timestamptz,
  add ended_reason          text,
  add ended_by              text,
  add not_before_at         timestamptz,
  add not_before_by         text;
update clients set
  idle_s = (metadata ->> 'session_idle_seconds')::int,
  max_s = (metadata ->> 'session_max_seconds')::int,
  offline_idle_s = (metadata ->> 'offline_idle_seconds')::int,
  offline_max_s = (metadata ->> 'offline_max_seconds')::int,
  reuse_ends_session = coalesce((metadata ->> 'reuse_revokes_session')::boolean, false),
  logout_ends_offline = coalesce((metadata ->> 'terminate_offline_on_logout')::boolean, false),
  metadata = metadata - array['session_idle_seconds', 'session_max_seconds', 'offline_idle_seconds', 'offline_max_seconds',
    'reuse_revokes_session', 'terminate_offline_on_logout'];
comment on column clients.idle_s is 'session_idle_seconds, for its online grants; max_s is session_max_seconds';
comment on column clients.reuse_ends_session is 'reuse_revokes_session: a refresh token used twice ends the session of its grant too';
comment on column clients.logout_ends_offline is 'terminate_offline_on_logout: its offline grants end with the log-out of the session they came from';

alter table users
  add ended_at      timestamptz,
  add ended_reason  text,
  add ended_by      text,
  add not_before_at timestamptz,
  add not_before_by text;

-- How often a session is touched follows from how long it may be idle now.
alter table sessions
  drop touch_s,
  add remembered boolean not null default false,
  add last_ip    text,
  add revoked_by text;
comment on column sessions.remembered is 'The person asked to be remembered: other limits, and a cookie that survives the browser';
comment on column sessions.last_ip is 'Address of the last touch by the browser; never written for its own sake';

alter table grants add revoked_by text;
-- For the lists of a client and the dry run of its ending; client is never updated, so refreshes stay HOT.
create index grants_client_live on grants (client, id) where revoked_at is null;

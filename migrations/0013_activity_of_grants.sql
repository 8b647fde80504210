-- A refresh that counts as activity writes so into the row of its grant, which it writes anyway, and no longer into that of the session:
-- docs/decisions/0023-a-session-is-used-through-its-grants.md.
alter table grants add active_at timestamptz;
comment on column grants.active_at is 'When a refresh was last a use of the session; null before the first, and for offline grants. In no index';
comment on column sessions.last_seen_at is 'The last use by the browser, written at most once a touch interval; with the active_at of its grants, the last use; in no index';

-- Grants that were ended have kept their session alive too.
create index grants_session on grants (session_id);
drop index grants_session_live;

-- The policy of 0005 is made from two documents under the names of the settings: docs/decisions/0022-settings-over-the-environment.md.
alter table server
  add configured jsonb not null default '{}',
  add overrides  jsonb not null default '{}';
comment on column server.configured is 'What the environment of the instance says that started last; empty before the first start';
comment on column server.overrides is 'What administrators have set over it; the columns of the policy, which the statements read, follow from both';

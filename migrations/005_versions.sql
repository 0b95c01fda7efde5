-- What operations were made with, so that what came out of older versions can be named without asking the cluster.
-- Plain SQL in one transaction; running it again changes nothing.

begin;

set local client_min_messages = warning;
set local role mediaops_owner;

alter table media_processing_jobs
  add column if not exists versions jsonb,
  add column if not exists needs jsonb not null default '[]';
comment on column media_processing_jobs.versions is
  'Versions of operation, engine and models that it was made with, by name; null in rows from before migration 005.';
comment on column media_processing_jobs.needs is 'Operations of the asset whose results it reads, by name.';
create index if not exists media_assets_by_creation on media_assets (workspace_id, created_at desc, id desc);

insert into mediaops_schema (version) values (5) on conflict do nothing;

commit;

-- What processing cost, by ProcessingJob. Plain SQL in one transaction; running it again changes nothing.

begin;

set local client_min_messages = warning;
set local role mediaops_owner;

create table if not exists processing_costs (
  -- The uid of the ProcessingJob, or of the MediaAsset for fetching its source.
  id uuid primary key,
  workspace_id text not null,
  media_asset_id uuid not null,
  media_processing_job_id uuid,
  operation text not null,
  job_type text not null
    check (job_type in ('ingest', 'transcribe', 'caption', 'filter', 'crop', 'compress', 'thumbnail')),
  spent_at timestamptz not null,
  micro_usd bigint not null default 0 check (micro_usd >= 0),
  cpu_millis bigint not null default 0,
  gpu_millis bigint not null default 0,
  bytes_in bigint not null default 0,
  bytes_out bigint not null default 0,
  api_calls bigint not null default 0,
  api_input_tokens bigint not null default 0,
  api_output_tokens bigint not null default 0,
  api_audio_millis bigint not null default 0,
  unpriced_models jsonb not null default '[]',
  -- The version of the resource it was read from: an older one never replaces a newer one.
  creation_timestamp timestamptz not null,
  resource_version bigint not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (workspace_id, media_asset_id) references media_assets (workspace_id, id)
);
comment on table processing_costs is
  'One row per ProcessingJob that used anything up, and per source that was fetched; outlives both.';
comment on column processing_costs.micro_usd is 'Millionths of a US dollar, at the prices of when it was spent.';
comment on column processing_costs.spent_at is 'When it ended; decides the month it counts in.';
create index if not exists processing_costs_by_workspace on processing_costs (workspace_id, spent_at);
create index if not exists processing_costs_by_asset on processing_costs (workspace_id, media_asset_id);

alter table processing_costs enable row level security;
alter table processing_costs force row level security;
drop policy if exists owner_all on processing_costs;
create policy owner_all on processing_costs to mediaops_owner using (true) with check (true);
drop policy if exists backend_bound on processing_costs;
create policy backend_bound on processing_costs to mediaops_backend
  using (workspace_id = (select mediaops_current_workspace()))
  with check (workspace_id = (select mediaops_current_workspace()));
drop policy if exists operator_all on processing_costs;
create policy operator_all on processing_costs to mediaops_operator using (true) with check (true);
revoke all on processing_costs from public;
grant select on processing_costs to mediaops_backend;
grant select, insert, update on processing_costs to mediaops_operator;

insert into mediaops_schema (version) values (3) on conflict do nothing;

commit;

-- The callbacks' inbox, API keys, and the few look-ups that come before a workspace is known.
-- Plain SQL in one transaction; running it again changes nothing. After media_processing_extension.sql.

begin;

set local client_min_messages = warning;
set local role mediaops_owner;

-- Callbacks: one row per Kubernetes Job, written by the backend, read by the operator -------------------------

create table if not exists job_callbacks (
  workspace_id text not null,
  namespace text not null,
  job_name text not null,
  media_asset_id uuid not null,
  status text not null check (status in ('processing', 'completed', 'failed')),
  percent integer check (percent between 0 and 100),
  seconds_left integer check (seconds_left >= 0),
  steps jsonb not null default '{}',
  error text,
  received_at timestamptz not null default now(),
  primary key (namespace, job_name),
  foreign key (workspace_id, media_asset_id) references media_assets (workspace_id, id)
);
comment on table job_callbacks is 'What a Job''s callbacks added up to; the operator looks up what it names and concludes.';
comment on column job_callbacks.steps is 'By job id: {status, percent, output_data}; a finished step stays finished.';
create index if not exists job_callbacks_by_age on job_callbacks (received_at);

-- API keys: kept hashed -------------------------------------------------------------------------------------

create table if not exists api_keys (
  id uuid primary key default gen_random_uuid(),
  workspace_id text not null check (length(workspace_id) between 1 and 63),
  name text not null check (length(name) between 1 and 120),
  hash text not null unique check (hash ~ '^[0-9a-f]{64}$'),
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
comment on column api_keys.hash is 'SHA-256 (hex) of the key; keys are 256 random bits, so a slow hash would add nothing.';

do $rls$
declare
  table_name text;
begin
  foreach table_name in array array['job_callbacks', 'api_keys'] loop
    execute format('alter table %I enable row level security', table_name);
    execute format('alter table %I force row level security', table_name);
    execute format('drop policy if exists owner_all on %I', table_name);
    execute format('create policy owner_all on %I to mediaops_owner using (true) with check (true)', table_name);
    execute format('drop policy if exists backend_bound on %I', table_name);
    execute format(
      'create policy backend_bound on %I to mediaops_backend '
      'using (workspace_id = (select mediaops_current_workspace())) '
      'with check (workspace_id = (select mediaops_current_workspace()))',
      table_name
    );
    execute format('revoke all on %I from public', table_name);
  end loop;
end
$rls$;

drop policy if exists operator_all on job_callbacks;
create policy operator_all on job_callbacks to mediaops_operator using (true) with check (true);

grant select, insert, update on job_callbacks to mediaops_backend;
grant select, delete on job_callbacks to mediaops_operator;
-- Everything but the hash may be read back.
grant select (id, workspace_id, name, created_at, expires_at, revoked_at), insert on api_keys to mediaops_backend;
grant update (revoked_at) on api_keys to mediaops_backend;

-- Look-ups before anything is bound. Each gives the least it can: a workspace's name, or two counts. ------------

create or replace function mediaops_key_lookup(key_hash text)
  returns table (key_id uuid, workspace_id text, name text)
  language sql stable security definer
  set search_path = ''
as $$
  select k.id, k.workspace_id, k.name
    from public.api_keys as k
   where k.hash = key_hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
$$;

create or replace function mediaops_workspace_of_request(request uuid) returns text
  language sql stable security definer
  set search_path = ''
as $$ select p.workspace_id from public.content_posts as p where p.request_id = request limit 1 $$;

create or replace function mediaops_workspace_of_publication(publication uuid) returns text
  language sql stable security definer
  set search_path = ''
as $$ select p.workspace_id from public.content_posts as p where p.id = publication $$;

create or replace function mediaops_workspace_of_job(job uuid) returns text
  language sql stable security definer
  set search_path = ''
as $$ select j.workspace_id from public.media_processing_jobs as j where j.id = job $$;

create or replace function mediaops_open_claims(on_platform text)
  returns table (of_platform bigint, in_all bigint)
  language sql stable security definer
  set search_path = ''
as $$
  select count(*) filter (where p.platform = on_platform), count(*)
    from public.content_posts as p
   where p.state in ('claimed', 'posting') and p.lease_until > clock_timestamp()
$$;

do $grants$
declare
  signature text;
begin
  foreach signature in array array[
    'mediaops_key_lookup(text)',
    'mediaops_workspace_of_request(uuid)',
    'mediaops_workspace_of_publication(uuid)',
    'mediaops_workspace_of_job(uuid)',
    'mediaops_open_claims(text)'
  ] loop
    execute format('revoke all on function %s from public', signature);
    execute format('grant execute on function %s to mediaops_backend', signature);
  end loop;
end
$grants$;

insert into mediaops_schema (version) values (2) on conflict do nothing;

commit;

-- The seed's three tables, the roles that use them, and row-level security from the start.
--
--   psql "$DATABASE_URL" -v ON_ERROR_STOP=1 -f migrations/media_processing_extension.sql
--
-- Plain SQL in one transaction; running it again changes nothing. Run it as an administrator (a superuser,
-- or a role with CREATEROLE that may create in the schema) the first time, later as mediaops_owner too.
-- Roles come without passwords: the installer sets them (`mediaops-backend migrate`, or ALTER ROLE).
-- The tables live in `public`, where the seed puts them.

begin;

set local client_min_messages = warning;

-- Roles -----------------------------------------------------------------------------------------------

do $roles$
declare
  role_name text;
begin
  foreach role_name in array array['mediaops_owner', 'mediaops_backend', 'mediaops_operator'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      execute format('create role %I login nobypassrls nocreatedb nocreaterole noinherit', role_name);
    end if;
  end loop;
  if current_user <> 'mediaops_owner' and not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant mediaops_owner to %I', current_user);
  end if;
  if not has_schema_privilege('mediaops_owner', 'public', 'create') then
    grant usage, create on schema public to mediaops_owner;
  end if;
  if not has_schema_privilege('mediaops_backend', 'public', 'usage')
     or not has_schema_privilege('mediaops_operator', 'public', 'usage') then
    grant usage on schema public to mediaops_backend, mediaops_operator;
  end if;
end
$roles$;

set local role mediaops_owner;

-- Which workspace is this transaction bound to? ----------------------------------------------------------

create or replace function mediaops_current_workspace() returns text
  language sql stable
  set search_path = ''
as $$
  -- `SET LOCAL mediaops.workspace`, or the claims that Supabase sets for a request; null where nothing is bound,
  -- and null equals no row's workspace.
  select coalesce(
    nullif(current_setting('mediaops.workspace', true), ''),
    nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'workspace_id', ''),
    nullif(nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'workspace_id', '')
  )
$$;

-- Assets -------------------------------------------------------------------------------------------------

create table if not exists media_assets (
  id uuid primary key,
  workspace_id text not null check (length(workspace_id) between 1 and 63),
  source text not null check (source in ('google_drive', 'upload', 'generated', 'url')),
  source_id text,
  file_type text not null check (file_type in ('image', 'video', 'audio')),
  original_url text,
  processed_url text,
  thumbnail_url text,
  status text not null default 'pending' check (status in ('pending', 'processing', 'processed', 'failed')),
  duration_seconds double precision,
  width integer,
  height integer,
  file_size_bytes bigint,
  metadata jsonb not null default '{}',
  -- The resource this row mirrors.
  namespace text not null,
  name text not null,
  resource_uid uuid not null,
  generation bigint not null default 0,
  creation_timestamp timestamptz not null,
  resource_version bigint not null,
  phase text not null default 'Pending',
  reason text,
  message text,
  round integer not null default 1,
  -- For the sweeper: the resource is gone since, its objects may go since, it was last listed at.
  gone_at timestamptz,
  released_at timestamptz,
  last_seen_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (workspace_id, id)
);
comment on table media_assets is 'One row per MediaAsset, mirrored by the operator; outlives the resource.';
comment on column media_assets.resource_version is
  'With creation_timestamp it orders versions of a row: an older one never replaces a newer one.';
create index if not exists media_assets_by_resource on media_assets (namespace, name);
create index if not exists media_assets_by_workspace on media_assets (workspace_id, created_at desc, id);

-- Jobs ---------------------------------------------------------------------------------------------------

create table if not exists media_processing_jobs (
  id uuid primary key,
  workspace_id text not null,
  media_asset_id uuid not null,
  job_type text not null
    check (job_type in ('transcribe', 'caption', 'filter', 'crop', 'compress', 'thumbnail')),
  status text not null default 'queued' check (status in ('queued', 'processing', 'completed', 'failed')),
  input_params jsonb not null default '{}',
  output_data jsonb not null default '{}',
  flask_job_id text,
  attempts integer not null default 0 check (attempts >= 0),
  error text,
  started_at timestamptz,
  completed_at timestamptz,
  -- The operation and the ProcessingJob this row mirrors.
  operation text not null,
  position integer not null default 0,
  wanted boolean not null default true,
  step_key text,
  stored boolean not null default true,
  resource_name text,
  resource_uid uuid,
  creation_timestamp timestamptz not null,
  resource_version bigint not null,
  reason text,
  round integer not null default 1,
  -- Progress comes by callback and belongs to the Job it names, never to another.
  percent integer check (percent between 0 and 100),
  seconds_left integer check (seconds_left >= 0),
  progress_job_name text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  foreign key (workspace_id, media_asset_id) references media_assets (workspace_id, id)
);
comment on table media_processing_jobs is 'One row per operation and its parameters; an edited operation is another row.';
comment on column media_processing_jobs.flask_job_id is 'In Job mode the name of the Kubernetes Job that runs it, or ran it last.';
comment on column media_processing_jobs.wanted is 'False once the asset no longer names this operation with these parameters.';
comment on column media_processing_jobs.position is 'Place among the operations of the asset, from 0.';
create index if not exists media_processing_jobs_by_asset on media_processing_jobs (media_asset_id, position);
create index if not exists media_processing_jobs_by_step on media_processing_jobs (workspace_id, step_key);
create index if not exists media_processing_jobs_failed on media_processing_jobs (workspace_id) where status = 'failed';

-- Publications: what was decided, and who holds it ---------------------------------------------------------

create table if not exists content_posts (
  id uuid primary key default gen_random_uuid(),
  workspace_id text not null,
  media_asset_id uuid not null,
  resource text not null,
  resource_uid uuid not null,
  publish_key text not null,
  target text not null,
  request_id uuid not null,
  revision text not null,
  platform text not null,
  account text not null,
  text text not null default '',
  files jsonb not null default '[]',
  state text not null default 'planned'
    check (state in ('planned', 'claimed', 'posting', 'posted', 'failed', 'outcome_unknown', 'withdrawn')),
  fence bigint not null default 0,
  posting_fence bigint,
  lease_until timestamptz,
  saved_state jsonb not null default '{}',
  round integer not null default 1,
  attempts integer not null default 0 check (attempts >= 0),
  retry_limit integer not null default 3,
  backoff_seconds integer not null default 10,
  next_attempt_at timestamptz,
  retryable boolean,
  reason text,
  message text,
  external_post_id text,
  url text,
  posted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (workspace_id, resource, publish_key, target),
  unique (request_id, target),
  check ((state = 'posted') = (external_post_id is not null)),
  foreign key (workspace_id, media_asset_id) references media_assets (workspace_id, id)
);
comment on table content_posts is 'One row per publication: at most one post, whatever happens to resource, backend or n8n.';
comment on column content_posts.resource is 'NAMESPACE/NAME of the MediaAsset: a publication outlives its resource.';
comment on column content_posts.files is 'What was decided to be posted: [{key, sha256, size, type}].';
comment on column content_posts.fence is 'Rises with every claim; a holder with an older number is refused.';
comment on column content_posts.posting_fence is
  'The holder that was let through to the one call that can''t be taken back; a later holder only looks up.';
comment on column content_posts.saved_state is 'What the holder saved of the platform''s protocol, such as media id and part number.';
create index if not exists content_posts_by_asset on content_posts (media_asset_id);
create index if not exists content_posts_open on content_posts (platform, lease_until) where state in ('claimed', 'posting');

-- Row-level security: enabled and forced, so that not even the owner goes around its policy ------------------

do $rls$
declare
  table_name text;
begin
  foreach table_name in array array['media_assets', 'media_processing_jobs', 'content_posts'] loop
    execute format('alter table %I enable row level security', table_name);
    execute format('alter table %I force row level security', table_name);
    execute format('drop policy if exists owner_all on %I', table_name);
    execute format('create policy owner_all on %I to mediaops_owner using (true) with check (true)', table_name);
    execute format('drop policy if exists operator_all on %I', table_name);
    execute format('create policy operator_all on %I to mediaops_operator using (true) with check (true)', table_name);
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

revoke all on function mediaops_current_workspace() from public;
grant execute on function mediaops_current_workspace() to mediaops_backend, mediaops_operator;
grant select, insert, update on media_assets, media_processing_jobs, content_posts to mediaops_operator;

-- The backend inserts the rows of what it creates, keeps progress, and settles publications; status is the
-- operator's.
grant select, insert on media_assets, media_processing_jobs to mediaops_backend;
grant update (percent, seconds_left, progress_job_name, updated_at) on media_processing_jobs to mediaops_backend;
grant select on content_posts to mediaops_backend;
grant update (
  state, fence, posting_fence, lease_until, saved_state, attempts, next_attempt_at, retryable, reason, message,
  external_post_id, url, posted_at, updated_at
) on content_posts to mediaops_backend;

-- What has been applied -------------------------------------------------------------------------------------

create table if not exists mediaops_schema (
  version integer primary key,
  applied_at timestamptz not null default now()
);
comment on table mediaops_schema is 'Migrations that ran; a deployable refuses a schema older than its own.';
revoke all on mediaops_schema from public;
grant select on mediaops_schema to mediaops_backend, mediaops_operator;
insert into mediaops_schema (version) values (1) on conflict do nothing;

commit;

-- What the sweeper goes by: whose step folders are whose, and whether they may go with their asset.
-- Plain SQL in one transaction; running it again changes nothing.

begin;

set local client_min_messages = warning;
set local role mediaops_owner;

do $columns$
begin
  if not exists (
    select from information_schema.columns
    where table_schema = 'public' and table_name = 'media_assets' and column_name = 'step_keys'
  ) then
    alter table media_assets
      add column deletion_policy text not null default 'Retain' check (deletion_policy in ('Retain', 'Delete')),
      add column step_keys text[] not null default '{}';
    -- Assets from before this migration: as much as their operations' rows tell.
    update media_assets set step_keys = known.step_keys
    from (
      select workspace_id, media_asset_id, array_agg(distinct step_key order by step_key) as step_keys
      from media_processing_jobs where step_key is not null group by workspace_id, media_asset_id
    ) as known
    where known.workspace_id = media_assets.workspace_id and known.media_asset_id = media_assets.id;
  end if;
end
$columns$;

comment on column media_assets.deletion_policy is 'What becomes of its step folders once the resource is gone.';
comment on column media_assets.step_keys is
  'Every step folder that was ever made or used for it and hasn''t been deleted since; only grows while it lives.';
comment on column media_assets.released_at is 'Since when nothing of this asset holds back its step folders.';
create index if not exists media_assets_by_step on media_assets using gin (step_keys);
create index if not exists media_assets_released on media_assets (released_at)
  where released_at is not null and step_keys <> '{}';
-- Publications that may still read their files.
create index if not exists content_posts_unsettled on content_posts (workspace_id)
  where state not in ('posted', 'withdrawn');

insert into mediaops_schema (version) values (4) on conflict do nothing;

commit;

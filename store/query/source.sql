-- name: InsertSource :one
insert into palimpsest.source (tenant, name, location, credentials, cron, tasks, options, include, exclude, next_at)
values (@tenant, @name, @location, @credentials, @cron, @tasks, @options, @include, @exclude, @next_at)
on conflict (tenant, name) do nothing
returning *;

-- name: DatabaseTime :one
select now()::timestamptz as now;

-- name: SourceOfTenant :one
select * from palimpsest.source where tenant = @tenant and name = @name;

-- name: ListSources :many
select * from palimpsest.source where tenant = @tenant order by name limit @max_rows;

-- name: SourceTallies :many
-- What each source holds at present.
select source, count(*) as objects, count(*) filter (where failure is not null) as failing
from palimpsest.source_object where source = any(@sources::bigint[]) and gone_at is null
group by source;

-- name: LastScans :many
-- The newest scan of each source, and the newest that has ended.
select s.* from unnest(@sources::bigint[]) as wanted(source)
cross join lateral (
    (select * from palimpsest.scan a where a.source = wanted.source order by a.id desc limit 1)
    union
    (select * from palimpsest.scan b where b.source = wanted.source and b.finished_at is not null order by b.id desc limit 1)
) s
order by s.id;

-- name: FailingObjects :many
select * from palimpsest.source_object
where source = @source and failure is not null and gone_at is null
order by key limit @max_rows;

-- name: DeleteSource :execrows
delete from palimpsest.source where tenant = @tenant and name = @name;

-- name: PauseSource :one
update palimpsest.source set paused = @paused, next_at = @next_at where tenant = @tenant and name = @name
returning *;

-- name: DueSources :many
-- Sources whose time has come; those another process is just dealing with are left to it.
select * from palimpsest.source where not paused and next_at <= @until::timestamptz
order by next_at, id limit @max_rows
for no key update skip locked;

-- name: SetNextScan :exec
update palimpsest.source set next_at = @next_at where id = @id;

-- name: InsertScan :one
-- None is returned where one is under way.
insert into palimpsest.scan (source, reason) values (@source, @reason)
on conflict (source) where state in ('queued', 'running') do nothing
returning *;

-- name: OpenScan :one
select * from palimpsest.scan where source = @source and state in ('queued', 'running');

-- name: SetScanJob :exec
update palimpsest.scan set job = @job where id = @id;

-- name: ScanByID :one
select sqlc.embed(s), sqlc.embed(f) from palimpsest.scan s join palimpsest.source f on f.id = s.source where s.id = @id;

-- name: LockScan :one
select * from palimpsest.scan where id = @id for no key update;

-- name: StartScan :execrows
update palimpsest.scan set state = @state, started_at = coalesce(started_at, now())
where id = @id and state = any(@from_states::text[]);

-- name: SourceObjects :many
select * from palimpsest.source_object where source = @source and key = any(@keys::text[]);

-- name: AdvanceScan :execrows
-- Only the process that knows the last step may take the next.
update palimpsest.scan
set cursor = @cursor, steps = steps + 1, seen = seen + @seen, new = new + @new, changed = changed + @changed,
    duplicate = duplicate + @duplicate, unchanged = unchanged + @unchanged, skipped = skipped + @skipped,
    failed = failed + @failed, unlisted = unlisted + @unlisted, bytes = bytes + @bytes, seconds = seconds + @seconds
where id = @id and steps = @steps and state = 'running';

-- name: TouchObjects :exec
update palimpsest.source_object set seen_in = @scan, gone_at = null
where source = @source and key = any(@keys::text[]);

-- name: UpsertObjectSeen :exec
-- An object that failed keeps the hash of the content it had when it was last fetched.
insert into palimpsest.source_object (source, key, version, bytes, modified_at, hash, failure, seen_in)
values (@source, @key, @version, @bytes, sqlc.narg(modified_at), sqlc.narg(hash), @failure, @scan)
on conflict (source, key) do update
set version = excluded.version, bytes = excluded.bytes, modified_at = excluded.modified_at,
    hash = coalesce(excluded.hash, source_object.hash), failure = excluded.failure, seen_in = excluded.seen_in, gone_at = null;

-- name: InsertSighting :exec
insert into palimpsest.sighting (source, key, hash, document, scan)
values (@source, @key, @hash, @document, @scan)
on conflict (source, key, hash) do update set document = excluded.document;

-- name: NoteGone :one
-- How many had been taken once; what never was is no loss.
with missing as (
    update palimpsest.source_object set gone_at = now()
    where source = @source and seen_in <> @scan and gone_at is null
    returning hash
)
select count(hash) from missing;

-- name: EndScan :execrows
update palimpsest.scan
set state = @state, finished_at = now(), failure = coalesce(@failure, failure), gone = @gone
where id = @id and state = any(@from_states::text[]);

-- name: LostScans :many
-- Scans still open whose job has ended, or is gone, a while ago.
select s.id from palimpsest.scan s left join river.river_job j on j.id = s.job
where s.state in ('queued', 'running') and s.queued_at < now() - @age::interval
  and (j.id is null or j.finalized_at < now() - @age::interval)
limit 100;

-- name: DeleteOldTicks :exec
-- A job a minute would soon be most of the queue's table.
delete from river.river_job where kind = @kind and state = 'completed' and finalized_at < now() - @age::interval;

-- name: DeleteOldScans :exec
-- A source that is scanned every minute would have half a million scans a year. The newest stay.
delete from palimpsest.scan d
where d.source = @source and d.finished_at < now() - @age::interval
  and d.id < (select max(s.id) from palimpsest.scan s where s.source = d.source and s.finished_at is not null);

-- name: CountSources :one
select count(*) from palimpsest.source where tenant = @tenant;

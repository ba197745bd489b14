-- name: RunningJobs :many
-- Jobs some worker says it is running, with that worker's name.
select id, kind, args, (attempted_by[array_upper(attempted_by, 1)])::text as worker, attempt,
       coalesce((metadata ->> 'palimpsest_orphaned')::integer, 0)::integer as orphaned
from river.river_job
where state = 'running' and kind = any(@kinds::text[])
order by id
limit 1000;

-- name: TryWorkerLock :one
-- True when no live process holds the worker's name: then nobody works on its jobs. Held to the transaction's end.
select pg_try_advisory_xact_lock(hashtextextended('palimpsest worker ' || @worker::text, 0));

-- name: ReleaseOrphans :execrows
-- Gives jobs of a dead worker back to the queue. The attempt a kill cut short does not count against the job.
update river.river_job
set state = 'available', scheduled_at = now(), max_attempts = least(max_attempts + 1, 32767),
    metadata = jsonb_set(metadata, '{palimpsest_orphaned}', to_jsonb(coalesce((metadata ->> 'palimpsest_orphaned')::integer, 0) + 1))
where id = any(@ids::bigint[]) and state = 'running';

-- name: DiscardJob :execrows
update river.river_job set state = 'discarded', finalized_at = now() where id = @id and state = 'running';

-- name: LostPageRuns :many
-- Open page runs whose job has ended, or is gone, a while ago: nobody will ever end them.
select pr.id, pr.document from palimpsest.page_run pr left join river.river_job j on j.id = pr.job
where pr.state in ('queued', 'running') and pr.queued_at < now() - @age::interval
  and (j.id is null or j.finalized_at < now() - @age::interval)
limit 100;

-- name: LostDocuments :many
-- Documents still open, with no page left to wait for, whose own job has ended, or is gone, a while ago.
select d.id, d.state from palimpsest.document d left join river.river_job j on j.id = d.job
where d.state in ('received', 'ingesting', 'running') and d.updated_at < now() - @age::interval
  and (d.state <> 'running' or d.open_page_runs = 0)
  and (j.id is null or j.finalized_at < now() - @age::interval)
limit 100;

-- name: RunOfTenant :one
select r.* from palimpsest.run r join palimpsest.document d on d.id = r.document where r.id = @id and d.tenant = @tenant;

-- name: InsertRerun :one
insert into palimpsest.run (document, task, options, fingerprint, digest, regions, promote, requested_by)
values (@document, @task, @options, @fingerprint, @digest, sqlc.narg(regions), @promote, @requested_by)
returning *;

-- name: PagesToRead :many
-- Pages of a document that a run of this digest would read: those that can be read at all, and that no run of the same
-- digest has read or is about to. What failed or was cancelled is tried again. No numbers means all pages.
select p.number, exists (
    select 1 from palimpsest.page_run pr join palimpsest.run r on r.id = pr.run
    where pr.page = p.id and r.task = @task and r.digest = @digest and pr.state not in ('failed', 'cancelled')
)::boolean as known
from palimpsest.page p
where p.document = @document and p.failure is null and (cardinality(@numbers::integer[]) = 0 or p.number = any(@numbers::integer[]))
order by p.number;

-- name: InsertRerunPages :many
-- A page that has no run of the task yet shows this one from the start: there is nothing to keep.
insert into palimpsest.page_run (page, run, document, task, state, current, records, finished_at)
select p.id, r.id, p.document, r.task, case when p.blank then 'blank' when r.regions is not null then 'waiting' else 'queued' end,
       not exists (select 1 from palimpsest.page_run o where o.page = p.id and o.task = r.task and o.current),
       case when p.blank then 0 end, case when p.blank then now() end
from palimpsest.run r join palimpsest.page p on p.document = r.document
where r.id = @run and p.number = any(@numbers::integer[])
order by p.number
on conflict (page, run) do nothing
returning id, page, task, state;

-- name: RunTally :many
select state, count(*) as n, count(*) filter (where current) as current_pages
from palimpsest.page_run where run = @run group by state order by state;

-- name: RunsWithPages :many
-- Every run of a document with its page runs.
select r.id as run, p.number, pr.id as page_run, pr.state, pr.current, pr.records, pr.confidence, pr.corrections, pr.model, pr.seconds, pr.tokens, pr.failure
from palimpsest.run r join palimpsest.page_run pr on pr.run = r.id join palimpsest.page p on p.id = pr.page
where r.document = @document
order by r.id, p.number;

-- name: Promotable :many
-- Page runs of a run that are not current, beside what is. No numbers means all pages.
select n.id as page_run, n.state, p.number, o.id as old_page_run, o.run as old_run, o.state as old_state
from palimpsest.page_run n
join palimpsest.page p on p.id = n.page
left join palimpsest.page_run o on o.page = n.page and o.task = n.task and o.current
where n.run = @run and not n.current and (cardinality(@numbers::integer[]) = 0 or p.number = any(@numbers::integer[]))
order by p.number;

-- name: Demotable :many
-- Pages that show a run, and the page run that they showed before it was promoted the last time.
select n.id as page_run, p.number, o.id as old_page_run, o.run as old_run
from palimpsest.page_run n
join palimpsest.page p on p.id = n.page
join lateral (
    select h.from_run from palimpsest.promotion h
    where h.to_run = n.run and h.document = n.document and h.page = p.number and h.from_run is not null
    order by h.id desc limit 1
) last on true
join palimpsest.page_run o on o.page = n.page and o.run = last.from_run
where n.run = @run and n.current and (cardinality(@numbers::integer[]) = 0 or p.number = any(@numbers::integer[]))
order by p.number;

-- name: SetCurrent :execrows
update palimpsest.page_run set current = @current where id = any(@ids::bigint[]) and current <> @current;

-- name: InsertPromotions :exec
insert into palimpsest.promotion (document, revision, task, page, from_run, to_run, reason, actor)
select @document, @revision, @task, x.page, nullif(x.from_run, 0), x.to_run, @reason, @actor
from (select unnest(@pages::integer[]) as page, unnest(@from_runs::bigint[]) as from_run, unnest(@to_runs::bigint[]) as to_run) x
order by x.page;

-- name: PromotionsOfDocument :many
select revision, task, coalesce(from_run, 0)::bigint as from_run, to_run, reason, actor, min(created_at)::timestamptz as created_at,
       array_agg(page order by page)::integer[] as pages
from palimpsest.promotion where document = @document
group by revision, task, from_run, to_run, reason, actor
order by revision, task, from_run, to_run;

-- name: ReviseDocument :one
update palimpsest.document set revision = revision + 1, updated_at = now() where id = @id returning revision;

-- name: FinishRevision :exec
update palimpsest.document set finished_revision = @revision, updated_at = now() where id = @id;

-- name: SettleDocument :execrows
-- What a document that has ended is called once other rows of it are current.
update palimpsest.document set state = @state, failure = @failure, updated_at = now()
where id = @id and state = any(@from_states::text[]);

-- name: DeleteOtherDocumentObjects :exec
-- Files of the whole document that were not made again. Names and tasks are given in pairs.
delete from palimpsest.object o
where o.document = @document and o.page_run is null
  and not exists (select 1 from (select unnest(@tasks::text[]) as task, unnest(@names::text[]) as name) k where k.task = o.task and k.name = o.name);

-- name: LostRevisions :many
-- Documents whose files are of an older revision, and whose finish job has ended, or is gone, a while ago.
select d.id from palimpsest.document d left join river.river_job j on j.id = d.job
where d.revision <> d.finished_revision and d.updated_at < now() - @age::interval
  and (j.id is null or j.finalized_at < now() - @age::interval)
limit 100;

-- name: RunsByID :many
select * from palimpsest.run where id = any(@ids::bigint[]);

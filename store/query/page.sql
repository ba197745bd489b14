-- name: CountPages :one
select count(*) from palimpsest.page where document = @document;

-- name: InsertPage :batchexec
insert into palimpsest.page (document, number, member, width, height, dpi, x_height, rotation, to_source, source_unit,
                             square_to_page, raster_hash, square_hash, text_hash, blank, failure)
values (@document, @number, @member, @width, @height, @dpi, @x_height, @rotation, @to_source, @source_unit,
        @square_to_page, sqlc.narg(raster_hash), sqlc.narg(square_hash), sqlc.narg(text_hash), @blank, @failure)
on conflict (document, number) do nothing;

-- name: InsertPageRuns :many
-- One page run for each page and run. A page that is blank or could not be rendered is final at once; a run that reads
-- regions waits for them. The first run
-- of a task over a page is the current one. Those already there, from before a crash, are not returned.
insert into palimpsest.page_run (page, run, document, task, state, current, failure, finished_at)
select p.id, r.id, p.document, r.task,
       case when p.failure is not null then 'failed' when p.blank then 'blank' when r.regions is not null then 'waiting' else 'queued' end,
       not exists (select 1 from palimpsest.page_run o where o.page = p.id and o.task = r.task and o.current),
       p.failure,
       case when p.failure is not null or p.blank then now() end
from palimpsest.page p join palimpsest.run r on r.document = p.document
where p.document = @document and p.number = any(@numbers::integer[])
order by p.number, r.id
on conflict (page, run) do nothing
returning id, page, task, state;

-- name: SetJobs :exec
update palimpsest.page_run pr set job = x.job
from (select unnest(@ids::bigint[]) as id, unnest(@jobs::bigint[]) as job) x
where pr.id = x.id;

-- name: PageRunByID :one
select sqlc.embed(pr), p.number from palimpsest.page_run pr join palimpsest.page p on p.id = pr.page where pr.id = @id;

-- name: PageRunWork :one
select sqlc.embed(pr), sqlc.embed(p), sqlc.embed(r)
from palimpsest.page_run pr join palimpsest.page p on p.id = pr.page join palimpsest.run r on r.id = pr.run
where pr.id = @id;

-- name: StartPageRun :execrows
update palimpsest.page_run
set state = 'running', attempts = attempts + 1, started_at = now(), job = coalesce(sqlc.narg(job), job)
where id = @id and state = any(@from_states::text[]);

-- name: RequeuePageRun :execrows
update palimpsest.page_run set state = 'queued', failure = @failure
where id = @id and state = any(@from_states::text[]);

-- name: FinishPageRun :execrows
update palimpsest.page_run
set state = @state, failure = @failure, model = @model, seconds = @seconds, tokens = @tokens, notes = @notes,
    records = @records, confidence = sqlc.narg(confidence), finished_at = now()
where id = @id and state = any(@from_states::text[]);

-- name: EndPageRuns :many
-- Ends all page runs of a document that may still move to the state.
update palimpsest.page_run set state = @state, finished_at = now()
where document = @document and state = any(@from_states::text[])
returning id, job;

-- name: PagesOfDocument :many
select * from palimpsest.page
where document = @document and (@number::integer = 0 or number = @number)
order by number;

-- name: PageRunsOfDocument :many
select pr.*, p.number from palimpsest.page_run pr join palimpsest.page p on p.id = pr.page
where pr.document = @document and (@number::integer = 0 or p.number = @number)
order by p.number, pr.id;

-- name: PageTallies :many
select task, state, count(*) as n from palimpsest.page_run where document = @document and current group by task, state order by task, state;

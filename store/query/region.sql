-- name: WaitingPageRuns :many
-- Page runs that wait for regions, on pages where the run that finds them has ended.
select w.id, w.run, w.task, p.number, f.state as found, f.failure
from palimpsest.run r
join palimpsest.page_run w on w.run = r.id
join palimpsest.page p on p.id = w.page
join palimpsest.page_run f on f.page = w.page and f.run = r.regions
where r.regions = @regions and w.state = @waiting and f.state = any(@ended::text[])
order by w.id;

-- name: QueuePageRuns :execrows
update palimpsest.page_run set state = @state, queued_at = now()
where id = any(@ids::bigint[]) and state = any(@from_states::text[]);

-- name: RegionsPageRun :one
-- The page run of a run of task regions over the page of another page run.
select f.* from palimpsest.page_run w
join palimpsest.page_run f on f.page = w.page
where w.id = @page_run and f.run = @regions;

-- name: PageOfNumber :one
select * from palimpsest.page where document = @document and number = @number;

-- name: CurrentRunsOfPage :many
-- The runs that a page shows, by task.
select sqlc.embed(r), pr.id as page_run, pr.state as page_state
from palimpsest.page_run pr join palimpsest.run r on r.id = pr.run
where pr.page = @page and pr.current
order by pr.task;

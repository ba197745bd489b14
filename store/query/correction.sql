-- name: InsertCorrection :one
insert into palimpsest.correction (document, page, task, kind, relation, place, rows, was, undoes, actor)
values (@document, @page, @task, @kind, @relation, sqlc.narg(place), @rows, sqlc.narg(was), sqlc.narg(undoes), @actor)
returning *;

-- name: CorrectionsOfPage :many
-- All of a page and task, in order, undone or not.
select * from palimpsest.correction where document = @document and page = @page and task = @task order by id;

-- name: CorrectionsOfDocument :many
select * from palimpsest.correction where document = @document order by id;

-- name: CorrectionOfDocument :one
select * from palimpsest.correction where id = @id and document = @document;

-- name: CorrectablePageRuns :many
-- The page runs of a task over a page that have ended with rows, or could have.
select * from palimpsest.page_run
where page = @page and task = @task and state in ('done', 'blank', 'unreadable')
order by id;

-- name: CorrectPageRun :exec
update palimpsest.page_run set corrections = @corrections, records = @records, confidence = sqlc.narg(confidence) where id = @id;

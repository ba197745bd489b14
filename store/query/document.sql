-- name: InsertDocument :execrows
insert into palimpsest.document (id, tenant, name, hash, bytes, password, idempotency_key, request_digest)
values (@id, @tenant, @name, @hash, @bytes, sqlc.narg(password), sqlc.narg(idempotency_key), @request_digest)
on conflict (tenant, idempotency_key) where idempotency_key is not null do nothing;

-- name: DocumentByKey :one
select * from palimpsest.document where tenant = @tenant and idempotency_key = @idempotency_key;

-- name: DocumentByID :one
select * from palimpsest.document where id = @id;

-- name: DocumentOfTenant :one
select * from palimpsest.document where id = @id and tenant = @tenant;

-- name: LockDocument :one
-- Every transaction that changes a document or anything below it begins here. The lock leaves foreign key checks be.
select * from palimpsest.document where id = @id for no key update;

-- name: LockDocumentOfPageRun :one
select * from palimpsest.document where id = (select pr.document from palimpsest.page_run pr where pr.id = @page_run) for no key update;

-- name: ListDocuments :many
-- Newest first; the largest UUID as before means from the top.
select * from palimpsest.document
where tenant = @tenant
  and (sqlc.narg(state)::text is null or state = sqlc.narg(state))
  and id < @before
order by id desc
limit @max_rows;

-- name: MoveDocument :execrows
update palimpsest.document
set state = @state, updated_at = now(),
    finished_at = case when @final::boolean then now() else finished_at end,
    failure = coalesce(@failure, failure),
    password = case when @final::boolean then null else password end
where id = @id and state = any(@from_states::text[]);

-- name: SetSource :exec
update palimpsest.document
set format = @format, media_type = @media_type, pages = @pages, notes = @notes, updated_at = now()
where id = @id;

-- name: ErasePassword :exec
update palimpsest.document set password = null where id = @id and password is not null;

-- name: AddOpenPageRuns :one
-- The counter that tells the last page of a document apart; its row is locked, so the count is exact.
update palimpsest.document set open_page_runs = open_page_runs + @n, updated_at = now()
where id = @id
returning open_page_runs, state;

-- name: InsertRun :one
insert into palimpsest.run (document, task, options, fingerprint, digest, regions)
values (@document, @task, @options, @fingerprint, @digest, sqlc.narg(regions))
returning *;

-- name: RunOfDigest :one
-- The newest that has not failed on one of the pages.
select r.* from palimpsest.run r where r.document = @document and r.task = @task and r.digest = @digest and not exists (
    select 1 from palimpsest.page_run pr join palimpsest.page p on p.id = pr.page
    where pr.run = r.id and p.number = any(@numbers::integer[]) and pr.state in ('failed', 'cancelled'))
order by r.id desc limit 1;

-- name: RunsOfDocuments :many
select * from palimpsest.run where document = any(@documents::uuid[]) order by id;

-- name: MoveRun :execrows
update palimpsest.run
set state = @state, finished_at = case when @final::boolean then now() else finished_at end
where id = @id and state = any(@from_states::text[]);

-- name: RunTallies :many
-- How many page runs of each run ended how: what the states of runs and document are made from.
select run, state, count(*) as n from palimpsest.page_run where document = @document group by run, state order by run, state;

-- name: Notify :exec
select pg_notify('palimpsest_event', x) from unnest(@payloads::text[]) as x;

-- name: SetDocumentJob :exec
update palimpsest.document set job = @job where id = @id;

-- name: StartRuns :exec
update palimpsest.run set state = @state where document = @document and state = any(@from_states::text[]);

-- name: EndRuns :exec
update palimpsest.run set state = @state, finished_at = now() where document = @document and state = any(@from_states::text[]);

-- name: FirstFailure :one
select failure from palimpsest.page_run where document = @document and failure is not null order by id limit 1;

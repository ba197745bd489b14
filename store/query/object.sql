-- name: DeleteObjectsOfPageRun :exec
delete from palimpsest.object where page_run = @page_run;

-- name: InsertObject :batchexec
insert into palimpsest.object (document, page_run, task, name, media_type, hash, bytes)
values (@document, sqlc.narg(page_run), @task, @name, @media_type, @hash, @bytes);

-- name: UpsertDocumentObject :batchexec
insert into palimpsest.object (document, task, name, media_type, hash, bytes)
values (@document, @task, @name, @media_type, @hash, @bytes)
on conflict (document, task, name) where page_run is null
do update set media_type = excluded.media_type, hash = excluded.hash, bytes = excluded.bytes;

-- name: ObjectsOfDocument :many
-- Objects of the document as a whole and of current page runs; number 0 means all pages. What a task made of a page before
-- a person corrected it is left out.
select o.*, coalesce(p.number, 0)::integer as number
from palimpsest.object o
left join palimpsest.page_run pr on pr.id = o.page_run
left join palimpsest.page p on p.id = pr.page
where o.document = @document
  and (o.page_run is null or pr.current and pr.corrections = 0)
  and (@number::integer = 0 or p.number = @number)
order by coalesce(p.number, 0), o.task, o.name;

-- name: NamedHashes :many
-- Which of the hashes anything stored still names: the sweep removes only the others.
select hash::text as hash from (
    select d.hash from palimpsest.document d where d.hash = any(@hashes::text[])
    union select p.raster_hash from palimpsest.page p where p.raster_hash = any(@hashes::text[])
    union select p.square_hash from palimpsest.page p where p.square_hash = any(@hashes::text[])
    union select p.text_hash from palimpsest.page p where p.text_hash = any(@hashes::text[])
    union select o.hash from palimpsest.object o where o.hash = any(@hashes::text[])
) named;

-- name: RelationsOfTask :many
select * from palimpsest.relation where task = @task order by name;

-- name: UpsertRelation :exec
insert into palimpsest.relation (task, name, version, summary, columns)
values (@task, @name, @version, @summary, @columns)
on conflict (task, name) do update
set version = excluded.version, summary = excluded.summary, columns = excluded.columns, installed_at = now();

-- +goose Up

-- What people say that a page holds. A correction belongs to page and task, not to a run: whatever reads the page later
-- has it applied again. The rows that a run itself read are kept under the numbers -1 - seq while corrections are in force.

create table palimpsest.correction (
    id         bigint generated always as identity primary key,
    document   uuid not null references palimpsest.document on delete cascade,
    page       integer not null check (page > 0),
    task       text not null check (task ~ '^[a-z][a-z0-9_]{0,30}$'),
    kind       text not null check (kind in ('change', 'add', 'remove', 'answer', 'right', 'undo')),
    relation   text not null default '',
    place      double precision[] check (cardinality(place) = 4),
    rows       jsonb not null default '[]',
    was        jsonb,
    undoes     bigint references palimpsest.correction on delete cascade,
    actor      text not null default '',
    created_at timestamptz not null default now(),
    check ((kind = 'undo') = (undoes is not null))
);
create index correction_page on palimpsest.correction (document, page, task, id);
create index correction_undoes on palimpsest.correction (undoes) where undoes is not null;

comment on table palimpsest.correction is 'What people corrected, in their order. Nothing is ever taken out: what was wrong is undone by another row.';
comment on column palimpsest.correction.kind is 'change or remove the row that stands at a place; add one; answer: everything that was read of a region anew; right: the page is right as it is; undo: an earlier correction is void.';
comment on column palimpsest.correction.place is 'x0, y0, x1, y1 in raster pixels: where the row stood that is meant. Of any run, the row that covers it best is taken.';
comment on column palimpsest.correction.rows is 'What stands there instead: [{relation, box, polygon, set, values}]; set: only what was corrected.';
comment on column palimpsest.correction.was is 'What stood there when it was corrected: {box, source, confidence, values}; null for nothing.';
comment on column palimpsest.correction.undoes is 'The correction that is void; undoing an undo brings it back.';
comment on column palimpsest.correction.actor is 'Who, as the client named them. Not verified.';

alter table palimpsest.page_run add column corrections integer not null default 0;
comment on column palimpsest.page_run.corrections is 'How many corrections are in force over its rows; then the rows it read itself have the numbers -1 - seq.';

-- Views show what stands, and not what was read where that differs.
-- +goose StatementBegin
do $$
declare r record;
begin
    for r in select task, name from palimpsest.relation loop
        if to_regclass(format('public.%I', r.task || '_' || r.name)) is not null then
            execute format('create or replace view public.%I as %s where r.seq >= 0', r.task || '_' || r.name,
                rtrim(pg_get_viewdef(format('public.%I', r.task || '_' || r.name)::regclass), '; '));
        end if;
    end loop;
end $$;
-- +goose StatementEnd

create or replace view public.page_status as
select d.name as document_name, p.number as page, pr.task, pr.state, pr.model,
       coalesce(pr.records, case when pr.state not in ('waiting', 'queued', 'running') then 0 end) as records, pr.confidence, pr.seconds,
       pr.tokens, pr.failure_kind, pr.failure ->> 'message' as failure, p.width, p.height, p.dpi, p.x_height, p.rotation, p.blank,
       p.member, d.format, d.state as document_state, pr.attempts, pr.finished_at as read_at, d.created_at as submitted_at,
       d.id as document, pr.run, pr.id as page_run, d.tenant, pr.corrections
from palimpsest.page_run pr
join palimpsest.page p on p.id = pr.page
join palimpsest.document d on d.id = pr.document
where pr.current;
comment on column public.page_status.corrections is 'How many corrections by people are in force on the page.';

-- +goose Down

-- +goose StatementBegin
do $$
declare r record;
begin
    for r in select task, name from palimpsest.relation loop
        if to_regclass(format('%I.%I', 'task_' || r.task, r.name)) is not null then
            execute format('delete from %I.%I where seq >= 0 and page_run in (select id from palimpsest.page_run where corrections > 0)', 'task_' || r.task, r.name);
            execute format('update %I.%I set seq = -1 - seq where seq < 0', 'task_' || r.task, r.name);
            execute format('create or replace view public.%I as %s', r.task || '_' || r.name,
                replace(rtrim(pg_get_viewdef(format('public.%I', r.task || '_' || r.name)::regclass), '; '), 'r.seq >= 0', 'true'));
        end if;
    end loop;
end $$;
-- +goose StatementEnd
drop view public.page_status;
create view public.page_status as
select d.name as document_name, p.number as page, pr.task, pr.state, pr.model,
       coalesce(pr.records, case when pr.state not in ('waiting', 'queued', 'running') then 0 end) as records, pr.confidence, pr.seconds,
       pr.tokens, pr.failure_kind, pr.failure ->> 'message' as failure, p.width, p.height, p.dpi, p.x_height, p.rotation, p.blank,
       p.member, d.format, d.state as document_state, pr.attempts, pr.finished_at as read_at, d.created_at as submitted_at,
       d.id as document, pr.run, pr.id as page_run, d.tenant
from palimpsest.page_run pr
join palimpsest.page p on p.id = pr.page
join palimpsest.document d on d.id = pr.document
where pr.current;
alter table palimpsest.page_run drop column corrections;
drop table palimpsest.correction;

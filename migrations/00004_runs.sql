-- +goose Up

-- A document that has ended may be read again by a later run. Its page runs stand beside the current ones until they
-- are promoted; each promotion gives the document a new revision, and its files are written anew from what is current.

alter table palimpsest.run
    add column promote text not null default 'never' check (promote in ('never', 'gaps', 'always')),
    add column requested_by text not null default '';
comment on column palimpsest.run.promote is 'What becomes current when the run ends: nothing, the pages that the current run failed on, or every page it could read.';
comment on column palimpsest.run.requested_by is 'Who asked for the run, as the client named them; empty for the first runs of a document.';

alter table palimpsest.document
    add column revision bigint not null default 0,
    add column finished_revision bigint not null default 0;
comment on column palimpsest.document.revision is 'How often current rows were changed after the document had ended.';
comment on column palimpsest.document.finished_revision is 'The revision that the document''s files are of. Behind revision while a finish job is due.';
create index document_revised on palimpsest.document (job) where revision <> finished_revision;

alter table palimpsest.page_run
    add column records integer,
    add column confidence double precision;
comment on column palimpsest.page_run.records is 'How many rows it gave, of all relations; null where it was not read.';
comment on column palimpsest.page_run.confidence is 'Mean confidence of those rows that have one; null where none has.';

-- What was read before this migration is counted once.
-- +goose StatementBegin
do $$
declare r record;
begin
    create temporary table counted (page_run bigint, n bigint, sum double precision, rated bigint) on commit drop;
    for r in select task, name from palimpsest.relation loop
        if to_regclass(format('%I.%I', 'task_' || r.task, r.name)) is not null then
            execute format('insert into counted select page_run, count(*), sum(confidence), count(confidence) from %I.%I group by page_run',
                'task_' || r.task, r.name);
        end if;
    end loop;
    update palimpsest.page_run pr set records = c.n, confidence = c.sum / nullif(c.rated, 0)
    from (select page_run, sum(n) as n, sum(sum) as sum, sum(rated) as rated from counted group by page_run) c
    where c.page_run = pr.id;
    drop table counted;
end $$;
-- +goose StatementEnd

create table palimpsest.promotion (
    id         bigint generated always as identity primary key,
    document   uuid not null references palimpsest.document on delete cascade,
    revision   bigint not null,
    task       text not null,
    page       integer not null,
    from_run   bigint references palimpsest.run on delete cascade,
    to_run     bigint not null references palimpsest.run on delete cascade,
    reason     text not null check (reason in ('request', 'run', 'undo')),
    actor      text not null default '',
    created_at timestamptz not null default now()
);
create index promotion_document on palimpsest.promotion (document, id desc);
create index promotion_from on palimpsest.promotion (from_run);
create index promotion_to on palimpsest.promotion (to_run, page);

comment on table palimpsest.promotion is 'Which run a page showed before and since, for every time that this changed. Nothing is ever taken out.';
comment on column palimpsest.promotion.revision is 'The document''s revision that it made: rows that share one were made together.';
comment on column palimpsest.promotion.from_run is 'The run that was current; null where none was.';
comment on column palimpsest.promotion.to_run is 'The run that became current.';
comment on column palimpsest.promotion.reason is 'request: somebody promoted it. run: the run was made to. undo: a promotion was taken back.';
comment on column palimpsest.promotion.actor is 'Who, as the client named them. Not verified.';

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

comment on view public.page_status is 'One row for each page and task: how the current run of the task went there. Conditions of `rerun --where` are over its columns.';
comment on column public.page_status.page is 'Page number, from 1.';
comment on column public.page_status.state is 'waiting, queued, running, done, blank, unreadable, failed or cancelled.';
comment on column public.page_status.model is 'Model that answered; empty where none was asked.';
comment on column public.page_status.records is 'Rows read, of all relations of the task; null until the page has ended.';
comment on column public.page_status.confidence is 'Mean confidence of the rows, 0 to 1; null where none has any.';
comment on column public.page_status.x_height is 'Typical height of lower case letters in pixels; 0 where no text was found.';
comment on column public.page_status.read_at is 'When the page was read.';

-- +goose Down
drop view public.page_status;
drop table palimpsest.promotion;
alter table palimpsest.page_run drop column records, drop column confidence;
alter table palimpsest.document drop column revision, drop column finished_revision;
alter table palimpsest.run drop column promote, drop column requested_by;

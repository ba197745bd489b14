-- +goose Up

-- What the program owns lives in schema palimpsest, the queue in schema river, a task's rows in task_<name>;
-- public holds only the views analysts read, so one grant on public opens the results and nothing else.

create table palimpsest.document (
    id               uuid primary key,
    tenant           text not null default 'default' check (tenant <> ''),
    name             text not null,
    hash             text not null check (hash ~ '^[0-9a-f]{64}$'),
    bytes            bigint not null check (bytes >= 0),
    format           text not null default '',
    media_type       text not null default '',
    state            text not null default 'received'
                     check (state in ('received', 'ingesting', 'running', 'complete', 'partial', 'failed', 'cancelled')),
    pages            integer not null default 0 check (pages >= 0),
    job              bigint,
    open_page_runs   integer not null default 0 check (open_page_runs >= 0),
    notes            jsonb not null default '[]',
    failure          jsonb check (failure ->> 'kind' in ('bad_input', 'too_large', 'unsupported', 'model', 'internal')),
    failure_kind     text generated always as (failure ->> 'kind') stored,
    password         text,
    idempotency_key  text check (idempotency_key <> ''),
    request_digest   text not null,
    created_at       timestamptz not null default now(),
    updated_at       timestamptz not null default now(),
    finished_at      timestamptz
);
create unique index document_idempotency on palimpsest.document (tenant, idempotency_key) where idempotency_key is not null;
create index document_tenant on palimpsest.document (tenant, id desc);
create index document_name on palimpsest.document (name);
create index document_open on palimpsest.document (job) where state in ('received', 'ingesting', 'running');
create index document_hash on palimpsest.document (hash);

comment on table palimpsest.document is 'One submitted file. Pages, runs and rows hang below it and are removed with it.';
comment on column palimpsest.document.id is 'UUID version 7: sorts by time of submission.';
comment on column palimpsest.document.tenant is 'Whose document it is; every list and look-up is within one tenant.';
comment on column palimpsest.document.name is 'File name as submitted. Not unique.';
comment on column palimpsest.document.hash is 'SHA-256 of the bytes as submitted: key of the object.';
comment on column palimpsest.document.state is 'received, ingesting, running; then complete, partial, failed or cancelled, which are final. The moves between them are the table in store/state.go.';
comment on column palimpsest.document.pages is 'Number of pages the source says it has; 0 until known.';
comment on column palimpsest.document.job is 'The River job at work on the document itself: ingest, later finish.';
comment on column palimpsest.document.open_page_runs is 'Page runs not yet final. The commit that takes it to 0 inserts the finish job.';
comment on column palimpsest.document.notes is 'What was noticed in the source and left inert: [{kind, text}].';
comment on column palimpsest.document.failure is 'Why the document failed: {kind, message, hint, limit, page}. Null unless it did.';
comment on column palimpsest.document.password is 'To open an encrypted source. Erased as soon as the pages are stored or the document ends.';
comment on column palimpsest.document.idempotency_key is 'The submitter''s key: the same key within a tenant is the same document.';
comment on column palimpsest.document.request_digest is 'Digest of name, content, tasks and options: the same key with another digest is a conflict.';

create table palimpsest.run (
    id           bigint generated always as identity primary key,
    document     uuid not null references palimpsest.document on delete cascade,
    task         text not null check (task ~ '^[a-z][a-z0-9_]{0,30}$'),
    options      jsonb not null default '{}',
    fingerprint  jsonb not null,
    digest       text not null,
    state        text not null default 'queued'
                 check (state in ('queued', 'running', 'complete', 'partial', 'failed', 'cancelled')),
    created_at   timestamptz not null default now(),
    finished_at  timestamptz
);
create index run_document on palimpsest.run (document);
create index run_digest on palimpsest.run (task, digest);

comment on table palimpsest.run is 'One task over one document by one fingerprint. A task may have several runs; per page and task one page run is current.';
comment on column palimpsest.run.options is 'The task''s options as asked for: {name: value}.';
comment on column palimpsest.run.fingerprint is 'What would read: {checkpoint, adapter, profile, plugin, renderer, kernel}.';
comment on column palimpsest.run.digest is 'Digest of task, options and fingerprint: equal runs have equal digests.';

create table palimpsest.page (
    id              bigint generated always as identity primary key,
    document        uuid not null references palimpsest.document on delete cascade,
    number          integer not null check (number > 0),
    member          text not null default '',
    width           integer not null check (width >= 0),
    height          integer not null check (height >= 0),
    dpi             double precision not null default 0,
    x_height        double precision not null default 0,
    rotation        integer not null default 0,
    to_source       double precision[] not null check (cardinality(to_source) = 6),
    source_unit     text not null default 'px',
    square_to_page  double precision[] not null check (cardinality(square_to_page) = 6),
    raster_hash     text check (raster_hash ~ '^[0-9a-f]{64}$'),
    square_hash     text check (square_hash ~ '^[0-9a-f]{64}$'),
    text_hash       text check (text_hash ~ '^[0-9a-f]{64}$'),
    blank           boolean not null default false,
    failure         jsonb check (failure ->> 'kind' in ('bad_input', 'too_large', 'unsupported', 'model', 'internal')),
    failure_kind    text generated always as (failure ->> 'kind') stored,
    created_at      timestamptz not null default now(),
    unique (document, number)
);
create index page_raster on palimpsest.page (raster_hash) where raster_hash is not null;
create index page_square on palimpsest.page (square_hash) where square_hash is not null;
create index page_text on palimpsest.page (text_hash) where text_hash is not null;

comment on table palimpsest.page is 'One upright page raster. All boxes of the page are in its pixels, origin top left.';
comment on column palimpsest.page.number is 'From 1.';
comment on column palimpsest.page.member is 'Name of the file inside an archive; empty otherwise.';
comment on column palimpsest.page.dpi is 'Resolution of the raster; 0 where it is not known.';
comment on column palimpsest.page.x_height is 'Typical height of lower case letters in pixels; 0 where no text was found.';
comment on column palimpsest.page.rotation is 'Degrees clockwise that made the page upright.';
comment on column palimpsest.page.to_source is 'Affine {a,b,c,d,e,f} from raster pixels to the source: x'' = a x + b y + c, y'' = d x + e y + f.';
comment on column palimpsest.page.source_unit is 'pt (PDF points, y up) or px.';
comment on column palimpsest.page.square_to_page is 'Affine from the stored letterboxed square to raster pixels.';
comment on column palimpsest.page.raster_hash is 'Object of the full-resolution raster (PNG).';
comment on column palimpsest.page.square_hash is 'Object of the letterboxed square (PNG).';
comment on column palimpsest.page.text_hash is 'Object of the source''s own text layer and of the lines found in the pixels (JSON).';
comment on column palimpsest.page.failure is 'Why the page could not be rendered: {kind, message, hint, limit, page}. The other pages are not concerned.';

create table palimpsest.page_run (
    id           bigint generated always as identity primary key,
    page         bigint not null references palimpsest.page on delete cascade,
    run          bigint not null references palimpsest.run on delete cascade,
    document     uuid not null references palimpsest.document on delete cascade,
    task         text not null,
    state        text not null default 'queued'
                 check (state in ('queued', 'running', 'done', 'blank', 'unreadable', 'failed', 'cancelled')),
    current      boolean not null default false,
    job          bigint,
    attempts     integer not null default 0,
    failure      jsonb check (failure ->> 'kind' in ('bad_input', 'too_large', 'unsupported', 'model', 'internal')),
    failure_kind text generated always as (failure ->> 'kind') stored,
    model        text not null default '',
    seconds      double precision not null default 0,
    tokens       bigint not null default 0,
    notes        jsonb not null default '[]',
    queued_at    timestamptz not null default now(),
    started_at   timestamptz,
    finished_at  timestamptz,
    unique (page, run)
);
create unique index page_run_current on palimpsest.page_run (page, task) where current;
create index page_run_document on palimpsest.page_run (document, state);
create index page_run_open on palimpsest.page_run (job) where state in ('queued', 'running');
create index page_run_run on palimpsest.page_run (run);

comment on table palimpsest.page_run is 'One run over one page: the unit of work of queue "read".';
comment on column palimpsest.page_run.state is 'queued, running; then done, blank, unreadable, failed or cancelled, which are final. The moves are the table in store/state.go.';
comment on column palimpsest.page_run.current is 'Whether the public views show this run of the task for the page. One per page and task.';
comment on column palimpsest.page_run.job is 'The River job that reads it.';
comment on column palimpsest.page_run.attempts is 'How often reading was begun.';
comment on column palimpsest.page_run.failure is 'Last failure: {kind, message, hint, limit, page}. On a run not yet final it says why it is tried again; on an unreadable one why.';
comment on column palimpsest.page_run.model is 'Name of the model that answered; empty where none was asked.';
comment on column palimpsest.page_run.seconds is 'Wall seconds of the attempt that was committed.';
comment on column palimpsest.page_run.tokens is 'Tokens the model wrote in it.';

create table palimpsest.object (
    id          bigint generated always as identity primary key,
    document    uuid not null references palimpsest.document on delete cascade,
    page_run    bigint references palimpsest.page_run on delete cascade,
    task        text not null default '',
    name        text not null check (name <> ''),
    media_type  text not null,
    hash        text not null check (hash ~ '^[0-9a-f]{64}$'),
    bytes       bigint not null check (bytes >= 0),
    created_at  timestamptz not null default now()
);
create unique index object_of_page on palimpsest.object (page_run, name) where page_run is not null;
create unique index object_of_document on palimpsest.object (document, task, name) where page_run is null;
create index object_document on palimpsest.object (document);
create index object_hash on palimpsest.object (hash);

comment on table palimpsest.object is 'A file a task made, of one page (hOCR, text) or, where page_run is null, of the whole document.';
comment on column palimpsest.object.hash is 'SHA-256 of the content: key of the object in the blob store.';

create table palimpsest.relation (
    task         text not null,
    name         text not null,
    version      text not null,
    summary      text not null default '',
    columns      jsonb not null,
    installed_at timestamptz not null default now(),
    primary key (task, name)
);
comment on table palimpsest.relation is 'Relations of tasks for which tables exist (task_<task>.<name>) and their columns: [{name, type, summary}].';

-- +goose Down
drop table palimpsest.relation, palimpsest.object, palimpsest.page_run, palimpsest.page, palimpsest.run, palimpsest.document;

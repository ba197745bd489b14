-- +goose Up

-- A source is a folder or a bucket that is scanned on a schedule. What lies there is named by its key; what it became
-- is a document of its own, which stays when the source is removed.

create table palimpsest.source (
    id           bigint generated always as identity primary key,
    tenant       text not null default 'default' check (tenant <> ''),
    name         text not null check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    location     text not null check (location <> ''),
    credentials  text not null default '' check (credentials ~ '^([A-Z][A-Z0-9_]{0,62})?$'),
    cron         text not null check (cron <> ''),
    tasks        text[] not null check (cardinality(tasks) > 0),
    options      jsonb not null default '{}',
    paused       boolean not null default false,
    next_at      timestamptz,
    created_at   timestamptz not null default now(),
    unique (tenant, name)
);
create index source_due on palimpsest.source (next_at) where not paused;

comment on table palimpsest.source is 'A folder or bucket that is scanned on a schedule; what is new there becomes documents.';
comment on column palimpsest.source.location is 's3://bucket/prefix, or the absolute path of a folder of the server.';
comment on column palimpsest.source.credentials is 'Name of the server''s setting that holds endpoint and keys (PALIMPSEST_SOURCE_<name>_...); empty: the server''s own object store. Never a secret itself.';
comment on column palimpsest.source.cron is 'Five fields in UTC: minute, hour, day of month, month, day of week.';
comment on column palimpsest.source.tasks is 'The tasks over each document.';
comment on column palimpsest.source.next_at is 'When the schedule wants the next scan.';

create table palimpsest.scan (
    id           bigint generated always as identity primary key,
    source       bigint not null references palimpsest.source on delete cascade,
    reason       text not null check (reason in ('schedule', 'request')),
    state        text not null default 'queued' check (state in ('queued', 'running', 'complete', 'partial', 'failed')),
    cursor       text not null default '' collate "C",
    steps        integer not null default 0,
    seen         bigint not null default 0,
    new          bigint not null default 0,
    changed      bigint not null default 0,
    duplicate    bigint not null default 0,
    unchanged    bigint not null default 0,
    skipped      bigint not null default 0,
    failed       bigint not null default 0,
    gone         bigint not null default 0,
    unlisted     bigint not null default 0,
    bytes        bigint not null default 0,
    seconds      double precision not null default 0,
    failure      jsonb check (failure ->> 'kind' in ('bad_input', 'too_large', 'unsupported', 'model', 'internal')),
    job          bigint,
    queued_at    timestamptz not null default now(),
    started_at   timestamptz,
    finished_at  timestamptz
);
create unique index scan_open on palimpsest.scan (source) where state in ('queued', 'running');
create index scan_source on palimpsest.scan (source, id desc);

comment on table palimpsest.scan is 'One pass through a source. A source has at most one that is not finished.';
comment on column palimpsest.scan.state is 'queued, running; then complete, partial (some objects failed) or failed. The moves are the table in store/scan.go.';
comment on column palimpsest.scan.cursor is 'The last key that was dealt with: a restart goes on behind it.';
comment on column palimpsest.scan.steps is 'Transactions committed so far; with it a process that was given up tells that another went on.';
comment on column palimpsest.scan.seen is 'Objects listed: new + changed + duplicate + unchanged + skipped + failed.';
comment on column palimpsest.scan.duplicate is 'Content read before for the same tasks, under another name or by another source.';
comment on column palimpsest.scan.skipped is 'Hidden, temporary, not regular, or still being written: left alone.';
comment on column palimpsest.scan.gone is 'Known before and not there any more; the documents stay.';
comment on column palimpsest.scan.unlisted is 'Folders that could not be listed; then nothing counts as gone.';
comment on column palimpsest.scan.bytes is 'Bytes fetched.';
comment on column palimpsest.scan.seconds is 'Time spent at work, waiting in the queue left out.';

create table palimpsest.source_object (
    source       bigint not null references palimpsest.source on delete cascade,
    key          text not null collate "C" check (key <> '' and octet_length(key) <= 1024),
    version      text not null,
    bytes        bigint not null,
    modified_at  timestamptz,
    hash         text check (hash ~ '^[0-9a-f]{64}$'),
    failure      jsonb check (failure ->> 'kind' in ('bad_input', 'too_large', 'unsupported', 'model', 'internal')),
    seen_in      bigint not null,
    first_seen   timestamptz not null default now(),
    gone_at      timestamptz,
    primary key (source, key)
);
create index source_object_failure on palimpsest.source_object (source) where failure is not null and gone_at is null;

comment on table palimpsest.source_object is 'What a source holds, as the last scan found it.';
comment on column palimpsest.source_object.key is 'Name in the bucket, or path below the folder.';
comment on column palimpsest.source_object.version is 'Length, time and entity tag: equal means not fetched again.';
comment on column palimpsest.source_object.hash is 'SHA-256 of the content when it was last fetched; null where that never succeeded.';
comment on column palimpsest.source_object.failure is 'Why it could not be taken: {kind, message, hint, limit}.';
comment on column palimpsest.source_object.seen_in is 'The last scan that found it.';
comment on column palimpsest.source_object.gone_at is 'Since when it is missing.';

create table palimpsest.sighting (
    source       bigint not null references palimpsest.source on delete cascade,
    key          text not null collate "C",
    hash         text not null check (hash ~ '^[0-9a-f]{64}$'),
    document     uuid references palimpsest.document on delete set null,
    scan         bigint not null,
    seen_at      timestamptz not null default now(),
    primary key (source, key, hash)
);
create index sighting_document on palimpsest.sighting (document);

comment on table palimpsest.sighting is 'Every content seen under a key of a source, and the document it became.';

-- +goose Down
drop table palimpsest.sighting, palimpsest.source_object, palimpsest.scan, palimpsest.source;

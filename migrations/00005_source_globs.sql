-- +goose Up

-- Which files of a source are documents is said by patterns: archives keep sidecar files beside their scans.
alter table palimpsest.source
    add column include text[] not null default '{}',
    add column exclude text[] not null default '{}';
comment on column palimpsest.source.include is 'Patterns of the names or paths that are taken; none: all but sidecar files.';
comment on column palimpsest.source.exclude is 'Patterns of the names or paths that are left alone, whatever include says.';

-- +goose Down

alter table palimpsest.source
    drop column include,
    drop column exclude;

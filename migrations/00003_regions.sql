-- +goose Up

-- Finding the regions of pages is a run of its own, of task regions, once for a document and fingerprint. Runs of tasks
-- that read regions wait for it, page by page.

alter table palimpsest.run
    add column regions bigint references palimpsest.run;
create index run_regions on palimpsest.run (regions) where regions is not null;
comment on column palimpsest.run.regions is 'The run of task regions whose regions this one reads; null where it reads pages as a whole.';
comment on column palimpsest.run.fingerprint is 'What would read: {checkpoint, adapter, profile, plugin, renderer, kernel}, and regions: the digest of the run whose regions it reads.';

alter table palimpsest.page_run drop constraint page_run_state_check;
alter table palimpsest.page_run add constraint page_run_state_check
    check (state in ('waiting', 'queued', 'running', 'done', 'blank', 'unreadable', 'failed', 'cancelled'));
comment on column palimpsest.page_run.state is 'waiting (for the page''s regions), queued, running; then done, blank, unreadable, failed or cancelled, which are final. The moves are the table in store/state.go.';

-- +goose Down
update palimpsest.page_run set state = 'cancelled', finished_at = now() where state = 'waiting';
alter table palimpsest.page_run drop constraint page_run_state_check;
alter table palimpsest.page_run add constraint page_run_state_check
    check (state in ('queued', 'running', 'done', 'blank', 'unreadable', 'failed', 'cancelled'));
alter table palimpsest.run drop column regions;

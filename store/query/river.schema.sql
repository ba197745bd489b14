-- The part of River's schema that our own queries touch, for sqlc to check them against. River's migrations make
-- the real table; this file is never executed.
create schema river;
create table river.river_job (
    id           bigint primary key,
    state        text not null,
    attempt      smallint not null,
    max_attempts smallint not null,
    attempted_by text[],
    attempted_at timestamptz,
    scheduled_at timestamptz not null,
    finalized_at timestamptz,
    args         jsonb not null,
    metadata     jsonb not null,
    kind         text not null
);

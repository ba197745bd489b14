-- Schemas that migrations.Apply makes before the numbered migrations run, for sqlc; never executed.
create schema palimpsest;

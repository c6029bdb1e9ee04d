-- Of which difference a run is: what a dry run has found, and what a run was to apply or found instead. Null
-- where nobody asked.
-- +goose Up
ALTER TABLE lifecycle_sync_runs ADD COLUMN digest text;

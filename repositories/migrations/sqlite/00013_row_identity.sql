-- When a row that an activity updated was created: a later row with the same id is another one.
-- +goose Up
ALTER TABLE lifecycle_activity_changes ADD COLUMN row_created_at text;

-- When a row that an activity updated was created, and the product of a stage history record: a later one with the same id is another.
-- +goose Up
ALTER TABLE lifecycle_activity_changes ADD COLUMN row_created_at text;
ALTER TABLE lifecycle_activity_changes ADD COLUMN product_created_at text;

-- When the product of a changed stage history record was created: a later product with the same id is another one.
-- +goose Up
ALTER TABLE lifecycle_activity_changes ADD COLUMN product_created_at text;

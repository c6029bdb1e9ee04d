-- The products that changed with each version of the mirror, for clients that follow the changes; null: all. Kept for a day.
-- +goose Up
CREATE TABLE IF NOT EXISTS lifecycle_mirror_changes (
	version bigint PRIMARY KEY,
	products json NOT NULL,
	at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS lifecycle_mirror_changes_at_idx ON lifecycle_mirror_changes (at);

-- The products that changed with each version of the mirror, for clients that follow the changes; null: all. Kept for a day.
-- +goose Up
CREATE TABLE IF NOT EXISTS lifecycle_mirror_changes (
	version bigint PRIMARY KEY,
	products text NOT NULL,
	at timestamp NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%f000Z', 'now'))
);
CREATE INDEX IF NOT EXISTS lifecycle_mirror_changes_at_idx ON lifecycle_mirror_changes (at);

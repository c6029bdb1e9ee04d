-- Up to where the mirror holds what lifecycle_db committed, written in every transaction that brings the
-- mirror up to date, together with its rows.
-- +goose Up

-- One row. What SQLite has not stays NULL.
CREATE TABLE IF NOT EXISTS lifecycle_sync_watermark (
	id integer PRIMARY KEY CHECK (id = 1),
	run_id bigint NOT NULL,
	horizon bigint,
	mirror_xid bigint,
	source text,
	lsn bigint,
	current_at timestamp NOT NULL,
	followed_at timestamp
);

-- How often a run was begun: more than once when a database went away for a moment.
ALTER TABLE lifecycle_sync_runs ADD COLUMN attempts integer NOT NULL DEFAULT 1;

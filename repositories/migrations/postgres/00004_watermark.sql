-- Up to where the mirror holds what lifecycle_db committed, written in every transaction that brings the
-- mirror up to date, together with its rows.
-- +goose Up

-- One row. horizon is the source snapshot's pg_snapshot_xmin, mirror_xid the transaction here that wrote
-- last, source what the source's server and tables were, lsn (bytes) up to where real time has come, and
-- followed_at when it was there.
CREATE TABLE IF NOT EXISTS lifecycle_sync_watermark (
	id integer PRIMARY KEY CHECK (id = 1),
	run_id bigint NOT NULL,
	horizon bigint,
	mirror_xid bigint,
	source json,
	lsn bigint,
	current_at timestamptz NOT NULL,
	followed_at timestamptz
);

-- How often a run was begun: more than once when a database went away for a moment.
ALTER TABLE lifecycle_sync_runs ADD COLUMN IF NOT EXISTS attempts integer NOT NULL DEFAULT 1;

-- What the sync keeps about itself, in the same database as the mirror, so that both commit together.
-- +goose Up
CREATE TABLE IF NOT EXISTS lifecycle_sync_runs (
	id integer PRIMARY KEY AUTOINCREMENT,
	mode text NOT NULL,
	state text NOT NULL,
	reason text,
	started_at timestamp NOT NULL,
	finished_at timestamp,
	horizon bigint,
	mirror_xid bigint,
	error_class text,
	error_message text,
	error_remedy text
);
CREATE INDEX IF NOT EXISTS lifecycle_sync_runs_state_idx ON lifecycle_sync_runs (state, id);

CREATE TABLE IF NOT EXISTS lifecycle_sync_run_tables (
	run_id bigint NOT NULL REFERENCES lifecycle_sync_runs (id) ON DELETE CASCADE,
	position integer NOT NULL,
	table_name text NOT NULL,
	inserted bigint NOT NULL,
	updated bigint NOT NULL,
	unchanged bigint NOT NULL,
	deleted bigint NOT NULL,
	quarantined bigint NOT NULL,
	released bigint NOT NULL,
	PRIMARY KEY (run_id, table_name)
);

CREATE TABLE IF NOT EXISTS lifecycle_sync_changes (
	id integer PRIMARY KEY AUTOINCREMENT,
	run_id bigint NOT NULL,
	table_name text NOT NULL,
	row_id bigint NOT NULL,
	action text NOT NULL,
	before text,
	after text
);
CREATE INDEX IF NOT EXISTS lifecycle_sync_changes_run_idx ON lifecycle_sync_changes (run_id, id);
CREATE INDEX IF NOT EXISTS lifecycle_sync_changes_row_idx ON lifecycle_sync_changes (table_name, row_id);

CREATE TABLE IF NOT EXISTS lifecycle_sync_quarantine (
	table_name text NOT NULL,
	row_id bigint NOT NULL,
	reason text NOT NULL,
	payload text NOT NULL,
	source_hash bigint NOT NULL,
	run_id bigint NOT NULL,
	since timestamp NOT NULL,
	PRIMARY KEY (table_name, row_id)
);

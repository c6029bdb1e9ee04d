-- Activities record who changed what. Their changes are those of lifecycle_db's rows and of attachments; the changes of a run are
-- in the change log, where those of activities are linked to them.
-- +goose Up
CREATE TABLE IF NOT EXISTS lifecycle_activities (
	id integer PRIMARY KEY AUTOINCREMENT,
	at timestamp NOT NULL,
	actor_id text NOT NULL,
	actor_name text NOT NULL,
	channel text NOT NULL,
	action text NOT NULL,
	pending boolean NOT NULL,
	write_id text,
	source_xid bigint,
	run_id bigint,
	change_count bigint NOT NULL,
	undoes bigint,
	undone_by bigint,
	detail text
);
CREATE INDEX IF NOT EXISTS lifecycle_activities_at_idx ON lifecycle_activities (at);
CREATE INDEX IF NOT EXISTS lifecycle_activities_actor_idx ON lifecycle_activities (actor_id, id);
CREATE INDEX IF NOT EXISTS lifecycle_activities_write_idx ON lifecycle_activities (write_id) WHERE write_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS lifecycle_activities_run_idx ON lifecycle_activities (run_id) WHERE run_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS lifecycle_activity_changes (
	activity_id bigint NOT NULL,
	position integer NOT NULL,
	table_name text NOT NULL,
	row_id bigint NOT NULL,
	product_id bigint,
	before text,
	after text,
	mirrored boolean NOT NULL,
	PRIMARY KEY (activity_id, position)
);
CREATE INDEX IF NOT EXISTS lifecycle_activity_changes_product_idx ON lifecycle_activity_changes (product_id, activity_id);
CREATE INDEX IF NOT EXISTS lifecycle_activity_changes_row_idx ON lifecycle_activity_changes (table_name, row_id) WHERE NOT mirrored;

-- The change log names the product, the transaction of lifecycle_db that wrote the row, and the activity.
ALTER TABLE lifecycle_sync_changes ADD COLUMN product_id bigint;
ALTER TABLE lifecycle_sync_changes ADD COLUMN source_xid bigint;
ALTER TABLE lifecycle_sync_changes ADD COLUMN activity_id bigint;
CREATE INDEX IF NOT EXISTS lifecycle_sync_changes_product_idx ON lifecycle_sync_changes (product_id, run_id) WHERE product_id IS NOT NULL;
UPDATE lifecycle_sync_changes SET product_id = row_id WHERE table_name = 'products' AND product_id IS NULL;

-- Who started a run, and who asked it to stop.
ALTER TABLE lifecycle_sync_runs ADD COLUMN actor_id text NOT NULL DEFAULT '';
ALTER TABLE lifecycle_sync_runs ADD COLUMN actor_name text NOT NULL DEFAULT '';
ALTER TABLE lifecycle_sync_runs ADD COLUMN allowed_deletes bigint;

-- A deleted file can be restored until the retention is over.
ALTER TABLE lifecycle_attachments ADD COLUMN removed_at timestamp;

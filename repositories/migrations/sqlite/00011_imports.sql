-- Previews of spreadsheet imports, which their owner can apply once, for an hour.
-- +goose Up
CREATE TABLE IF NOT EXISTS lifecycle_import_previews (
	digest text NOT NULL,
	owner_id text NOT NULL,
	changes text NOT NULL,
	created_at timestamp NOT NULL,
	write_id text,
	PRIMARY KEY (digest, owner_id)
);

-- What the API keeps beside the mirror: the mirror's version, attachments, and a journal of writes.
-- +goose Up

-- One row. Its version grows by one in every transaction that changes what the API answers.
CREATE TABLE IF NOT EXISTS lifecycle_mirror_version (
	id integer PRIMARY KEY CHECK (id = 1),
	version bigint NOT NULL
);
INSERT INTO lifecycle_mirror_version (id, version) VALUES (1, 1) ON CONFLICT (id) DO NOTHING;

-- Attached files, whose contents lie elsewhere under object_key. No foreign key to the mirror: a
-- product that goes into quarantine keeps its files. A row is pending until the write that brings it
-- has committed in lifecycle_db, and removing while a write that takes it away has not.
CREATE TABLE IF NOT EXISTS lifecycle_attachments (
	id integer PRIMARY KEY AUTOINCREMENT,
	id_produk integer NOT NULL,
	nama_file text NOT NULL,
	tipe_file text NOT NULL,
	ukuran_file bigint NOT NULL,
	sha256 text NOT NULL,
	object_key text NOT NULL UNIQUE,
	state text NOT NULL CHECK (state IN ('pending', 'stored', 'removing')),
	write_id text,
	created_at timestamp NOT NULL
);
CREATE INDEX IF NOT EXISTS lifecycle_attachments_id_produk_idx ON lifecycle_attachments (id_produk);
CREATE INDEX IF NOT EXISTS lifecycle_attachments_write_id_idx ON lifecycle_attachments (write_id) WHERE write_id IS NOT NULL;

-- A write through the API. It is claimed when a caller names an idempotency key; intended, with the
-- answer it will get, before lifecycle_db commits; and done. What lifecycle_db made of it is told by
-- source_xid, or on SQLite by whether the row is there and its own times.
CREATE TABLE IF NOT EXISTS lifecycle_writes (
	id text PRIMARY KEY,
	caller text,
	route text,
	idempotency_key text,
	fingerprint text,
	state text NOT NULL CHECK (state IN ('claimed', 'intended', 'done')),
	leased_until timestamp NOT NULL,
	source_xid bigint,
	source_table text,
	source_id bigint,
	source_stamp timestamp,
	source_action text,
	etag text,
	body text,
	created_at timestamp NOT NULL,
	UNIQUE (caller, route, idempotency_key)
);
CREATE INDEX IF NOT EXISTS lifecycle_writes_created_at_idx ON lifecycle_writes (created_at);

ALTER TABLE lifecycle_sync_runs ADD COLUMN cancel_requested boolean NOT NULL DEFAULT false;
ALTER TABLE lifecycle_sync_runs ADD COLUMN differences text;
-- What people are shown: API writes are many, and not among it.
CREATE INDEX IF NOT EXISTS lifecycle_sync_runs_listed_idx ON lifecycle_sync_runs (id) WHERE mode <> 'write';

-- Saved views of the product list: of one person, or shared with all.
-- +goose Up
CREATE TABLE IF NOT EXISTS lifecycle_views (
	id integer PRIMARY KEY AUTOINCREMENT,
	name text NOT NULL,
	query text NOT NULL,
	columns text NOT NULL,
	shared boolean NOT NULL,
	owner_id text NOT NULL,
	owner_name text NOT NULL,
	created_at timestamp NOT NULL,
	updated_at timestamp NOT NULL,
	UNIQUE (owner_id, name)
);

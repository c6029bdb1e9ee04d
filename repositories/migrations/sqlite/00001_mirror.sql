-- The mirror of lifecycle_db, as in the PostgreSQL migration. SQLite cannot drop a foreign key, and
-- there is none to the categories when lifecycle_db has no tbl_kategori, so there is none here at all.
-- Documents are text: SQLite would turn the document 1 in a json column into a number. NULLs sort last
-- in a descending index by themselves.
-- +goose Up
CREATE TABLE IF NOT EXISTS tbl_segmen_lifecycle (
	id integer PRIMARY KEY,
	segmen text NOT NULL,
	created_at timestamp,
	updated_at timestamp,
	icon_light text,
	icon_dark text
);
CREATE TABLE IF NOT EXISTS tbl_stage_lifecycle (
	id integer PRIMARY KEY,
	stage text,
	created_at timestamp,
	updated_at timestamp,
	icon_light text,
	icon_dark text
);
CREATE TABLE IF NOT EXISTS tbl_kategori_lifecycle (
	id integer PRIMARY KEY,
	kategori text NOT NULL,
	created_at timestamp,
	updated_at timestamp,
	icon_light text,
	icon_dark text
);
CREATE TABLE IF NOT EXISTS tbl_produk_lifecycle (
	id integer PRIMARY KEY,
	produk text,
	deskripsi text,
	id_kategori integer,
	id_segmen integer CONSTRAINT tbl_produk_lifecycle_id_segmen_fkey REFERENCES tbl_segmen_lifecycle (id),
	id_stage integer CONSTRAINT tbl_produk_lifecycle_id_stage_fkey REFERENCES tbl_stage_lifecycle (id),
	harga bigint,
	tanggal_launch date,
	pelanggan text,
	created_at timestamp,
	updated_at timestamp,
	tanggal_stage_end date,
	tanggal_stage_start date
);
CREATE TABLE IF NOT EXISTS tbl_stage_histori_lifecycle (
	id integer PRIMARY KEY,
	id_produk integer NOT NULL CONSTRAINT tbl_stage_histori_lifecycle_id_produk_fkey REFERENCES tbl_produk_lifecycle (id),
	stage_previous integer CONSTRAINT tbl_stage_histori_lifecycle_stage_previous_fkey REFERENCES tbl_stage_lifecycle (id),
	stage_now integer CONSTRAINT tbl_stage_histori_lifecycle_stage_now_fkey REFERENCES tbl_stage_lifecycle (id),
	catatan text,
	created_at timestamp,
	updated_at timestamp,
	tanggal_perubahan timestamp,
	performance_metrics text
);

-- The list, newest first; its filters; a product's history and all history, newest first.
CREATE INDEX IF NOT EXISTS tbl_produk_lifecycle_created_idx ON tbl_produk_lifecycle (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS tbl_produk_lifecycle_id_stage_idx ON tbl_produk_lifecycle (id_stage);
CREATE INDEX IF NOT EXISTS tbl_produk_lifecycle_id_segmen_idx ON tbl_produk_lifecycle (id_segmen);
CREATE INDEX IF NOT EXISTS tbl_produk_lifecycle_id_kategori_idx ON tbl_produk_lifecycle (id_kategori);
CREATE INDEX IF NOT EXISTS tbl_stage_histori_lifecycle_id_produk_idx ON tbl_stage_histori_lifecycle (id_produk);
CREATE INDEX IF NOT EXISTS tbl_stage_histori_lifecycle_changed_idx ON tbl_stage_histori_lifecycle (tanggal_perubahan DESC, id DESC);

-- The mirror of lifecycle_db. The former script may have made these tables already: they are adopted
-- as they are, without an identity on id, which the sync writes itself. Foreign keys that an adopted
-- table lacks are added by the first full sync, once its orphans are gone.
-- +goose Up
CREATE TABLE IF NOT EXISTS tbl_segmen_lifecycle (
	id integer PRIMARY KEY,
	segmen varchar NOT NULL,
	created_at timestamptz(6),
	updated_at timestamptz(6),
	icon_light varchar,
	icon_dark varchar
);
CREATE TABLE IF NOT EXISTS tbl_stage_lifecycle (
	id integer PRIMARY KEY,
	stage varchar,
	created_at timestamptz(6),
	updated_at timestamptz(6),
	icon_light varchar,
	icon_dark varchar
);
CREATE TABLE IF NOT EXISTS tbl_kategori_lifecycle (
	id integer PRIMARY KEY,
	kategori varchar NOT NULL,
	created_at timestamptz(6),
	updated_at timestamptz(6),
	icon_light varchar,
	icon_dark varchar
);
CREATE TABLE IF NOT EXISTS tbl_produk_lifecycle (
	id integer PRIMARY KEY,
	produk varchar(255),
	deskripsi text,
	id_kategori integer CONSTRAINT tbl_produk_lifecycle_id_kategori_fkey REFERENCES tbl_kategori_lifecycle (id),
	id_segmen integer CONSTRAINT tbl_produk_lifecycle_id_segmen_fkey REFERENCES tbl_segmen_lifecycle (id),
	id_stage integer CONSTRAINT tbl_produk_lifecycle_id_stage_fkey REFERENCES tbl_stage_lifecycle (id),
	harga bigint,
	tanggal_launch date,
	pelanggan varchar(255),
	created_at timestamptz(6),
	updated_at timestamptz(6),
	tanggal_stage_end date,
	tanggal_stage_start date
);
CREATE TABLE IF NOT EXISTS tbl_stage_histori_lifecycle (
	id integer PRIMARY KEY,
	id_produk integer NOT NULL CONSTRAINT tbl_stage_histori_lifecycle_id_produk_fkey REFERENCES tbl_produk_lifecycle (id),
	stage_previous integer CONSTRAINT tbl_stage_histori_lifecycle_stage_previous_fkey REFERENCES tbl_stage_lifecycle (id),
	stage_now integer CONSTRAINT tbl_stage_histori_lifecycle_stage_now_fkey REFERENCES tbl_stage_lifecycle (id),
	catatan text,
	created_at timestamptz(6),
	updated_at timestamptz(6),
	tanggal_perubahan timestamptz(6),
	performance_metrics jsonb
);

-- +goose StatementBegin
DO $$
DECLARE adopted text;
BEGIN
	FOR adopted IN
		SELECT attrelid::regclass FROM pg_attribute
		WHERE attname = 'id' AND attidentity <> '' AND attrelid IN ('tbl_segmen_lifecycle'::regclass, 'tbl_stage_lifecycle'::regclass,
			'tbl_kategori_lifecycle'::regclass, 'tbl_produk_lifecycle'::regclass, 'tbl_stage_histori_lifecycle'::regclass)
	LOOP
		EXECUTE 'ALTER TABLE ' || adopted || ' ALTER COLUMN id DROP IDENTITY';
	END LOOP;
END $$;
-- +goose StatementEnd

-- The list, newest first; its filters; a product's history and all history, newest first.
CREATE INDEX IF NOT EXISTS tbl_produk_lifecycle_created_idx ON tbl_produk_lifecycle (created_at DESC NULLS LAST, id DESC);
CREATE INDEX IF NOT EXISTS tbl_produk_lifecycle_id_stage_idx ON tbl_produk_lifecycle (id_stage);
CREATE INDEX IF NOT EXISTS tbl_produk_lifecycle_id_segmen_idx ON tbl_produk_lifecycle (id_segmen);
CREATE INDEX IF NOT EXISTS tbl_produk_lifecycle_id_kategori_idx ON tbl_produk_lifecycle (id_kategori);
CREATE INDEX IF NOT EXISTS tbl_stage_histori_lifecycle_id_produk_idx ON tbl_stage_histori_lifecycle (id_produk);
CREATE INDEX IF NOT EXISTS tbl_stage_histori_lifecycle_changed_idx ON tbl_stage_histori_lifecycle (tanggal_perubahan DESC NULLS LAST, id DESC);

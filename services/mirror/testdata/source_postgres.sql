-- lifecycle_db as it stands in the field: no foreign keys, almost every column NULLable.
CREATE TABLE tbl_segmen (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, segmen varchar NOT NULL,
	created_at timestamptz(6), updated_at timestamptz(6), icon_light varchar, icon_dark varchar);
CREATE TABLE tbl_stage (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stage varchar,
	created_at timestamptz(6), updated_at timestamptz(6), icon_light varchar, icon_dark varchar);
CREATE TABLE tbl_kategori (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kategori varchar NOT NULL,
	created_at timestamptz(6), updated_at timestamptz(6), icon_light varchar, icon_dark varchar);
CREATE TABLE tbl_produk (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, produk varchar(255), deskripsi text,
	id_kategori integer, id_segmen integer, id_stage integer, harga bigint, tanggal_launch date, pelanggan varchar(255),
	created_at timestamptz(6), updated_at timestamptz(6), tanggal_stage_end date, tanggal_stage_start date);
CREATE TABLE tbl_stage_histori (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id_produk integer NOT NULL,
	stage_previous integer, stage_now integer, catatan text, created_at timestamptz(6), updated_at timestamptz(6),
	tanggal_perubahan timestamptz(6), performance_metrics jsonb);

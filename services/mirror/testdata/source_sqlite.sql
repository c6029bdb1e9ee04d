-- lifecycle_db as an SQLite file, with the same columns. Documents are text, because SQLite would turn
-- the document 1 in a column of type jsonb into a number.
CREATE TABLE tbl_segmen (id integer PRIMARY KEY AUTOINCREMENT, segmen varchar NOT NULL,
	created_at timestamp, updated_at timestamp, icon_light varchar, icon_dark varchar);
CREATE TABLE tbl_stage (id integer PRIMARY KEY AUTOINCREMENT, stage varchar,
	created_at timestamp, updated_at timestamp, icon_light varchar, icon_dark varchar);
CREATE TABLE tbl_kategori (id integer PRIMARY KEY AUTOINCREMENT, kategori varchar NOT NULL,
	created_at timestamp, updated_at timestamp, icon_light varchar, icon_dark varchar);
CREATE TABLE tbl_produk (id integer PRIMARY KEY AUTOINCREMENT, produk varchar(255), deskripsi text,
	id_kategori integer, id_segmen integer, id_stage integer, harga bigint, tanggal_launch date, pelanggan varchar(255),
	created_at timestamp, updated_at timestamp, tanggal_stage_end date, tanggal_stage_start date);
CREATE TABLE tbl_stage_histori (id integer PRIMARY KEY AUTOINCREMENT, id_produk integer NOT NULL,
	stage_previous integer, stage_now integer, catatan text, created_at timestamp, updated_at timestamp,
	tanggal_perubahan timestamp, performance_metrics text);

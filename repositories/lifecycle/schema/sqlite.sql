-- The same tables as in PostgreSQL. AUTOINCREMENT never gives the id of a deleted row again, as an
-- identity does not. Documents are text: SQLite would turn the document 1 in a json column into a
-- number.
CREATE TABLE IF NOT EXISTS tbl_segmen (
	id integer PRIMARY KEY AUTOINCREMENT,
	segmen text NOT NULL,
	created_at timestamp,
	updated_at timestamp,
	icon_light text,
	icon_dark text
);
CREATE TABLE IF NOT EXISTS tbl_stage (
	id integer PRIMARY KEY AUTOINCREMENT,
	stage text,
	created_at timestamp,
	updated_at timestamp,
	icon_light text,
	icon_dark text
);
CREATE TABLE IF NOT EXISTS tbl_kategori (
	id integer PRIMARY KEY AUTOINCREMENT,
	kategori text NOT NULL,
	created_at timestamp,
	updated_at timestamp,
	icon_light text,
	icon_dark text
);
CREATE TABLE IF NOT EXISTS tbl_produk (
	id integer PRIMARY KEY AUTOINCREMENT,
	produk text,
	deskripsi text,
	id_kategori integer,
	id_segmen integer,
	id_stage integer,
	harga bigint,
	tanggal_launch date,
	pelanggan text,
	created_at timestamp,
	updated_at timestamp,
	tanggal_stage_end date,
	tanggal_stage_start date
);
CREATE TABLE IF NOT EXISTS tbl_stage_histori (
	id integer PRIMARY KEY AUTOINCREMENT,
	id_produk integer NOT NULL,
	stage_previous integer,
	stage_now integer,
	catatan text,
	created_at timestamp,
	updated_at timestamp,
	tanggal_perubahan timestamp,
	performance_metrics text
);

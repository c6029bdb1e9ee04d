package main

import "context"

// sourceSchema is lifecycle_db as it stands in the field, without foreign keys.
const sourceSchema = `
CREATE TABLE tbl_segmen (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, segmen varchar NOT NULL,
	created_at timestamptz(6), updated_at timestamptz(6), icon_light varchar, icon_dark varchar);
CREATE TABLE tbl_stage (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, stage varchar,
	created_at timestamptz(6), updated_at timestamptz(6), icon_light varchar, icon_dark varchar);
CREATE TABLE tbl_kategori (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kategori varchar NOT NULL,
	created_at timestamptz(6), updated_at timestamptz(6), icon_light varchar, icon_dark varchar);
CREATE TABLE tbl_produk (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, produk varchar(255), deskripsi text,
	id_kategori integer, id_segmen integer, id_stage integer, harga bigint, tanggal_launch date, pelanggan varchar(255),
	created_at timestamptz(6), updated_at timestamptz(6), tanggal_stage_end date, tanggal_stage_start date);
CREATE TABLE tbl_stage_histori (
	id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id_produk integer NOT NULL, stage_previous integer, stage_now integer,
	catatan text, created_at timestamptz(6), updated_at timestamptz(6), tanggal_perubahan timestamptz(6), performance_metrics jsonb);
INSERT INTO tbl_segmen (segmen, created_at)
	SELECT unnest(ARRAY['EP & Pembangkit', 'Transmisi', 'Distribusi', 'Korporat', 'Pelayanan Pelanggan']), '2021-01-04 08:00+07';
INSERT INTO tbl_stage (stage, created_at)
	SELECT unnest(ARRAY['Introduction', 'Growth', 'Maturity', 'Decline']), '2021-01-04 08:00+07';
INSERT INTO tbl_kategori (kategori, created_at)
	SELECT unnest(ARRAY['Aplikasi', 'Infrastruktur', 'Data', 'Layanan', 'Perangkat']), '2021-01-04 08:00+07'`

// fillProducts makes $1 products. Every row fits and refers to rows that are there: the yardsticks
// know no quarantine and would stop at the first that does not.
const fillProducts = `
INSERT INTO tbl_produk (produk, deskripsi, id_kategori, id_segmen, id_stage, harga, tanggal_launch, pelanggan,
	created_at, updated_at, tanggal_stage_end, tanggal_stage_start)
SELECT (ARRAY['Sistem Pemantauan ', 'Portal ', 'Aplikasi Manajemen ', 'Platform Analitik '])[1 + n % 4]
		|| (ARRAY['Gardu Induk ', 'Pelanggan ', 'Aset Transmisi ', 'Beban ', 'Meter Cerdas '])[1 + n % 5] || n,
	'Mendukung ' || (ARRAY['perencanaan', 'pengoperasian', 'pemeliharaan', 'pelaporan'])[1 + n % 4] || ' di unit ' || n % 977
		|| ' dengan data yang diperbarui setiap hari, sehingga keputusan dapat diambil lebih cepat oleh tim '
		|| (ARRAY['pusat', 'wilayah', 'cabang'])[1 + n % 3] || '.' || repeat(' Termasuk pelatihan bagi pengguna.', n % 3),
	1 + n % 5, 1 + n % 5, 1 + n % 4,
	CASE n % 10 WHEN 0 THEN NULL WHEN 1 THEN 0 ELSE (n % 9973) * 25000::bigint END,
	'2021-01-04'::date + n % 1500, (ARRAY['PT Nusantara ', 'CV Mitra ', 'Unit Induk '])[1 + n % 3] || n % 4999,
	moment, CASE WHEN n % 3 <> 0 THEN moment + n % 100 * interval '1 day 3.25 seconds' END,
	CASE WHEN n % 4 = 3 THEN '2026-01-01'::date + n % 700 END, '2022-01-01'::date + n % 900
FROM (SELECT n, '2021-01-04 08:00+07'::timestamptz + n * interval '37.123457 seconds' AS moment FROM generate_series(1, $1::int) n) x
ORDER BY n`

// fillHistories makes $1 histories of $2 products, in the order in which stages change: hither and
// thither among the products.
const fillHistories = `
INSERT INTO tbl_stage_histori (id_produk, stage_previous, stage_now, catatan, created_at, updated_at, tanggal_perubahan, performance_metrics)
SELECT 1 + (n * 7919::bigint % $2::int), CASE WHEN n % 4 > 0 THEN n % 4 END, 1 + n % 4,
	CASE WHEN n % 5 > 0 THEN 'Naik tahap setelah evaluasi ' || n % 1013 || ', disetujui oleh komite produk.' END,
	moment, CASE WHEN n % 3 <> 0 THEN moment + interval '2.5 hours' END, moment - n % 40 * interval '1 day',
	jsonb_build_object('pendapatan', n % 99991 * 1000, 'pelanggan', n % 523, 'kepuasan', n % 50 + 0.5)
FROM (SELECT n, '2022-01-03 09:00+07'::timestamptz + n * interval '19.000211 seconds' AS moment FROM generate_series(1, $1::int) n) x
ORDER BY n`

// changeRows edits every $1-th row, evenly scattered and others in every round $2, as an application
// that keeps updated_at would; the names take the table's place.
var changeRows = map[string]string{
	"products":  `UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1, updated_at = now() WHERE id % $1::int = $2::int % $1::int`,
	"histories": `UPDATE tbl_stage_histori SET catatan = 'Diperiksa. ' || left(catatan, 60), updated_at = now() WHERE id % $1::int = $2::int % $1::int`,
}

// createSource makes lifecycle_db with a volume of rows.
func (a *arena) createSource(ctx context.Context) error {
	if err := a.server.exec(ctx, a.source, sourceSchema); err != nil {
		return err
	}
	if err := a.server.exec(ctx, a.source, fillProducts, a.products); err != nil {
		return err
	}
	return a.server.exec(ctx, a.source, fillHistories, a.histories, a.products)
}

// change edits one in every n rows of the source, others in every round.
func (a *arena) change(ctx context.Context, n, round int) error {
	if err := a.server.exec(ctx, a.source, changeRows["products"], n, round); err != nil || !a.bench.cfg.histories {
		return err
	}
	return a.server.exec(ctx, a.source, changeRows["histories"], n, round)
}

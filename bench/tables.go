package main

import "fmt"

// table is a mirrored table of many rows.
type table struct{ source, mirror, columns string }

// tables are the tables that the yardsticks move, parents first.
var tables = []table{
	{"tbl_produk", "tbl_produk_lifecycle", "id, produk, deskripsi, id_kategori, id_segmen, id_stage, harga, tanggal_launch, pelanggan, " +
		"created_at, updated_at, tanggal_stage_end, tanggal_stage_start"},
	{"tbl_stage_histori", "tbl_stage_histori_lifecycle", "id, id_produk, stage_previous, stage_now, catatan, " +
		"created_at, updated_at, tanggal_perubahan, performance_metrics"},
}

// parents are the tables of a few rows that both of them refer to.
var parents = []table{
	{"tbl_segmen", "tbl_segmen_lifecycle", "id, segmen, created_at, updated_at, icon_light, icon_dark"},
	{"tbl_stage", "tbl_stage_lifecycle", "id, stage, created_at, updated_at, icon_light, icon_dark"},
	{"tbl_kategori", "tbl_kategori_lifecycle", "id, kategori, created_at, updated_at, icon_light, icon_dark"},
}

// copyOut writes the source's rows as text.
func (t table) copyOut() string { return "COPY " + t.source + " (" + t.columns + ") TO STDOUT" }

// fingerprint counts a table's rows and sums up the hashes of their text.
func (t table) fingerprint(name string) string {
	return fmt.Sprintf("SELECT count(*) || ' ' || coalesce(sum(hashtextextended(ROW(%s)::text, 0)), 0) FROM %s", t.columns, name)
}

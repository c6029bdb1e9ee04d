package main

import (
	"fmt"
	"strings"
)

// The queries that a PostgreSQL expert would write for the list and the dashboard.

const (
	pageRows   = 12
	searchTerm = "Gardu Induk 47" // three words, each of which must occur
)

const countProducts = "SELECT count(*) FROM tbl_produk_lifecycle"

// pageByHand finds the ids of a page in the index, in either direction, and then reads the rows.
func pageByHand(direction string) string {
	return fmt.Sprintf(`SELECT p.*, segment.segmen, stage.stage, category.kategori
		FROM (SELECT id FROM tbl_produk_lifecycle ORDER BY created_at %s, id %s LIMIT $1) page JOIN tbl_produk_lifecycle p USING (id)
		LEFT JOIN tbl_segmen_lifecycle segment ON segment.id = p.id_segmen
		LEFT JOIN tbl_stage_lifecycle stage ON stage.id = p.id_stage
		LEFT JOIN tbl_kategori_lifecycle category ON category.id = p.id_kategori
		ORDER BY p.created_at DESC NULLS LAST, p.id DESC`, direction, strings.Fields(direction)[0])
}

var firstPage = latency{
	func(_ *arena, unique int) string { return "/products?page=" + pageNumber(1, unique) },
	func(*arena) []statement {
		return []statement{{countProducts, nil}, {pageByHand("DESC NULLS LAST"), []any{pageRows}}}
	},
}

// lastPage is read backwards by hand.
var lastPage = latency{
	func(a *arena, unique int) string {
		return "/products?page=" + pageNumber((a.products+pageRows-1)/pageRows, unique)
	},
	func(a *arena) []statement {
		return []statement{{countProducts, nil}, {pageByHand("ASC NULLS FIRST"), []any{(a.products-1)%pageRows + 1}}}
	},
}

// search counts and reads in one statement by hand. MATERIALIZED keeps the planner from stopping after one page: the index
// finds all hits at once.
var search = latency{
	func(_ *arena, unique int) string {
		return "/products?search=" + strings.ReplaceAll(searchTerm, " ", "+") + "&page=" + pageNumber(1, unique)
	},
	func(*arena) []statement {
		args := []any{pageRows}
		var words []string
		for word := range strings.FieldsSeq(strings.ToLower(searchTerm)) {
			args = append(args, "%"+word+"%")
			words = append(words, fmt.Sprintf("(lower(produk) LIKE $%[1]d OR lower(deskripsi) LIKE $%[1]d OR lower(pelanggan) LIKE $%[1]d)", len(args)))
		}
		hits := `WITH hits AS MATERIALIZED (SELECT * FROM tbl_produk_lifecycle WHERE ` + strings.Join(words, " AND ") + `)
			SELECT p.*, segment.segmen, stage.stage, category.kategori, (SELECT count(*) FROM hits)
			FROM (SELECT * FROM hits ORDER BY created_at DESC NULLS LAST, id DESC LIMIT $1) p
			LEFT JOIN tbl_segmen_lifecycle segment ON segment.id = p.id_segmen
			LEFT JOIN tbl_stage_lifecycle stage ON stage.id = p.id_stage
			LEFT JOIN tbl_kategori_lifecycle category ON category.id = p.id_kategori
			ORDER BY p.created_at DESC NULLS LAST, p.id DESC`
		return []statement{{hits, args}}
	},
}

// dashboard reads each large table once by hand: the products grouped by every dimension, the durations between transitions,
// and the newest rows.
var dashboard = latency{
	func(_ *arena, unique int) string { return "/dashboard?" + emptyFilters(unique) },
	func(*arena) []statement {
		const products = `SELECT id_segmen, id_stage, id_kategori,
				CASE WHEN tanggal_launch >= date_trunc('month', current_date) - interval '23 months' THEN date_trunc('month', tanggal_launch) END AS month,
				count(*), count(harga), sum(harga), count(tanggal_launch), count(*) FILTER (WHERE tanggal_launch > current_date - 365),
				count(*) FILTER (WHERE tanggal_stage_end < current_date AND id_stage <> 4), sum(current_date - tanggal_stage_start), count(tanggal_stage_start)
			FROM tbl_produk_lifecycle GROUP BY 1, 2, 3, 4`
		const histories = `SELECT stage_previous, stage_now, entered, month, count(*), count(stay), sum(stay), min(stay), max(stay) FROM (
				SELECT stage_previous, stage_now, lag(stage_now) OVER w AS entered,
					CASE WHEN tanggal_perubahan >= date_trunc('month', current_date) - interval '23 months' THEN date_trunc('month', tanggal_perubahan) END AS month,
					tanggal_perubahan - lag(tanggal_perubahan) OVER w AS stay
				FROM tbl_stage_histori_lifecycle WINDOW w AS (PARTITION BY id_produk ORDER BY tanggal_perubahan NULLS LAST, id)) stays
			GROUP BY 1, 2, 3, 4`
		const transitions = `SELECT h.*, p.produk, was.stage, is_now.stage FROM tbl_stage_histori_lifecycle h
			JOIN tbl_produk_lifecycle p ON p.id = h.id_produk
			LEFT JOIN tbl_stage_lifecycle was ON was.id = h.stage_previous
			LEFT JOIN tbl_stage_lifecycle is_now ON is_now.id = h.stage_now
			ORDER BY h.tanggal_perubahan DESC NULLS LAST, h.id DESC LIMIT 10`
		return []statement{{products, nil}, {histories, nil}, {pageByHand("DESC NULLS LAST"), []any{10}}, {transitions, nil}}
	},
}

// emptyFilters names some filters without a value, which filter nothing: another set of them for each n below 512.
func emptyFilters(n int) string {
	var filters []string
	for i, name := range []string{"search", "stageId", "segmentId", "categoryId", "stage", "segmen", "kategori", "missing", "overdue"} {
		if n>>i&1 == 1 {
			filters = append(filters, name+"=")
		}
	}
	return strings.Join(filters, "&")
}

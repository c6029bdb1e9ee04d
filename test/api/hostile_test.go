package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// everyRead lists the addresses of all reads of the mirror.
func everyRead(id int) []string {
	one := fmt.Sprintf("/products/%d", id)
	return []string{
		"/products", "/products?sort=-harga", "/products?sort=tanggal_stage_end&limit=100", "/products?search=a", one, one + "/attachments",
		"/products/export.csv", "/products/export.xlsx", "/dropdowns", "/dashboard", "/dashboard?stage=Growth",
		"/stage-history?limit=100", fmt.Sprintf("/stage-history?productId=%d", id), "/sync", "/sync/runs", "/sync/quarantine",
	}
}

// lowIDs are rows whose ids are 0 or negative. Clients of lifecycle_db may have chosen them.
func lowIDs(onPostgres bool) (statements []string) {
	overriding := ""
	if onPostgres {
		overriding = "OVERRIDING SYSTEM VALUE "
	}
	for table, values := range map[string]string{
		"tbl_segmen (id, segmen)": "(0, 'nol')", "tbl_stage (id, stage)": "(0, 'nol'), (-1, 'minus')", "tbl_kategori (id, kategori)": "(-2147483648, 'paling kecil')",
		"tbl_produk (id, produk, id_segmen, id_stage, id_kategori)":             "(0, 'nol', 0, 0, -2147483648), (-7, 'minus', NULL, -1, NULL)",
		"tbl_stage_histori (id, id_produk, stage_previous, stage_now, catatan)": "(0, 0, -1, 0, 'nol'), (-3, -7, NULL, -1, 'minus')",
	} {
		statements = append(statements, "INSERT INTO "+table+" "+overriding+"VALUES "+values)
	}
	return statements
}

// hostileRows are changes of the source to unexpected values.
func hostileRows(onPostgres bool) []string {
	if !onPostgres {
		return []string{
			"UPDATE tbl_produk SET harga = 'much' WHERE id = 1",
			"UPDATE tbl_produk SET produk = x'ff00' WHERE id = 2",
			"UPDATE tbl_produk SET created_at = 'soon', tanggal_launch = '2024-02-30' WHERE id = 3",
			"UPDATE tbl_produk SET id_segmen = 'abc' WHERE id = 4",
			"UPDATE tbl_produk SET harga = 1e300, id_stage = 9999 WHERE id = 5",
			"UPDATE tbl_produk SET produk = 'a' || char(0) || 'b' WHERE id = 6",
			"UPDATE tbl_produk SET updated_at = x'00', tanggal_stage_end = 17.5 WHERE id = 7",
			"UPDATE tbl_produk SET harga = 9223372036854775807, tanggal_launch = '9999-12-31' WHERE id = 8",
			"UPDATE tbl_produk SET produk = 'nan', pelanggan = '', id_kategori = -1 WHERE id = 9",
			"INSERT INTO tbl_stage_histori (id_produk, stage_now, performance_metrics) VALUES (8, 1, '{'), (8, 2, '1e400'), (8, 'x', NULL), (0, 1, NULL), ('y', 1, x'00')",
		}
	}
	return []string{
		"UPDATE tbl_produk SET updated_at = 'infinity' WHERE id = 1",
		"UPDATE tbl_produk SET tanggal_launch = '-infinity' WHERE id = 2",
		"UPDATE tbl_produk SET created_at = '20000-01-01' WHERE id = 3",
		"UPDATE tbl_produk SET tanggal_stage_end = '0044-03-15 BC' WHERE id = 4",
		"UPDATE tbl_produk SET harga = 9223372036854775807, id_stage = 9999 WHERE id = 5",
		"UPDATE tbl_produk SET harga = 9223372036854775807, produk = NULL, id_stage = NULL, id_segmen = NULL, id_kategori = NULL WHERE id = 6",
		"UPDATE tbl_produk SET harga = -9223372036854775807, created_at = NULL, tanggal_stage_start = '0001-01-01' WHERE id = 7",
		"UPDATE tbl_produk SET harga = 9223372036854775807, tanggal_launch = '9999-12-31', tanggal_stage_start = '9999-12-31' WHERE id = 8",
		"UPDATE tbl_produk SET produk = 'nan', pelanggan = '', deskripsi = '" + strings.Repeat("😀\u202e\u0301 ", 30) + "' WHERE id = 9",
		"INSERT INTO tbl_stage_histori (id_produk, stage_now, performance_metrics, tanggal_perubahan) VALUES (8, 1, '[1, 1e400]', '9999-12-31'), (8, 2, '3', NULL), (8, 3, 'null', '0001-01-01'), (0, 1, NULL, now())",
		"INSERT INTO tbl_stage_histori (id_produk, performance_metrics) VALUES (9, (SELECT jsonb_object_agg(i::text, repeat('x', 100)) FROM generate_series(1, 20000) i))",
		"INSERT INTO tbl_segmen (segmen) VALUES ('<script>alert(1)</script>')",
	}
}

func TestReads_ServeHostileRows(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		for _, statement := range append(hostileRows(s.onPostgres()), lowIDs(s.onPostgres())...) {
			exec(t, s.source, statement)
		}
		s.Command("sync")
		s.Eventually("the quarantine is shown", func() bool { return strings.Contains(string(s.get("/sync/quarantine").body), "unfit_value") })
		for id := 1; id <= 9; id++ {
			for _, path := range everyRead(id) {
				if a := s.do(http.MethodGet, base+path, nil); a.StatusCode != http.StatusOK && (a.StatusCode != http.StatusNotFound || !strings.Contains(path, "/products/")) {
					t.Errorf("GET %s: %d %.300s", path, a.StatusCode, a.body)
				}
			}
		}
		if a := s.get("/stage-history?limit=100&search=nol"); !strings.Contains(string(a.body), `"id_produk":0,`) {
			t.Errorf("the product 0 has no history: %.300s", a.body)
		}
		if a := s.get("/products/8"); !strings.Contains(string(a.body), `"harga":9223372036854775807,`) {
			t.Errorf("the price is not exact: %.300s", a.body)
		}
		// Quarantined rows can be corrected and deleted through the API.
		for id := 1; id <= 9; id++ {
			path := fmt.Sprintf("/products/%d", id)
			if a := s.send(http.MethodPut, path, `{"produk":"x","pelanggan":"x","id_stage":1,"id_segmen":1,"id_kategori":1,"harga":1,"tanggal_launch":"2026-01-01","tanggal_stage_end":""}`); a.StatusCode != http.StatusOK {
				t.Errorf("PUT %s: %d %.300s", path, a.StatusCode, a.body)
			}
		}
		s.get("/products/1")
		s.do(http.MethodDelete, base+"/products/3", nil).want(t, http.StatusOK) // its created_at still does not fit
		s.Command("sync")
		s.Command("verify")
	})
}

// TestReads_ExplainWhatIsHeldBack: reads of a quarantined row say why it is not shown; writes reach it in lifecycle_db.
func TestReads_ExplainWhatIsHeldBack(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.upload(http.MethodPost, "/products/8/attachments", nil, []file{{"a.pdf", pdf}}).want(t, http.StatusCreated)
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk IN (8, 9)")
		exec(t, s.source, "INSERT INTO tbl_stage_histori (id_produk, stage_now) VALUES (8, 1), (9, 9999)")
		exec(t, s.source, "UPDATE tbl_produk SET id_segmen = 9999 WHERE id = 8")
		s.Command("sync")
		const why = "Product 8 is held back: Segment refers to a row that does not exist. Fix the row, or the row that it refers to, in lifecycle_db; the next sync adds it."
		s.Eventually("the product is held back", func() bool { return s.do(http.MethodGet, base+"/products/8", nil).json.Message == why })
		of := func(product int) string {
			return fmt.Sprintf("/stage-history/%d", queryOne[int](t, s.source, fmt.Sprintf("SELECT id FROM tbl_stage_histori WHERE id_produk = %d", product)))
		}
		attachment := fmt.Sprintf("/products/8/attachments/%d", queryOne[int](t, s.target, "SELECT id FROM lifecycle_attachments"))
		for _, a := range []apiResponse{
			s.do(http.MethodGet, base+"/products/8", nil), s.do(http.MethodGet, base+"/products/8/attachments", nil),
			s.do(http.MethodGet, base+attachment, nil), s.do(http.MethodDelete, base+attachment, nil),
			s.upload(http.MethodPost, "/products/8/attachments", nil, []file{{"b.pdf", pdf}}),
		} {
			if a.want(t, http.StatusNotFound, "quarantined").json.Message != why {
				t.Errorf("%s %s: %s", a.Request.Method, a.Request.URL, a.body)
			}
		}
		if a := s.do(http.MethodGet, base+of(8), nil).want(t, http.StatusNotFound, "quarantined"); !strings.Contains(a.json.Message, "is held back: Product refers to a row that is held back, too.") {
			t.Errorf("%s", a.body)
		}
		if a := s.do(http.MethodGet, base+of(9), nil).want(t, http.StatusNotFound, "quarantined"); !strings.Contains(a.json.Message, "is held back: New stage refers to a row that does not exist.") {
			t.Errorf("%s", a.body)
		}
		s.do(http.MethodGet, base+"/products/4711", nil).want(t, http.StatusNotFound, "not_found")

		if a := s.send(http.MethodPut, of(8), `{"catatan":"x"}`).want(t, http.StatusOK); !strings.Contains(a.json.Message, "is held back: Product refers to") {
			t.Errorf("a change that does not release it: %s", a.body)
		}
		if a := s.send(http.MethodPut, "/products/8", `{"pelanggan":"x"}`).want(t, http.StatusOK); !strings.HasSuffix(a.json.Message, why) {
			t.Errorf("a change that does not release it: %s", a.body)
		}
		if a := s.send(http.MethodPut, "/products/8", `{"id_segmen":1}`).want(t, http.StatusOK); strings.Contains(a.json.Message, "held back") {
			t.Errorf("a change that releases it: %s", a.body)
		}
		s.get("/products/8")
		s.get(of(8))
		s.get(attachment)
		s.do(http.MethodDelete, base+of(9), nil).want(t, http.StatusOK)
		exec(t, s.source, "UPDATE tbl_produk SET id_segmen = 9999 WHERE id = 8")
		s.Command("sync")
		s.do(http.MethodDelete, base+"/products/8", nil).want(t, http.StatusOK)
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			s.do(method, base+"/products/8", nil).want(t, http.StatusNotFound, "not_found")
		}
		s.wantFiles(0)
		s.Command("verify")
	})
}

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
		for _, statement := range hostileRows(s.onPostgres()) {
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

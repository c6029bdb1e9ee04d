package api_test

import (
	"fmt"
	"net/http"
	"net/url"
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

func TestReads_RejectHostileRequests(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		with := func(field, value string) string {
			return fmt.Sprintf(`{"produk":"x","id_kategori":1,"id_segmen":1,"id_stage":1,%q:%s}`, field, value)
		}
		before := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk")
		for _, c := range []struct{ field, value, wantField string }{
			{"harga", `"NaN"`, "harga"}, {"harga", "-1", "harga"}, {"harga", "1500.5", "harga"}, {"harga", "1e400", "harga"},
			{"harga", "9223372036854775808", "harga"}, {"harga", "true", "harga"}, {"harga", "[1]", "harga"},
			{"deskripsi", `"a\u0000b"`, "deskripsi"}, {"deskripsi", `"\ud800"`, "deskripsi"}, {"pelanggan", `"` + strings.Repeat("é", 256) + `"`, "pelanggan"},
			{"tanggal_launch", `"2026-02-30"`, "tanggal_launch"}, {"tanggal_launch", `"infinity"`, "tanggal_launch"}, {"tanggal_stage_end", `"0000-01-01"`, "tanggal_stage_end"},
			{"id", "7", "id"}, {"created_at", `"2026-01-01T00:00:00Z"`, "created_at"}, {"role", `"Admin"`, "role"},
		} {
			a := s.send(http.MethodPost, "/products", with(c.field, c.value)).want(t, http.StatusBadRequest, "validation_failed")
			if len(a.json.Errors) != 1 || a.json.Errors[0].Field != c.wantField {
				t.Errorf("%s %s: %s", c.field, c.value, a.body)
			}
		}
		for _, c := range []struct {
			contentType, body string
			status            int
		}{
			{"", uji, http.StatusUnsupportedMediaType},
			{"text/plain", uji, http.StatusUnsupportedMediaType},
			{"application/json", `{"produk":`, http.StatusBadRequest},
			{"application/json", "{} {}", http.StatusBadRequest},
			{"application/json", `[]`, http.StatusBadRequest},
			{"application/json", `{"produk":"a","produk":"b"}`, http.StatusBadRequest},
			{"application/json", "{\"produk\":\"\xff\"}", http.StatusBadRequest},
			{"application/json", `{"deskripsi":"` + strings.Repeat("a", 2<<20) + `"}`, http.StatusRequestEntityTooLarge},
			{"multipart/form-data", "x", http.StatusBadRequest},
			{"multipart/form-data; boundary=X", "--X\r\nContent-Disposition: form-data; name=\"a[999999999]\"\r\n\r\n1\r\n--X--\r\n", http.StatusBadRequest},
		} {
			if a := s.do(http.MethodPost, base+"/products", strings.NewReader(c.body), "Content-Type", c.contentType); a.StatusCode != c.status {
				t.Errorf("%s %.40q: %d %.200s", c.contentType, c.body, a.StatusCode, a.body)
			}
		}
		for _, metrics := range []string{"[1]", "3", `"x"`, "true"} {
			s.send(http.MethodPost, "/stage-history", `{"id_produk":1,"stage_now":2,"performance_metrics":`+metrics+`}`).want(t, http.StatusBadRequest, "validation_failed")
		}
		for _, query := range []string{"page=0", "page=-1", "page=abc", "page=1e9", "page=9223372036854775808", "limit=0", "search=" + strings.Repeat("a", 10<<10), "sort=id;drop", "filter=1", "page=1&page=2"} {
			s.do(http.MethodGet, base+"/products?"+query, nil).want(t, http.StatusBadRequest, "validation_failed")
		}
		for _, search := range []string{"%", "_", `\`, "'", `"`, "%27 OR 1=1 --"} {
			if n := s.get("/products?search=" + url.QueryEscape(search)).json.Pagination.TotalItems; n == 20 {
				t.Errorf("%q finds everything", search)
			}
		}
		if after := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk"); after != before {
			t.Errorf("%d products were made", after-before)
		}
		for _, text := range []string{"😀", "שלום", "e\u0301", "é", "nan", "  x  ", `\`, "<b>"} {
			created := s.send(http.MethodPost, "/products", fmt.Sprintf(`{"produk":%q,"id_kategori":1,"id_segmen":1,"id_stage":1}`, text)).want(t, http.StatusCreated)
			if got := decode[product](t, s.get(fmt.Sprintf("/products/%d", decode[product](t, created).ID))); *got.Name != text {
				t.Errorf("%q became %q", text, *got.Name)
			}
		}
		s.Command("verify")
	})
}

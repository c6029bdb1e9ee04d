package api_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
)

// insertHistory inserts three products with stage history into the mirror, with ids above the synchronized ones.
func (s *site) insertHistory() {
	s.t.Helper()
	exec(s.t, s.target, `INSERT INTO tbl_produk_lifecycle (id, produk, id_stage) VALUES (1001, 'with <history>', 2), (1002, NULL, NULL), (1003, 'without', NULL)`)
	exec(s.t, s.target, `INSERT INTO tbl_stage_histori_lifecycle (id, id_produk, stage_previous, stage_now, catatan, tanggal_perubahan, performance_metrics) VALUES
		(1001, 1001, NULL, 1, 'first', '2020-01-01T00:00:00.000001Z', '{"n": 12345678901234567890.10, "e": 1e400}'),
		(1002, 1001, 1, 2, NULL, '2030-01-01T00:00:00.000000Z', '[1, null]'),
		(1003, 1001, 2, 1, '', '2030-01-01T00:00:00.000000Z', NULL),
		(1004, 1001, 1, 2, NULL, NULL, '"text"'),
		(1005, 1002, NULL, NULL, NULL, NULL, NULL)`)
}

func idsOf(rows []models.ListedRecord) (ids []int64) {
	for _, row := range rows {
		ids = append(ids, row.ID)
	}
	return ids
}

func TestStageHistory_ListsAndServesMoves(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.insertHistory()
		all := s.get("/stage-history?limit=100")
		if p := all.json.Pagination; p == nil || p.TotalItems != 17 || p.TotalPages != 1 || p.Limit != 100 {
			t.Errorf("%s", all.body)
		}
		rows := decode[[]models.ListedRecord](t, all)
		if got := idsOf(rows)[:2]; !slices.Equal(got, []int64{1003, 1002}) {
			t.Errorf("first come %v", got)
		}
		if got := idsOf(rows)[15:]; !slices.Equal(got, []int64{1005, 1004}) {
			t.Errorf("last come %v", got)
		}

		filtered := s.get("/stage-history?productId=1001&limit=3&page=2")
		if link := filtered.Header.Get("Link"); !strings.Contains(link, `productId=1001`) || !strings.Contains(link, `rel="prev"`) {
			t.Errorf("Link %s", link)
		}
		if got := decode[[]models.ListedRecord](t, filtered); !slices.Equal(idsOf(got), []int64{1004}) || filtered.json.Pagination.TotalItems != 4 {
			t.Errorf("%s", filtered.body)
		}
		if past := s.get("/stage-history?page=99"); string(past.json.Data) != "[]" {
			t.Errorf("past the end: %s", past.body)
		}
		if other := s.get("/stage-history?productId="); other.json.Pagination.TotalItems != 17 {
			t.Errorf("an empty product filters: %s", other.body)
		}
		again := s.do(http.MethodGet, base+"/stage-history?limit=100", nil, "If-None-Match", all.Header.Get("ETag")).want(t, http.StatusNotModified)
		if len(again.body) > 0 {
			t.Errorf("304 with %s", again.body)
		}

		const want = `{"id":1001,"id_produk":1001,"produk":"with \u003chistory\u003e","stage_previous":null,"stage_now":1,` +
			`"stage_previous_name":null,"stage_now_name":"Introduction","catatan":"first","tanggal_perubahan":"2020-01-01T00:00:00.000001Z",` +
			`"performance_metrics":%s,"created_at":null,"updated_at":null}`
		metrics := `{"n":12345678901234567890.10,"e":1e400}`
		if s.onPostgres() { // jsonb has its own order, and writes out the zeros
			metrics = `{"e":1` + strings.Repeat("0", 400) + `,"n":12345678901234567890.10}`
		}
		if got := s.get("/stage-history/1001"); string(got.json.Data) != fmt.Sprintf(want, metrics) || got.Header.Get("ETag") == "" {
			t.Errorf("got %s", got.body)
		}
		s.do(http.MethodGet, base+"/stage-history/4711", nil).want(t, http.StatusNotFound, "not_found")
		depth := 900 // SQLite allows 1,000
		if s.onPostgres() {
			depth = 5000
		}
		deep := strings.Repeat("[", depth) + strings.Repeat("]", depth)
		exec(t, s.target, `UPDATE tbl_stage_histori_lifecycle SET performance_metrics = '`+deep+`' WHERE id = 1002`)
		if got := s.get("/stage-history/1002"); !strings.Contains(string(got.body), `"performance_metrics":`+deep) {
			t.Errorf("%.300s", got.body)
		}
	})
}

func TestProducts_ServeOneProduct(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.insertHistory()
		for i := range 9 {
			exec(t, s.target, fmt.Sprintf(`INSERT INTO tbl_stage_histori_lifecycle (id, id_produk, tanggal_perubahan) VALUES (%d, 1001, '2031-01-0%dT00:00:00.000000Z')`, 2000+i, i+1))
		}
		first := s.get("/products/1001")
		got := decode[product](t, first)
		if want := []int64{2008, 2007, 2006, 2005, 2004, 2003, 2002, 2001, 2000, 1003}; !slices.Equal(idsOf(got.History), want) {
			t.Errorf("history %v, want %v", idsOf(got.History), want)
		}
		if got.Name == nil || *got.Name != "with <history>" || got.Stage == nil || *got.Stage != "Growth" || got.Attachments == nil {
			t.Errorf("%s", first.body)
		}
		if last := got.History[9]; last.PreviousStageName == nil || *last.PreviousStageName != "Growth" || last.StageName == nil || *last.StageName != "Introduction" {
			t.Errorf("%s", first.body)
		}
		if empty := s.get("/products/1003"); !strings.Contains(string(empty.body), `"stage_history":[]`) || !strings.Contains(string(empty.body), `"attachments":[]`) {
			t.Errorf("%s", empty.body)
		}
		s.do(http.MethodGet, base+"/products/4711", nil).want(t, http.StatusNotFound, "not_found")

		parts := regexp.MustCompile(`^"([\w-]+)\.([\w-]+)(?:\.gz)?"$`)
		before := parts.FindStringSubmatch(first.Header.Get("ETag"))
		if before == nil {
			t.Fatalf("ETag %s", first.Header.Get("ETag"))
		}
		s.do(http.MethodGet, base+"/products/1001", nil, "If-None-Match", before[0]).want(t, http.StatusNotModified)
		// Another stage history record changes the response, not the row version.
		s.change(`INSERT INTO tbl_stage_histori_lifecycle (id, id_produk, tanggal_perubahan) VALUES (3000, 1001, '2032-01-01T00:00:00.000000Z')`)
		after := parts.FindStringSubmatch(s.get("/products/1001").Header.Get("ETag"))
		if after == nil || after[1] != before[1] || after[2] == before[2] {
			t.Errorf("a new record: %v, before %v", after, before)
		}
		s.change(`UPDATE tbl_produk_lifecycle SET harga = 1 WHERE id = 1001`)
		if changed := parts.FindStringSubmatch(s.get("/products/1001").Header.Get("ETag")); changed == nil || changed[1] == before[1] {
			t.Errorf("another price: %v, before %v", changed, before)
		}
	})
}

// change changes the mirror as another process's run would, including the mirror version that invalidates the cache, and
// waits until the site sees the change.
func (s *site) change(statement string) {
	s.t.Helper()
	tx, err := s.target.Begin()
	if err != nil {
		s.t.Fatal(err)
	}
	statements := []string{statement, "UPDATE lifecycle_mirror_version SET version = version + 1",
		"UPDATE tbl_segmen_lifecycle SET icon_dark = 'of ' || (SELECT version FROM lifecycle_mirror_version)"}
	if s.onPostgres() {
		statements = append(statements, "SELECT pg_notify('lifecycle_mirror', version::text) FROM lifecycle_mirror_version")
	}
	for _, statement := range statements {
		if _, err := tx.Exec(statement); err != nil {
			s.t.Fatalf("%s: %v", statement, err)
		}
	}
	if err := tx.Commit(); err != nil {
		s.t.Fatal(err)
	}
	marker := fmt.Sprintf(`"of %d"`, queryOne[int64](s.t, s.target, "SELECT version FROM lifecycle_mirror_version"))
	s.Eventually("the change", func() bool { return strings.Contains(string(s.get("/dropdowns").body), marker) })
}

func TestReads_ServeMirrorEditsThatDoNotFit(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.insertHistory()
		history, products := `tanggal_perubahan = 'infinity', created_at = '0044-03-15 BC', updated_at = '20000-01-01'`,
			`created_at = '-infinity', tanggal_launch = 'infinity', tanggal_stage_start = '0044-03-15 BC', tanggal_stage_end = '20000-01-01', updated_at = 'infinity', harga = NULL, produk = NULL`
		if !s.onPostgres() {
			history = `tanggal_perubahan = 'soon', created_at = 17, updated_at = x'ff', performance_metrics = '{'`
			products = `created_at = 'soon', tanggal_launch = 'soon', tanggal_stage_start = 17, tanggal_stage_end = '2024-02-30', updated_at = 17, harga = 'much', produk = x'ff00'`
		}
		exec(t, s.target, "UPDATE tbl_stage_histori_lifecycle SET "+history)
		s.change("UPDATE tbl_produk_lifecycle SET " + products)
		for _, row := range decode[[]models.ListedRecord](t, s.get("/stage-history?productId=1001")) {
			if row.ChangedAt != nil {
				t.Errorf("record %d is of %s", row.ID, *row.ChangedAt)
			}
		}
		got := decode[models.Product](t, s.get("/products/1001"))
		if got != (models.Product{ID: 1001, StageID: got.StageID}) {
			t.Errorf("%+v", got)
		}
		s.get("/stage-history/1001")
		for _, path := range everyRead(1001) {
			s.get(path)
		}
		if a := s.do(http.MethodPost, base+"/sync/verify", nil).want(t, http.StatusOK); !strings.Contains(string(a.body), `"equal":false`) {
			t.Errorf("verify: %.300s", a.body)
		}
	})
}

func TestStageHistory_Filters(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.target, "DELETE FROM tbl_stage_histori_lifecycle")
		exec(t, s.target, `INSERT INTO tbl_produk_lifecycle (id, produk) VALUES (1001, 'Kabel 100%_Ö'), (1002, NULL), (1003, 'Kabelnya \ 1000')`)
		exec(t, s.target, `INSERT INTO tbl_stage_histori_lifecycle (id, id_produk, stage_previous, stage_now, tanggal_perubahan) VALUES
			(1001, 1001, NULL, 1, '0001-01-01T00:00:00.000000Z'), (1002, 1001, 1, 2, '2030-01-01T16:59:59.999999Z'), (1003, 1001, 2, 1, '2030-01-01T17:00:00.000000Z'),
			(1004, 1002, 1, 2, NULL), (1005, 1002, NULL, NULL, '2030-01-02T16:59:59.999999Z'), (1006, 1003, 2, 3, '2030-01-02T17:00:00.000000Z'),
			(1007, 1003, 1, 3, '9999-12-31T16:59:59.999999Z'), (1008, 1003, 1, 2, '9999-12-31T23:59:59.999999Z')`)
		early, late := "'-infinity'", "'infinity'" // edited by hand
		if !s.onPostgres() {
			early, late = "'!ago'", "'soon'"
		}
		exec(t, s.target, "INSERT INTO tbl_stage_histori_lifecycle (id, id_produk, stage_now, tanggal_perubahan) VALUES (1009, 1002, 4, "+early+"), (1010, 1002, 4, "+late+")")
		for query, want := range map[string][]int64{
			"productId=&fromStageId=&toStageId=&since=&until=&search=": {1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010},
			"fromStageId=1":                                 {1008, 1007, 1002, 1004},
			"toStageId=2":                                   {1008, 1002, 1004},
			"fromStageId=1&toStageId=3":                     {1007},
			"fromStageId=3":                                 nil,
			"toStageId=2&productId=1003":                    {1008},
			"since=2030-01-02&until=2030-01-02":             {1005, 1003}, // in Jakarta, UTC+7
			"since=2030-01-02":                              {1008, 1007, 1006, 1005, 1003},
			"until=2030-01-01":                              {1002, 1001},
			"since=0001-01-01":                              {1008, 1007, 1006, 1005, 1003, 1002, 1001},
			"until=9999-12-31":                              {1007, 1006, 1005, 1003, 1002, 1001},
			"since=0001-01-02&until=9999-12-30":             {1006, 1005, 1003, 1002},
			"since=2030-01-03&productId=1001":               nil,
			"search=kabel":                                  {1008, 1007, 1006, 1003, 1002, 1001},
			"search=KABELNYA":                               {1008, 1007, 1006},
			"search=%25":                                    {1003, 1002, 1001},
			"search=_ö":                                     {1003, 1002, 1001},
			"search=1%25":                                   nil,
			"search=" + url.QueryEscape(`\`):                {1008, 1007, 1006},
			"search=100&fromStageId=2":                      {1006, 1003},
			"search=kabel&since=2030-01-03":                 {1008, 1007, 1006},
			"search=" + url.QueryEscape("' OR 1"):           nil,
			"search=" + strings.Repeat("%F0%9F%98%80", 200): nil,
		} {
			a := s.get("/stage-history?limit=100&" + query)
			got := idsOf(decode[[]models.ListedRecord](t, a))
			if strings.HasPrefix(query, "productId=&") { // two times have no order
				slices.Sort(got)
			}
			if !slices.Equal(got, want) || a.json.Pagination.TotalItems != int64(len(want)) {
				t.Errorf("%s: %v of %d, want %v", query, got, a.json.Pagination.TotalItems, want)
			}
		}
		if link := s.get("/stage-history?limit=1&search=kabel&since=2030-01-02").Header.Get("Link"); !strings.Contains(link, "since=2030-01-02") || !strings.Contains(link, "search=kabel") || !strings.Contains(link, "page=4") {
			t.Errorf("Link %s", link)
		}
	})
}

package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestStageHistory_Filters(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.target, "DELETE FROM tbl_stage_histori_lifecycle")
		exec(t, s.target, `INSERT INTO tbl_produk_lifecycle (id, produk) VALUES (1001, 'Kabel 100%_Ö'), (1002, NULL), (1003, 'Kabelnya \ 1000')`)
		exec(t, s.target, `INSERT INTO tbl_stage_histori_lifecycle (id, id_produk, stage_previous, stage_now, tanggal_perubahan) VALUES
			(1001, 1001, NULL, 1, '0001-01-01T00:00:00.000000Z'), (1002, 1001, 1, 2, '2030-01-01T16:59:59.999999Z'), (1003, 1001, 2, 1, '2030-01-01T17:00:00.000000Z'),
			(1004, 1002, 1, 2, NULL), (1005, 1002, NULL, NULL, '2030-01-02T16:59:59.999999Z'), (1006, 1003, 2, 3, '2030-01-02T17:00:00.000000Z'),
			(1007, 1003, 1, 3, '9999-12-31T16:59:59.999999Z'), (1008, 1003, 1, 2, '9999-12-31T23:59:59.999999Z')`)
		early, late := "'-infinity'", "'infinity'" // by hand
		if !s.onPostgres() {
			early, late = "'!ago'", "'soon'"
		}
		exec(t, s.target, "INSERT INTO tbl_stage_histori_lifecycle (id, id_produk, stage_now, tanggal_perubahan) VALUES (1009, 1002, 4, "+early+"), (1010, 1002, 4, "+late+")")
		for query, want := range map[string][]int64{
			"productId=&fromStageId=&toStageId=&since=&until=&search=": {1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010},
			"fromStageId=1":                                 {1002, 1004, 1007, 1008},
			"toStageId=2":                                   {1002, 1004, 1008},
			"fromStageId=1&toStageId=3":                     {1007},
			"fromStageId=3":                                 nil,
			"toStageId=2&productId=1003":                    {1008},
			"since=2030-01-02&until=2030-01-02":             {1003, 1005}, // in Jakarta, UTC+7
			"since=2030-01-02":                              {1003, 1005, 1006, 1007, 1008},
			"until=2030-01-01":                              {1001, 1002},
			"since=0001-01-01":                              {1001, 1002, 1003, 1005, 1006, 1007, 1008},
			"until=9999-12-31":                              {1001, 1002, 1003, 1005, 1006, 1007},
			"since=0001-01-02&until=9999-12-30":             {1002, 1003, 1005, 1006},
			"since=2030-01-03&productId=1001":               nil,
			"search=kabel":                                  {1001, 1002, 1003, 1006, 1007, 1008},
			"search=KABELNYA":                               {1006, 1007, 1008},
			"search=%25":                                    {1001, 1002, 1003},
			"search=_ö":                                     {1001, 1002, 1003},
			"search=1%25":                                   nil,
			"search=" + url.QueryEscape(`\`):                {1006, 1007, 1008},
			"search=100&fromStageId=2":                      {1003, 1006},
			"search=kabel&since=2030-01-03":                 {1006, 1007, 1008},
			"search=" + url.QueryEscape("' OR 1"):           nil,
			"search=" + strings.Repeat("%F0%9F%98%80", 200): nil,
		} {
			a := s.get("/stage-history?limit=100&" + query)
			rows := into[[]shownTransition](t, a)
			got := idsOf(rows)
			slices.Sort(got)
			if !slices.Equal(got, want) || a.json.Pagination.TotalItems != int64(len(want)) {
				t.Errorf("%s: %v of %d, want %v", query, got, a.json.Pagination.TotalItems, want)
			}
			if !slices.IsSortedFunc(rows, newerFirst) && !strings.HasPrefix(query, "productId=&") { // among those with times of a hand's own
				t.Errorf("%s: not newest first: %s", query, a.body)
			}
		}
		if link := s.get("/stage-history?limit=1&search=kabel&since=2030-01-02").Header.Get("Link"); !strings.Contains(link, "since=2030-01-02") || !strings.Contains(link, "search=kabel") || !strings.Contains(link, "page=4") {
			t.Errorf("Link %s", link)
		}
		for query, want := range map[string]string{
			"fromStageId=0": "fromStageId integer", "toStageId=x": "toStageId integer", "since=2030-1-1": "since date", "since=0000-01-01": "since date", "until=2030-02-30": "until date",
			"until=2030-01-01T00:00:00Z": "until date", "since=2030-01-02&until=2030-01-01": "until order", "search=" + strings.Repeat("x", 201): "search too_long", "search=%00": "search encoding",
			"from=1": "from unknown", "since=2030-01-01&since=2030-01-01": "since duplicate",
		} {
			a := s.do(http.MethodGet, base+"/stage-history?"+query, nil).want(t, http.StatusBadRequest, "validation_failed")
			if got := a.json.Errors[0].Field + " " + a.json.Errors[0].Code; got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
	})
}

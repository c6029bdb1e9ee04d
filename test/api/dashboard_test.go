package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// figures holds the figures that these scenarios check; the tests of services/reports check all of them.
type figures struct {
	Statistics struct {
		TotalProducts, Overdue int64
		TotalValue             json.Number
		AverageDaysInStage     *json.Number
		LastSyncAt             *time.Time
		Completeness           map[string]int64
		ByStage                []struct {
			ID    *int64
			Label *string
			Count int64
		}
	}
	Charts                            struct{ LaunchesByMonth []json.RawMessage }
	RecentProducts, RecentTransitions []json.RawMessage
}

// TestDashboard_MatchesProductList: filters and the time zone apply to both, changes of the mirror show immediately, and totals
// exceed 64 bits.
func TestDashboard_MatchesProductList(t *testing.T) {
	t.Parallel()
	const zone = "Pacific/Kiritimati" // the earliest time zone
	eachSite(t, func(t *testing.T, s *site) {
		before := time.Now()
		a := s.get("/dashboard")
		d := decode[figures](t, a)
		if d.Statistics.TotalProducts != 20 || len(d.RecentProducts) != 10 || len(d.RecentTransitions) != 10 || len(d.Charts.LaunchesByMonth) != 24 {
			t.Errorf("want 20 products, 10 recent products, 10 recent moves and 24 months; got %s", a.body)
		}
		if at := d.Statistics.LastSyncAt; at == nil || at.After(before) {
			t.Errorf("lastSyncAt %v, want a time before the request", at)
		}
		var sum int64
		for _, share := range d.Statistics.ByStage {
			sum += share.Count
		}
		if sum != 20 {
			t.Errorf("the stages have %d products in total, want 20", sum)
		}
		if etag := a.Header.Get("ETag"); etag == "" {
			t.Error("the response has no ETag")
		} else {
			s.do(http.MethodGet, base+"/dashboard", nil, "If-None-Match", etag).want(t, http.StatusNotModified)
		}
		newest := decode[[]struct{ ID int64 }](t, s.get("/products?limit=1"))[0]
		s.change(fmt.Sprintf("INSERT INTO lifecycle_attachments (id_produk, nama_file, tipe_file, ukuran_file, sha256, object_key, state, created_at) "+
			"VALUES (%d, 'a.pdf', 'application/pdf', 1, '', 'k', 'stored', '2026-01-01')", newest.ID))
		first := decode[[]json.RawMessage](t, s.get("/products"))
		if recent := decode[figures](t, s.get("/dashboard")).RecentProducts; string(first[0]) != string(recent[0]) || !strings.Contains(string(recent[0]), `"attachments_count":1`) {
			t.Errorf("the newest product is %s, in the list %s", recent[0], first[0])
		}

		growth := decode[figures](t, s.get("/dashboard?stage=growth&search="))
		count := s.get("/products?stage=growth").json.Pagination.TotalItems
		if growth.Statistics.TotalProducts != count || count == 0 {
			t.Errorf("%d products in stage Growth, in the list %d", growth.Statistics.TotalProducts, count)
		}
		s.change("UPDATE tbl_produk_lifecycle SET harga = NULL WHERE id < 4")
		withoutPrice := decode[figures](t, s.get("/dashboard")).Statistics.Completeness["missingPrice"]
		if list := s.get("/products?missing=price"); list.json.Pagination.TotalItems != withoutPrice || withoutPrice < 3 ||
			decode[figures](t, s.get("/dashboard?missing=price")).Statistics.TotalProducts != withoutPrice {
			t.Errorf("%d products without a price, in the list %s", withoutPrice, list.body)
		}
		noMatches := decode[figures](t, s.get("/dashboard?categoryId=4711")).Statistics
		if noMatches.TotalProducts != 0 || noMatches.TotalValue != "0" || noMatches.AverageDaysInStage != nil {
			t.Errorf("a filter without matches gives %+v", noMatches)
		}

		small := decode[figures](t, s.get("/dashboard")).Statistics
		s.change(`INSERT INTO tbl_produk_lifecycle (id, harga) VALUES (3001, 9223372036854775807), (3002, 9223372036854775807), (3003, 9223372036854775807)`)
		s.change(`UPDATE tbl_produk_lifecycle SET harga = 0 WHERE id < 3000`)
		large := decode[figures](t, s.get("/dashboard")).Statistics
		if large.TotalProducts != small.TotalProducts+3 || large.TotalValue != "27670116110564327421" {
			t.Errorf("statistics %+v, before %+v; want 3 more products and a total of 3 × (2^63-1)", large, small)
		}
		if last := large.ByStage[len(large.ByStage)-1]; last.ID != nil || last.Label != nil || last.Count < 3 {
			t.Errorf("products without a stage: %+v, want at least 3", last)
		}
		wantOverdueByZone(t, s, zone)
	}, "TIMEZONE="+zone)
}

// wantOverdueByZone: a product is overdue from the day after its planned stage end, in the configured time zone.
func wantOverdueByZone(t *testing.T, s *site, zone string) {
	t.Helper()
	location, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	day := func(days int) string { return time.Now().In(location).AddDate(0, 0, days).Format(time.DateOnly) }
	earlier := decode[figures](t, s.get("/dashboard")).Statistics
	now, overdue, file := earlier, apiResponse{}, apiResponse{}
	for today := ""; today != day(0); { // once more if midnight passes
		today = day(0)
		s.change("DELETE FROM tbl_produk_lifecycle WHERE id > 2000")
		s.change(`INSERT INTO tbl_produk_lifecycle (id, tanggal_stage_end) VALUES (2001, '` + day(-1) + `'), (2002, '` + today + `'), (2003, NULL)`)
		now = decode[figures](t, s.get("/dashboard")).Statistics
		overdue = s.get("/products?overdue=true&limit=100")
		file = s.do(http.MethodGet, base+"/products/export.csv?overdue=true", nil).want(t, http.StatusOK)
	}
	if now.Overdue != earlier.Overdue+1 {
		t.Errorf("%d products are overdue, before %d; want one more", now.Overdue, earlier.Overdue)
	}
	if overdue.json.Pagination.TotalItems != now.Overdue || strings.Count(string(file.body), "\r\n") != int(now.Overdue)+1 || !strings.Contains(string(file.body), "\n2001,") {
		t.Errorf("%d products are overdue, in the list %s, in the export %s", now.Overdue, overdue.body, file.body)
	}
}

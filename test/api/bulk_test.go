package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// target is a product of a bulk change.
type target struct {
	ID      int64  `json:"id"`
	Version string `json:"version"`
}

// targets returns the products with some ids, in the versions of the list.
func (s *site) targets(ids ...int64) (list []target) {
	s.t.Helper()
	for page := 1; ; page++ {
		listed := decode[[]target](s.t, s.get(fmt.Sprintf("/products?sort=id&limit=100&page=%d", page)))
		for _, p := range listed {
			if slices.Contains(ids, p.ID) {
				list = append(list, p)
			}
		}
		if len(listed) < 100 {
			return list
		}
	}
}

// bulk sends a bulk change of products; rest is the set or the move.
func (s *site) bulk(products []target, rest string, headers ...string) apiResponse {
	s.t.Helper()
	list, err := json.Marshal(products)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.send(http.MethodPost, "/products/bulk", fmt.Sprintf(`{"products":%s,%s}`, list, rest), headers...)
}

// refusals lists the failing products of a response as "id code".
func refusals(t *testing.T, a apiResponse) (list []string) {
	t.Helper()
	for _, p := range decode[[]struct {
		ID      int64
		Name    *string `json:"produk"`
		Version *string
		Code    string
	}](t, a) {
		if exists := p.Code != "not_found"; (p.Version != nil) != exists || (p.Name != nil) != exists {
			t.Errorf("%+v of %s", p, a.body)
		}
		list = append(list, fmt.Sprint(p.ID, " ", p.Code))
	}
	return list
}

// fingerprint is what bulk changes may change in the source.
func (s *site) fingerprint() string {
	s.t.Helper()
	return queryOne[string](s.t, s.source, `SELECT (SELECT sum(id * coalesce(id_stage, 0)) || ' ' || coalesce(sum(harga), 0) FROM tbl_produk) || ' ' || (SELECT count(*) FROM tbl_stage_histori)`)
}

// wantOneRefresh fails the test unless a write refreshes the mirror once, which is recorded as a run, and is one activity.
func (s *site) wantOneRefresh(what string, write func()) {
	s.t.Helper()
	counts := func() [2]int {
		return [2]int{queryOne[int](s.t, s.target, "SELECT count(*) FROM lifecycle_sync_runs"), queryOne[int](s.t, s.target, "SELECT count(*) FROM lifecycle_activities")}
	}
	before := counts()
	write()
	if after := counts(); after != [2]int{before[0] + 1, before[1] + 1} {
		s.t.Errorf("%s: %v refreshes and activities became %v", what, before, after)
	}
}

func TestBulk_SetsFieldsOfAllOrNone(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 1, harga = 5, tanggal_stage_start = NULL, tanggal_stage_end = NULL WHERE id <= 5")
		s.Command("sync")
		products := s.targets(1, 2, 3, 4, 5)
		changed := s.bulk([]target{products[2], products[0]}, `"set":{"harga":"700","pelanggan":"PLN"}`).want(t, http.StatusOK)
		now := s.targets(1, 2, 3)
		if got := decode[[]target](t, changed); !slices.Equal(got, []target{now[0], now[2]}) || now[0] == products[0] || now[1] != products[1] {
			t.Errorf("changed to %s, listed are %v", changed.body, now)
		}
		if done := s.activities("limit=1")[0]; done.Channel != "bulk" || done.Action != "update" || !slices.Equal(done.Products, []int64{1, 3}) {
			t.Errorf("the change is recorded as %+v", done)
		}
		for _, id := range []int64{1, 3} {
			if p := decode[product](t, s.get(fmt.Sprintf("/products/%d", id))); *p.Price != 700 || *p.Customer != "PLN" {
				t.Errorf("%+v", p)
			}
		}
		same := s.bulk([]target{now[0], products[1]}, `"set":{"harga":700,"pelanggan":"PLN"}`).want(t, http.StatusOK)
		if got := decode[[]target](t, same); got[0] != now[0] || got[1] == products[1] {
			t.Errorf("an unchanged product has another version: %s", same.body)
		}

		before := s.fingerprint()
		unknown, malformed := target{99_999, "x"}, target{4, "*"}
		stale := s.bulk([]target{unknown, products[4], malformed, products[0]}, `"set":{"harga":900}`).want(t, http.StatusPreconditionFailed, "precondition_failed")
		if got, want := refusals(t, stale), []string{"1 precondition_failed", "4 precondition_failed", "99999 not_found"}; !slices.Equal(got, want) {
			t.Errorf("refused %v, want %v", got, want)
		}
		exec(t, s.source, "UPDATE tbl_produk SET tanggal_stage_start = '2090-01-01' WHERE id = 4")
		s.Command("sync")
		fresh := s.targets(4, 5)
		invalid := s.bulk(fresh, `"set":{"harga":900,"tanggal_stage_end":"2080-01-01"}`).want(t, http.StatusBadRequest, "validation_failed")
		if got := refusals(t, invalid); !slices.Equal(got, []string{"4 validation_failed"}) || !strings.Contains(string(invalid.body), `"field":"tanggal_stage_end","code":"order"`) {
			t.Errorf("refused %s", invalid.body)
		}
		if after := s.fingerprint(); after != before {
			t.Errorf("%s became %s", before, after)
		}

		records := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_stage_histori")
		s.bulk(s.targets(1, 4), `"set":{"id_stage":2}`).want(t, http.StatusOK)
		for _, id := range []int64{1, 4} {
			if p := decode[product](t, s.get(fmt.Sprintf("/products/%d", id))); *p.StageID != 2 || p.StageStart == nil || p.StageStart.Time().Year() == 2090 || !s.inNewestStage(id) {
				t.Errorf("%+v", p)
			}
		}
		if got := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_stage_histori"); got != records+2 {
			t.Errorf("%d records became %d", records, got)
		}
		s.Command("verify")
	})
}

func TestBulk_MovesAllOrNone(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 1, tanggal_stage_end = '2020-01-01' WHERE id <= 4")
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 2 WHERE id = 5")
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk <= 5")
		s.Command("sync")
		products := s.targets(1, 2, 3, 4, 5)
		const rest = `"move":{"stage_now":2,"catatan":"Naik\nkelas","tanggal_stage_end":"2090-01-01"}`
		before := s.fingerprint()
		refused := s.bulk(products, rest).want(t, http.StatusBadRequest, "validation_failed")
		if got := refusals(t, refused); !slices.Equal(got, []string{"5 conflict"}) {
			t.Errorf("refused %s", refused.body)
		}
		s.bulk(products[:4], `"move":{"stage_now":99}`).want(t, http.StatusBadRequest, "validation_failed")
		if after := s.fingerprint(); after != before {
			t.Errorf("%s became %s", before, after)
		}

		moved := s.bulk(products[:4], rest, "Idempotency-Key", "satu").want(t, http.StatusOK)
		again := s.bulk(products[:4], rest, "Idempotency-Key", "satu").want(t, http.StatusOK)
		if string(again.json.Data) != string(moved.json.Data) || !slices.Equal(decode[[]target](t, moved), s.targets(1, 2, 3, 4)) {
			t.Errorf("moved %s, again %s", moved.body, again.body)
		}
		if done := s.activities("limit=1")[0]; done.Channel != "bulk" || done.Action != "move" {
			t.Errorf("the move is recorded as %+v", done)
		}
		s.bulk(products[:3], rest, "Idempotency-Key", "satu").want(t, http.StatusConflict, "conflict")
		for id := range int64(4) {
			p := decode[product](t, s.get(fmt.Sprintf("/products/%d", id+1)))
			if *p.StageID != 2 || p.StageEnd.String() != "2090-01-01" || len(p.History) != 1 || *p.History[0].Notes != "Naik\nkelas" || *p.History[0].PreviousStageID != 1 {
				t.Errorf("%+v", p)
			}
		}

		// A product with a newer record gets only a record of a back-dated move; the others move.
		mixed := s.bulk(s.targets(4, 5), `"move":{"stage_now":3,"tanggal_perubahan":"2024-02-03T00:00:00Z","tanggal_stage_end":"2024-06-01"}`).want(t, http.StatusBadRequest)
		if got := refusals(t, mixed); !slices.Equal(got, []string{"4 validation_failed"}) {
			t.Errorf("refused %s", mixed.body)
		}
		s.bulk(s.targets(4, 5), `"move":{"stage_now":3,"tanggal_perubahan":"2024-02-03T00:00:00Z"}`).want(t, http.StatusOK)
		backDated, first := decode[product](t, s.get("/products/4")), decode[product](t, s.get("/products/5"))
		if *backDated.StageID != 2 || len(backDated.History) != 2 || *first.StageID != 3 || first.StageStart.String() != "2024-02-03" {
			t.Errorf("%+v, %+v", backDated, first)
		}

		// A refusal because of another version refreshes the products that it names, with their records. Callers then read the current versions.
		read := s.targets(1, 2, 3)
		exec(t, s.source, "UPDATE tbl_produk SET harga = 77 WHERE id <= 4")
		exec(t, s.source, "INSERT INTO tbl_stage_histori (id_produk, stage_now) VALUES (1, 2), (3, 2)")
		s.bulk(read[:2], `"move":{"stage_now":3}`).want(t, http.StatusPreconditionFailed)
		s.send(http.MethodPut, "/products/3", `{"harga":1}`, "If-Match", `"`+read[2].Version+`"`).want(t, http.StatusPreconditionFailed)
		s.send(http.MethodPut, fmt.Sprintf("/stage-history/%d", backDated.History[0].ID), `{"catatan":"x"}`, "If-Match", `"x"`).want(t, http.StatusPreconditionFailed)

		for what, rest := range map[string]string{"an edit": `"set":{"harga":78}`, "a move": `"move":{"stage_now":4}`} {
			s.wantOneRefresh(what, func() { s.bulk(s.targets(2, 3), rest).want(t, http.StatusOK) })
			s.wantOneRefresh("the undo of "+what, func() { s.undo(s.activities("limit=1")[0].ID) })
		}
		s.Command("verify")
	})
}

func TestBulk_RejectsInvalidRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprintf(`{"id":%d,"version":"x"}`, i+1)
	}
	for body, want := range map[string]string{
		`{"products":[],"set":{"harga":1}}`:                                                                       "products required",
		`{"set":{"harga":1}}`:                                                                                     "products required",
		`{"products":{},"set":{"harga":1}}`:                                                                       "products required",
		`{"products":[` + strings.Join(many, ",") + `],"set":{"harga":1}}`:                                        "products too_many",
		`{"products":[{"id":1,"version":"x"},{"id":1,"version":"y"}],"set":{"harga":1}}`:                          "products duplicate",
		`{"products":[{"id":1}],"set":{"harga":1}}`:                                                               "products type",
		`{"products":[{"id":"1","version":"x"}],"set":{"harga":1}}`:                                               "products type",
		`{"products":[{"id":1,"version":"x","produk":"y"}],"set":{"harga":1}}`:                                    "produk unknown",
		`{"products":[{"id":1,"version":"x"}]}`:                                                                   "set combination",
		`{"products":[{"id":1,"version":"x"}],"set":{"harga":1},"move":{"stage_now":1}}`:                          "set combination",
		`{"products":[{"id":1,"version":"x"}],"set":{}}`:                                                          "set required",
		`{"products":[{"id":1,"version":"x"}],"set":{"id":1}}`:                                                    "id unknown",
		`{"products":[{"id":1,"version":"x"}],"set":{"produk":"","harga":-1}}`:                                    "produk required, harga integer",
		`{"products":[{"id":1,"version":"x"}],"move":{}}`:                                                         "stage_now required",
		`{"products":[{"id":1,"version":"x"}],"move":{"stage_now":1,"tanggal_stage_end":"besok"}}`:                "tanggal_stage_end date",
		`{"products":[{"id":1,"version":"x"}],"move":{"stage_now":1,"performance_metrics":{"a":1}}}`:              "performance_metrics unknown",
		`{"products":[{"id":1,"version":"x"}],"move":{"stage_now":1,"tanggal_perubahan":"2099-01-01T00:00:00Z"}}`: "tanggal_perubahan future",
	} {
		s.refuses(want, http.MethodPost, "/products/bulk", body)
	}
}

// TestBulk_ConcurrentMovesOfOverlappingProducts repeats moves that came too late with the current versions, in the long test a few
// times. However they overlap, no deadlock reaches a client, and every product is in the stage of its newest record.
func TestBulk_ConcurrentMovesOfOverlappingProducts(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		if !kit.IsLong() { // a small machine cannot carry two hundred clients
			t.Parallel()
		}
		clients, size, patience := 12, 20, 1000
		if kit.IsLong() {
			clients, size, patience = 100, 100, 3 // each success refuses all others that have read before
		}
		s := newSite(t, url, "RATE_LIMIT_WRITES=1000000", "RATE_LIMIT_READS=1000000")
		exec(t, s.source, "DELETE FROM tbl_stage_histori")
		for n := 20; n < 2*size; n++ {
			exec(t, s.source, fmt.Sprintf("INSERT INTO tbl_produk (produk, id_segmen, id_stage, id_kategori) VALUES ('P%d', 1, 1, 1)", n))
		}
		for client := range clients { // each moves its products to a stage of its own
			exec(t, s.source, fmt.Sprintf("INSERT INTO tbl_stage (id, stage) %s VALUES (%d, 'S%d')", map[bool]string{true: "OVERRIDING SYSTEM VALUE"}[s.onPostgres()], 101+client, client))
		}
		s.Command("sync", "--allow-deletes", "12")
		var ids []int64
		for page := range 2 {
			for _, p := range decode[[]target](t, s.get(fmt.Sprintf("/products?sort=id&limit=100&page=%d", page+1))) {
				ids = append(ids, p.ID)
			}
		}
		var moves atomic.Int64
		s.concurrently(clients, func(client int) (apiResponse, error) {
			mine := ids[client*len(ids)/clients/2:][:size]
			read := func() []target {
				current := s.targets(mine...)
				if client%2 == 1 {
					slices.Reverse(current)
				}
				return current
			}
			current := read()
			for attempt, refused := 0, 0; ; attempt++ {
				a := s.bulk(current, fmt.Sprintf(`"move":{"stage_now":%d}`, 101+client))
				isBusy := a.StatusCode == http.StatusServiceUnavailable || a.StatusCode == http.StatusConflict && a.json.Code == "busy" // SQLite's write lock
				switch wait, _ := time.ParseDuration(a.Header.Get("Retry-After") + "s"); {
				case a.StatusCode == http.StatusOK:
					moves.Add(1)
					return a, nil
				case a.StatusCode == http.StatusPreconditionFailed: // changed since it was read
					if refused++; refused == patience {
						return a, nil
					}
					current = read()
				case !isBusy || strings.Contains(string(a.body), "collision"), attempt == 30*clients:
					return a, fmt.Errorf("%d %s", a.StatusCode, a.body)
				default: // too many at once
					time.Sleep(max(wait, 100*time.Millisecond)) // as clients do
				}
			}
		})
		n := int(moves.Load())
		if n == 0 || !kit.IsLong() && n != clients {
			t.Errorf("%d of %d clients have moved their products", n, clients)
		}
		if records := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_stage_histori"); records != n*size {
			t.Errorf("%d records of %d moves of %d products", records, n, size)
		}
		for _, id := range ids {
			if queryOne[int](t, s.source, fmt.Sprintf("SELECT count(*) FROM tbl_stage_histori WHERE id_produk = %d", id)) > 0 && !s.inNewestStage(id) {
				t.Errorf("product %d is not in the stage of its newest record", id)
			}
		}
		s.Command("sync") // refreshes may have timed out
		s.Command("verify")
	})
}

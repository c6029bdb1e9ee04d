package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// rowChange is a change with its run.
type rowChange struct {
	Table     string         `json:"table"`
	ID        int64          `json:"id"`
	Action    string         `json:"action"`
	Before    map[string]any `json:"before"`
	After     map[string]any `json:"after"`
	Run       int64          `json:"run"`
	Mode      string         `json:"mode"`
	StartedAt string         `json:"started_at"`
}

func TestSyncChanges_ListTheHistoryOfARow(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		if empty := s.get("/sync/changes?table=tbl_produk&id=2"); string(empty.json.Data) != "[]" || empty.json.Pagination.TotalItems != 0 {
			t.Errorf("%s", empty.body)
		}
		old := queryOne[string](t, s.target, "SELECT produk FROM tbl_produk_lifecycle WHERE id = 2")
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'First' WHERE id = 2")
		exec(t, s.source, "UPDATE tbl_stage SET stage = 'Youth' WHERE id = 2")
		first := s.runSync("")
		s.send(http.MethodPut, "/products/2", `{"produk": "Second"}`).want(t, http.StatusOK)
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'Third', id_segmen = 987 WHERE id = 2")
		s.postAccepted("/sync", `{"dryRun": true}`)                        // changes nothing
		s.send(http.MethodPost, "/sync/verify", "").want(t, http.StatusOK) // changes nothing
		last := s.runSync("")

		changes := decode[[]rowChange](t, s.get("/sync/changes?table=tbl_produk&id=2"))
		if len(changes) != 3 {
			t.Fatalf("%+v", changes)
		}
		quarantine, write, update := changes[0], changes[1], changes[2]
		if quarantine.Action != "quarantine" || quarantine.Before["produk"] != "Second" || quarantine.After != nil || quarantine.Run != last.Run || quarantine.Mode != "full" || quarantine.StartedAt != last.StartedAt {
			t.Errorf("%+v", quarantine)
		}
		if write.Action != "update" || write.Before["produk"] != "First" || write.After["produk"] != "Second" || write.Mode != "write" || write.Run <= first.Run || write.Run >= last.Run {
			t.Errorf("%+v", write)
		}
		if update.Table != "tbl_produk" || update.ID != 2 || update.Before["produk"] != old || update.After["produk"] != "First" || update.Run != first.Run || update.StartedAt != first.StartedAt {
			t.Errorf("%+v", update)
		}

		page := s.get("/sync/changes?table=tbl_produk&id=2&limit=1&page=2")
		if got := decode[[]rowChange](t, page); len(got) != 1 || got[0].Run != write.Run || page.json.Pagination.TotalItems != 3 || !strings.Contains(page.Header.Get("Link"), "table=tbl_produk") {
			t.Errorf("%s", page.body)
		}
		if stage := decode[[]rowChange](t, s.get("/sync/changes?table=tbl_stage&id=2")); len(stage) != 1 || stage[0].After["stage"] != "Youth" {
			t.Errorf("%+v", stage)
		}
		s.wantNoOtherChanges()
	})
}

// wantNoOtherChanges requires empty pages for other rows, and errors for invalid queries.
func (s *site) wantNoOtherChanges() {
	s.t.Helper()
	for _, path := range []string{"table=tbl_kategori&id=2", "table=tbl_produk&id=2147483647", "table=tbl_produk&id=2&page=99"} {
		if a := s.get("/sync/changes?" + path); string(a.json.Data) != "[]" {
			s.t.Errorf("%s: %s", path, a.body)
		}
	}
	for query, field := range map[string]string{
		"": "table", "id=2": "table", "table=": "table", "table=products": "table", "table=tbl_produk_lifecycle": "table", "table=TBL_PRODUK": "table", "table=pg_class": "table",
		"table=tbl_produk": "id", "table=tbl_produk&id=": "id", "table=tbl_produk&id=0": "id", "table=tbl_produk&id=x": "id", "table=tbl_produk&run=1": "run", "table=tbl_produk&page=0": "page", "table=tbl_produk&table=tbl_stage": "table",
	} {
		a := s.do(http.MethodGet, fmt.Sprintf("%s/sync/changes?%s", base, query), nil).want(s.t, http.StatusBadRequest, "validation_failed")
		if a.json.Errors[0].Field != field {
			s.t.Errorf("%s: %s", query, a.body)
		}
	}
}

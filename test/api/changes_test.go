package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// madeChange is a change with the run that made it.
type madeChange struct {
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
		if none := s.get("/sync/changes?table=tbl_produk&id=2"); string(none.json.Data) != "[]" || none.json.Pagination.TotalItems != 0 {
			t.Errorf("%s", none.body)
		}
		old := one[string](t, s.target, "SELECT produk FROM tbl_produk_lifecycle WHERE id = 2")
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'First' WHERE id = 2")
		exec(t, s.source, "UPDATE tbl_stage SET stage = 'Youth' WHERE id = 2")
		first := s.sync("")
		s.send(http.MethodPut, "/products/2", `{"produk": "Second"}`).want(t, http.StatusOK)
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'Third', id_segmen = 987 WHERE id = 2")
		s.accepted("/sync", `{"dryRun": true}`)                            // says so, and does nothing
		s.send(http.MethodPost, "/sync/verify", "").want(t, http.StatusOK) // likewise
		last := s.sync("")

		changes := into[[]madeChange](t, s.get("/sync/changes?table=tbl_produk&id=2"))
		if len(changes) != 3 {
			t.Fatalf("%+v", changes)
		}
		left, written, updated := changes[0], changes[1], changes[2]
		if left.Action != "quarantine" || left.Before["produk"] != "Second" || left.After != nil || left.Run != last.Run || left.Mode != "full" || left.StartedAt != last.StartedAt {
			t.Errorf("%+v", left)
		}
		if written.Action != "update" || written.Before["produk"] != "First" || written.After["produk"] != "Second" || written.Mode != "write" || written.Run <= first.Run || written.Run >= last.Run {
			t.Errorf("%+v", written)
		}
		if updated.Table != "tbl_produk" || updated.ID != 2 || updated.Before["produk"] != old || updated.After["produk"] != "First" || updated.Run != first.Run || updated.StartedAt != first.StartedAt {
			t.Errorf("%+v", updated)
		}

		page := s.get("/sync/changes?table=tbl_produk&id=2&limit=1&page=2")
		if got := into[[]madeChange](t, page); len(got) != 1 || got[0].Run != written.Run || page.json.Pagination.TotalItems != 3 || !strings.Contains(page.Header.Get("Link"), "table=tbl_produk") {
			t.Errorf("%s", page.body)
		}
		if stage := into[[]madeChange](t, s.get("/sync/changes?table=tbl_stage&id=2")); len(stage) != 1 || stage[0].After["stage"] != "Youth" {
			t.Errorf("%+v", stage)
		}
		s.hasNoOtherChanges()
	})
}

// hasNoOtherChanges asks for what there is not.
func (s *site) hasNoOtherChanges() {
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

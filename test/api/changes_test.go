package api_test

import (
	"net/http"
	"strings"
	"testing"
)

// rowChange is a change with its run.
type rowChange struct {
	ID, Run             int64
	Table, Action, Mode string
	Before, After       map[string]any
	StartedAt           string `json:"started_at"`
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
		for _, path := range []string{"table=tbl_kategori&id=2", "table=tbl_produk&id=2147483647", "table=tbl_produk&id=2&page=99"} {
			if a := s.get("/sync/changes?" + path); string(a.json.Data) != "[]" {
				t.Errorf("%s: %s", path, a.body)
			}
		}
	})
}

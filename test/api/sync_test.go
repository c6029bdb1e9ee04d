package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSync_FullRun(t *testing.T) { //nolint:gocyclo // one story, step by step
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'New name' WHERE id = 2")
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 3")
		exec(t, s.source, "DELETE FROM tbl_produk WHERE id = 3")
		exec(t, s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Added', 1, 1), ('Orphan', 987, 1)")
		for _, body := range []string{"", `{}`, `{"mode": "full", "dryRun": false, "allowDeletes": 0}`, ` {"mode":"incremental"} `} {
			run := s.postAccepted("/sync", body)
			requested := "full"
			if strings.Contains(body, "incremental") {
				requested = "incremental"
			}
			if run.Mode != requested || run.Run == 0 || run.StartedAt == "" || run.Error != nil {
				t.Errorf("%s: %+v", body, run)
			}
			done := s.waitForRun(run.Run)
			if done.State != "succeeded" || done.FinishedAt == nil || len(done.Tables) != 5 || done.Tables[3].Table != "tbl_produk" {
				t.Fatalf("%s: %+v", body, done)
			}
			if becameFull := requested == "incremental" && !s.onPostgres(); becameFull != (done.Reason != nil) || becameFull != (done.Mode != requested) {
				t.Errorf("%s: %+v", body, done)
			}
			if body == "" {
				if products := done.Tables[3]; products.Inserted != 1 || products.Updated != 1 || products.Deleted != 1 || products.Quarantined != 1 || products.Unchanged != 18 {
					t.Errorf("%+v", products)
				}
				s.wantChangesOfFullRun(run.Run)
			}
		}
		if n := queryOne[int](t, s.target, "SELECT count(*) FROM tbl_produk_lifecycle WHERE produk IN ('New name', 'Added')"); n != 2 {
			t.Errorf("%d rows are mirrored", n)
		}
		rows := decode[[]map[string]any](t, s.get("/sync/quarantine"))
		if len(rows) != 1 || rows[0]["table"] != "tbl_produk" || rows[0]["reason"] == "" || rows[0]["payload"].(map[string]any)["produk"] != "Orphan" || rows[0]["since"] == nil || rows[0]["run"] == nil {
			t.Errorf("quarantine: %v", rows)
		}
		if status := s.syncStatus(); status.State != "healthy" || status.NextRunAt != nil || status.Quarantined != 1 || status.Age == nil || *status.Age < 0 || *status.Age > 600 || status.Drift != nil || status.VerifiedAt != nil ||
			status.LastSuccessAt == nil || status.ProvedEqualAt == nil || *status.LastSuccessAt != status.LastRun.StartedAt {
			t.Errorf("%+v", status)
		}
	})
}

// wantChangesOfFullRun wants the update and the deletions of TestSync_FullRun, on pages of two.
func (s *site) wantChangesOfFullRun(run int64) {
	s.t.Helper()
	a := s.get(fmt.Sprintf("/sync/runs/%d/changes?limit=2", run))
	found := map[string]map[string]any{}
	for page := int64(1); page <= a.json.Pagination.TotalPages; page++ {
		for _, c := range decode[[]map[string]any](s.t, s.get(fmt.Sprintf("/sync/runs/%d/changes?limit=2&page=%d", run, page))) {
			found[fmt.Sprint(c["table"], " ", c["action"])] = c
		}
	}
	update, deletion := found["tbl_produk update"], found["tbl_produk delete"]
	if update == nil || update["after"].(map[string]any)["produk"] != "New name" || update["before"].(map[string]any)["produk"] == nil || update["id"] != 2.0 {
		s.t.Errorf("update: %v of %v", update, found)
	}
	if deletion == nil || deletion["after"] != nil || deletion["before"].(map[string]any)["id"] != 3.0 {
		s.t.Errorf("delete: %v", deletion)
	}
	if link := a.Header.Get("Link"); a.json.Pagination.TotalPages > 1 && !strings.Contains(link, fmt.Sprintf(`/sync/runs/%d/changes?limit=2&page=2>; rel="next"`, run)) {
		s.t.Errorf("Link: %s", link)
	}
	if past := s.get(fmt.Sprintf("/sync/runs/%d/changes?page=999", run)); string(past.json.Data) != "[]" {
		s.t.Errorf("past the end: %s", past.body)
	}
}

func TestSync_VerifiesAndListsRuns(t *testing.T) {
	t.Parallel()
	type verification struct {
		Run                    int64
		Equal                  bool
		Behind, Drift, Unknown int64
		Tables                 []map[string]any
		Differences            []map[string]any
	}
	eachSite(t, func(t *testing.T, s *site) {
		a := s.send(http.MethodPost, "/sync/verify", "").want(t, http.StatusOK)
		if v := decode[verification](t, a); !v.Equal || v.Differences == nil || len(v.Differences) != 0 || len(v.Tables) != 5 || a.json.Message == "" {
			t.Errorf("%s", a.body)
		}
		if status := s.syncStatus(); fmt.Sprint(status.Drift) != "map[behind:0 drift:0 unknown:0]" || status.VerifiedAt == nil {
			t.Errorf("%+v", status)
		}
		exec(t, s.target, "UPDATE tbl_produk_lifecycle SET produk = 'by hand', harga = 1 WHERE id = 2")
		exec(t, s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Added', 1, 1)")
		a = s.send(http.MethodPost, "/sync/verify", "").want(t, http.StatusOK)
		v := decode[verification](t, a)
		want := "map[behind:1 drift:1 unknown:0]"
		if !s.onPostgres() {
			want = "map[behind:0 drift:0 unknown:2]"
		}
		if got := fmt.Sprint(map[string]int64{"behind": v.Behind, "drift": v.Drift, "unknown": v.Unknown}); v.Equal || got != want || len(v.Differences) != 2 {
			t.Errorf("%s", a.body)
		}
		if d := v.Differences[0]; d["id"] != 2.0 || d["action"] != "update" || fmt.Sprint(d["columns"]) != "[produk harga]" || d["table"] != "tbl_produk" {
			t.Errorf("%v", d)
		}
		if got := fmt.Sprint(s.syncStatus().Drift); got != want {
			t.Errorf("drift %s, want %s", got, want)
		}
		if run := s.run(v.Run); run.Mode != "verify" || run.State != "succeeded" || fmt.Sprint(run.Differences) != want {
			t.Errorf("%+v", run)
		}
		if got := queryOne[string](t, s.target, "SELECT produk FROM tbl_produk_lifecycle WHERE id = 2"); got != "by hand" {
			t.Errorf("verify wrote %s", got)
		}
		listed := s.get("/sync/runs?limit=2")
		if runs := decode[[]syncRun](t, listed); len(runs) != 2 || runs[0].Run != v.Run || runs[1].Run >= v.Run || listed.json.Pagination.TotalItems != 3 {
			t.Errorf("%s", listed.body)
		}
		wantCorrectedDrift(t, s)
		wantNoWriteRuns(t, s)
		next := s.syncStatus().NextRunAt
		if next == nil || next.UTC().Format("15:04:05") != "20:30:00" || time.Until(*next) < -time.Minute || time.Until(*next) > 25*time.Hour {
			t.Errorf("next run at %v", next)
		}
	}, "SYNC_FULL_SCHEDULE=30 5 * * *", "TIMEZONE=Asia/Tokyo")
}

// wantCorrectedDrift: an incremental run corrects only rows that were behind, a full run all.
func wantCorrectedDrift(t *testing.T, s *site) {
	t.Helper()
	s.Command("sync", "--mode", "incremental")
	want := "map[behind:0 drift:1 unknown:0]"
	if !s.onPostgres() { // where every run compares every row
		want = "map[behind:0 drift:0 unknown:0]"
	}
	if got := fmt.Sprint(s.syncStatus().Drift); got != want {
		t.Errorf("after an incremental run: drift %s, want %s", got, want)
	}
	s.Command("sync")
	if status := s.syncStatus(); fmt.Sprint(status.Drift) != "map[behind:0 drift:0 unknown:0]" || status.VerifiedAt == nil {
		t.Errorf("after a full run: %+v", status)
	}
}

// wantNoWriteRuns: the list leaves out the runs of API writes, which cannot be canceled.
func wantNoWriteRuns(t *testing.T, s *site) {
	t.Helper()
	before := s.get("/sync/runs").json.Pagination.TotalItems
	exec(t, s.target, "INSERT INTO lifecycle_sync_runs (id, mode, state, started_at, finished_at) VALUES (500, 'write', 'succeeded', '2026-01-02T03:04:05.000000Z', '2026-01-02T03:04:06.000000Z')")
	if after := s.get("/sync/runs").json.Pagination.TotalItems; after != before {
		t.Errorf("%d runs, before %d", after, before)
	}
	if write := s.run(500); write.Mode != "write" {
		t.Errorf("%+v", write)
	}
	s.send(http.MethodPost, "/sync/runs/500/cancel", "").want(t, http.StatusConflict)
}

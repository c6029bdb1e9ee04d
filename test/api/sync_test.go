package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/repositories/database"
)

// syncRun is a run as the API tells of it.
type syncRun struct {
	Run         int64   `json:"run"`
	Mode        string  `json:"mode"`
	State       string  `json:"state"`
	Reason      *string `json:"reason"`
	StartedAt   string  `json:"started_at"`
	FinishedAt  *string `json:"finished_at"`
	Attempts    int
	Error       *struct{ Class, Message, Remedy string }
	Cancel      bool             `json:"cancelRequested"`
	Differences map[string]int64 `json:"differences"`
	Digest      *string          `json:"digest"`
	Tables      []struct {
		Table                                                        string
		Inserted, Updated, Unchanged, Deleted, Quarantined, Released int64
	} `json:"tables"`
}

type syncStatus struct {
	State         string           `json:"state"`
	Running       *syncRun         `json:"running"`
	LastRun       *syncRun         `json:"lastRun"`
	LastSuccessAt *string          `json:"lastSuccessAt"`
	Age           *float64         `json:"lastSuccessAgeSeconds"`
	ProvedEqualAt *string          `json:"provedEqualAt"`
	NextRunAt     *time.Time       `json:"nextRunAt"`
	Drift         map[string]int64 `json:"drift"`
	VerifiedAt    *string          `json:"verifiedAt"`
	Quarantined   int64            `json:"quarantined"`
}

func (s *site) postgres() bool {
	kind, _ := database.KindOf(s.SourceURL)
	return kind == database.Postgres
}

func (s *site) standing() syncStatus {
	s.t.Helper()
	return into[syncStatus](s.t, s.get("/sync"))
}

// accepted sends a POST that must be answered with 202 and a run that is where Location says.
func (s *site) accepted(path, body string) syncRun {
	s.t.Helper()
	a := s.send(http.MethodPost, path, body).want(s.t, http.StatusAccepted)
	run := into[syncRun](s.t, a)
	if location := a.Header.Get("Location"); location != fmt.Sprintf("%s/sync/runs/%d", base, run.Run) || a.json.Message == "" {
		s.t.Fatalf("Location %q, %s", location, a.body)
	}
	return run
}

func (s *site) run(id int64) syncRun {
	s.t.Helper()
	return into[syncRun](s.t, s.get(fmt.Sprintf("/sync/runs/%d", id)))
}

// finished waits until a run has ended, and returns it.
func (s *site) finished(id int64) (run syncRun) {
	s.t.Helper()
	s.Eventually("the run has ended", func() bool { run = s.run(id); return run.State != "running" })
	return run
}

// settled waits until the run at the start is over.
func (s *site) settled() {
	s.t.Helper()
	s.Eventually("the first run is over", func() bool { return s.standing().Running == nil })
}

// held locks a table of the mirror, so that a run waits for it, until the returned function is called.
func (s *site) held() (release func()) {
	s.t.Helper()
	tx, err := s.target.Begin()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := tx.Exec("LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE"); err != nil {
		s.t.Fatal(err)
	}
	return sync.OnceFunc(func() { _ = tx.Rollback() })
}

func TestSync_FullRun(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'New name' WHERE id = 2")
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 3")
		exec(t, s.source, "DELETE FROM tbl_produk WHERE id = 3")
		exec(t, s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Added', 1, 1)")
		exec(t, s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Nowhere', 987, 1)")
		for _, body := range []string{"", `{}`, `{"mode": "full", "dryRun": false, "allowDeletes": 0}`, ` {"mode":"incremental"} `} {
			run := s.accepted("/sync", body)
			asked := "full"
			if strings.Contains(body, "incremental") {
				asked = "incremental"
			}
			if run.Mode != asked || run.Run == 0 || run.StartedAt == "" || run.Error != nil {
				t.Errorf("%s: %+v", body, run)
			}
			done := s.finished(run.Run)
			if done.State != "succeeded" || done.FinishedAt == nil || len(done.Tables) != 5 || done.Tables[3].Table != "tbl_produk" {
				t.Fatalf("%s: %+v", body, done)
			}
			if became := asked == "incremental" && !s.postgres(); became != (done.Reason != nil) || became != (done.Mode != asked) {
				t.Errorf("%s: %+v", body, done)
			}
			if products := done.Tables[3]; body == "" && (products.Inserted != 1 || products.Updated != 1 || products.Deleted != 1 || products.Quarantined != 1 || products.Unchanged != 18) {
				t.Errorf("%+v", products)
			}
			if body == "" {
				s.changesOf(run.Run)
			}
		}
		if n := one[int](t, s.target, "SELECT count(*) FROM tbl_produk_lifecycle WHERE produk IN ('New name', 'Added')"); n != 2 {
			t.Errorf("%d rows arrived", n)
		}
		s.quarantineAndStanding()
	})
}

// quarantineAndStanding looks at the row that does not fit, and at how the mirror then stands.
func (s *site) quarantineAndStanding() {
	s.t.Helper()
	rows := into[[]map[string]any](s.t, s.get("/sync/quarantine"))
	if len(rows) != 1 || rows[0]["table"] != "tbl_produk" || rows[0]["reason"] == "" || rows[0]["payload"].(map[string]any)["produk"] != "Nowhere" || rows[0]["since"] == nil || rows[0]["run"] == nil {
		s.t.Errorf("quarantine: %v", rows)
	}
	if status := s.standing(); status.State != "healthy" || status.NextRunAt != nil || status.Quarantined != 1 || status.Age == nil || *status.Age < 0 || *status.Age > 600 || status.Drift != nil || status.VerifiedAt != nil ||
		status.LastSuccessAt == nil || status.ProvedEqualAt == nil || *status.LastSuccessAt != status.LastRun.StartedAt {
		s.t.Errorf("%+v", status)
	}
}

// changesOf looks at the update and the deletions that TestSync_FullRun makes.
func (s *site) changesOf(run int64) {
	s.t.Helper()
	a := s.get(fmt.Sprintf("/sync/runs/%d/changes?limit=2", run))
	found := map[string]map[string]any{}
	for page := int64(1); page <= a.json.Pagination.TotalPages; page++ {
		for _, c := range into[[]map[string]any](s.t, s.get(fmt.Sprintf("/sync/runs/%d/changes?limit=2&page=%d", run, page))) {
			found[fmt.Sprint(c["table"], " ", c["action"])] = c
		}
	}
	update, removal := found["tbl_produk update"], found["tbl_produk delete"]
	if update == nil || update["after"].(map[string]any)["produk"] != "New name" || update["before"].(map[string]any)["produk"] == nil || update["id"] != 2.0 {
		s.t.Errorf("update: %v of %v", update, found)
	}
	if removal == nil || removal["after"] != nil || removal["before"].(map[string]any)["id"] != 3.0 {
		s.t.Errorf("delete: %v", removal)
	}
	if link := a.Header.Get("Link"); a.json.Pagination.TotalPages > 1 && !strings.Contains(link, fmt.Sprintf(`/sync/runs/%d/changes?limit=2&page=2>; rel="next"`, run)) {
		s.t.Errorf("Link: %s", link)
	}
	if past := s.get(fmt.Sprintf("/sync/runs/%d/changes?page=999", run)); string(past.json.Data) != "[]" {
		s.t.Errorf("past the end: %s", past.body)
	}
}

func TestSync_RejectsInvalidRequests(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		before := one[int](t, s.target, "SELECT count(*) FROM lifecycle_sync_runs")
		for body, field := range map[string]string{
			`{"mode": "fast"}`: "mode", `{"mode": null}`: "mode", `{"mode": 1}`: "mode", `{"mode": "full", "mode": "full"}`: "mode",
			`{"dryRun": "yes"}`: "dryRun", `{"dryRun": 1}`: "dryRun",
			`{"allowDeletes": -1}`: "allowDeletes", `{"allowDeletes": 1.5}`: "allowDeletes", `{"allowDeletes": "7"}`: "allowDeletes", `{"allowDeletes": 9223372036854775808}`: "allowDeletes",
			`{"digest": ""}`: "digest", `{"digest": null}`: "digest", `{"digest": 7}`: "digest", `{"digest": "` + strings.Repeat("A", 32) + `"}`: "digest",
			`{"digest": "` + strings.Repeat("a", 31) + `"}`: "digest", `{"digest": "` + strings.Repeat("a", 33) + `"}`: "digest", `{"digest": "` + strings.Repeat("a", 31) + `\n"}`: "digest",
			`{"digest": "` + strings.Repeat("a", 32) + `", "dryRun": true}`: "digest", `{"mode": "incremental", "digest": "` + strings.Repeat("a", 32) + `"}`: "digest",
			`{"force": true}`: "force", `{"Mode": "full"}`: "Mode",
			`[]`: "", `7`: "", `null`: "", `{`: "", `{"mode": "full"} x`: "", `{"mode": "full"}{}`: "", "{\"mode\": \"\xff\"}": "mode", "\x00": "",
		} {
			a := s.send(http.MethodPost, "/sync", body).want(t, http.StatusBadRequest, "validation_failed")
			if field == "" && len(a.json.Errors) != 0 || field != "" && (len(a.json.Errors) != 1 || a.json.Errors[0].Field != field) {
				t.Errorf("%s: %s", body, a.body)
			}
		}
		if a := s.send(http.MethodPost, "/sync", `{"force": 1}`); !strings.Contains(a.json.Errors[0].Message, "mode, dryRun, allowDeletes, digest") {
			t.Errorf("the known keys are not named: %s", a.body)
		}
		s.send(http.MethodPost, "/sync", `{"mode": "`+strings.Repeat("x", 70<<10)+`"}`).want(t, http.StatusRequestEntityTooLarge, "too_large")
		s.do(http.MethodPost, base+"/sync", strings.NewReader("mode=full"), "Content-Type", "application/x-www-form-urlencoded").want(t, http.StatusUnsupportedMediaType, "unsupported_type")
		for path, status := range map[string]int{
			"/sync/runs/0": 400, "/sync/runs/-1": 400, "/sync/runs/x": 400, "/sync/runs/9223372036854775808": 400, "/sync/runs/1?x=1": 400,
			"/sync/runs/9223372036854775807": 404, "/sync/runs/999": 404, "/sync/runs/999/changes": 404, "/sync/runs/x/changes": 400,
			"/sync/runs?page=0": 400, "/sync/runs?limit=abc": 400, "/sync/runs?sort=id": 400, "/sync?x=1": 400, "/sync/quarantine?page=-1": 400, "/sync/events?x=1": 400,
			"/sync/runs/1/changes?page=9223372036854775808": 400,
		} {
			if a := s.do(http.MethodGet, base+path, nil); a.StatusCode != status || *a.json.Success {
				t.Errorf("%s: %d %s", path, a.StatusCode, a.body)
			}
		}
		for path, status := range map[string]int{
			"/sync/runs/999/cancel": 404, "/sync/runs/x/cancel": 400, "/sync/runs/1/cancel": 409, "/sync?mode=full": 400, "/sync/verify?x": 400,
		} {
			if a := s.send(http.MethodPost, path, ""); a.StatusCode != status || *a.json.Success {
				t.Errorf("POST %s: %d %s", path, a.StatusCode, a.body)
			}
		}
		if after := one[int](t, s.target, "SELECT count(*) FROM lifecycle_sync_runs"); after != before {
			t.Errorf("%d runs were made", after-before)
		}
	})
}

// TestSync_MassDeleteNeedsTheExactTotal stops a run that would empty a table, says so, and lets it pass when exactly its
// number is allowed; a dry run says the same beforehand.
func TestSync_MassDeleteNeedsTheExactTotal(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		exec(t, s.source, "DELETE FROM tbl_stage_histori")
		n := one[int](t, s.target, "SELECT count(*) FROM tbl_stage_histori_lifecycle")
		dry := s.accepted("/sync", `{"dryRun": true}`)
		if dry.State != "failed" || dry.Error == nil || dry.Error.Class != "mass_delete" || len(s.run(dry.Run).Tables) != 5 {
			t.Errorf("%+v", dry)
		}
		if status := s.standing(); status.State != "healthy" {
			t.Errorf("after a dry run: %+v", status)
		}
		stopped := s.finished(s.accepted("/sync", `{"allowDeletes": 0}`).Run)
		if stopped.State != "failed" || stopped.Error == nil || stopped.Error.Class != "mass_delete" || stopped.Error.Remedy == "" {
			t.Errorf("%+v", stopped)
		}
		if status := s.standing(); status.State != "failed" || status.LastRun.Run != stopped.Run {
			t.Errorf("%+v", status)
		}
		if other := s.finished(s.accepted("/sync", fmt.Sprintf(`{"allowDeletes": %d}`, n+1)).Run); other.State != "failed" {
			t.Errorf("%+v", other)
		}
		if allowed := s.finished(s.accepted("/sync", fmt.Sprintf(`{"allowDeletes": %d}`, n)).Run); allowed.State != "succeeded" {
			t.Errorf("%+v", allowed)
		}
		if status := s.standing(); status.State != "healthy" {
			t.Errorf("%+v", status)
		}
	})
}

func TestSync_DryRunChangesNothing(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'New name' WHERE id = 2")
		exec(t, s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Added', 1, 1)")
		count := func() string {
			return one[string](t, s.target, "SELECT (SELECT count(*) FROM tbl_produk_lifecycle) || ' ' || (SELECT version FROM lifecycle_mirror_version) || ' ' || (SELECT produk FROM tbl_produk_lifecycle WHERE id = 2)")
		}
		before := count()
		run := s.accepted("/sync", `{"dryRun": true, "mode": "incremental"}`)
		if run.Mode != "dry-run" || run.State != "succeeded" || run.FinishedAt == nil {
			t.Errorf("%+v", run)
		}
		if after := count(); after != before {
			t.Errorf("before %s, after %s", before, after)
		}
		if detail := s.run(run.Run); len(detail.Tables) != 5 || detail.Tables[3].Inserted != 1 || detail.Tables[3].Updated != 1 {
			t.Errorf("%+v", detail)
		}
		changes := into[[]map[string]any](t, s.get(fmt.Sprintf("/sync/runs/%d/changes", run.Run)))
		if len(changes) != 2 || changes[0]["action"] != "update" || changes[1]["action"] != "insert" || changes[1]["before"] != nil || changes[1]["after"].(map[string]any)["produk"] != "Added" {
			t.Errorf("%v", changes)
		}
		if status := s.standing(); status.LastRun.Run == run.Run || status.State != "healthy" {
			t.Errorf("%+v", status)
		}
		s.send(http.MethodPost, fmt.Sprintf("/sync/runs/%d/cancel", run.Run), "").want(t, http.StatusConflict, "conflict")
	})
}

// TestSync_AppliesByDigest applies exactly what a dry run has shown. When that has changed meanwhile, the run that was to
// apply it shows what it is now, and that can be applied.
func TestSync_AppliesByDigest(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		if first := s.standing().LastRun; first.Digest != nil {
			t.Errorf("%+v", first)
		}
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'New name' WHERE id = 2")
		dry, again := s.accepted("/sync", `{"dryRun": true}`), s.accepted("/sync", `{"dryRun": true}`)
		if dry.Digest == nil || again.Digest == nil || *dry.Digest != *again.Digest || *s.run(dry.Run).Digest != *dry.Digest {
			t.Fatalf("%+v, then %+v", dry, again)
		}
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'Newer name' WHERE id = 2")
		refused := s.applied(*dry.Digest, 0)
		if refused.Mode != "full" || refused.State != "failed" || refused.Error == nil || refused.Error.Class != "conflict" || refused.Digest == nil || *refused.Digest == *dry.Digest ||
			!strings.Contains(refused.Error.Message, *refused.Digest) || refused.Error.Remedy == "" || len(refused.Tables) != 5 || refused.Tables[3].Updated != 1 {
			t.Fatalf("%+v", refused)
		}
		changes := into[[]map[string]any](t, s.get(fmt.Sprintf("/sync/runs/%d/changes", refused.Run)))
		if len(changes) != 1 || changes[0]["after"].(map[string]any)["produk"] != "Newer name" {
			t.Errorf("%v", changes)
		}
		if status := s.standing(); status.State != "healthy" || status.LastRun.Run != refused.Run {
			t.Errorf("%+v", status)
		}
		name := func() string { return one[string](t, s.target, "SELECT produk FROM tbl_produk_lifecycle WHERE id = 2") }
		if got := name(); strings.HasPrefix(got, "New") {
			t.Errorf("%s was applied", got)
		}
		if applied := s.applied(*refused.Digest, 0); applied.State != "succeeded" || *applied.Digest != *refused.Digest || name() != "Newer name" {
			t.Errorf("%+v, %s", applied, name())
		}
	})
}

// applied makes a run that is to apply what has a digest, and returns how it ended.
func (s *site) applied(digest string, allow int64) syncRun {
	s.t.Helper()
	return s.finished(s.accepted("/sync", fmt.Sprintf(`{"digest": %q, "allowDeletes": %d}`, digest, allow)).Run)
}

func TestSync_DigestAllowsItsDeletes(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		nothing := s.accepted("/sync", `{"dryRun": true}`)
		exec(t, s.source, "DELETE FROM tbl_stage_histori")
		n := one[int64](t, s.target, "SELECT count(*) FROM tbl_stage_histori_lifecycle")
		emptying := s.accepted("/sync", `{"dryRun": true}`)
		if emptying.Digest == nil || emptying.Error == nil || emptying.Error.Class != "mass_delete" {
			t.Fatalf("%+v", emptying)
		}
		if stopped := s.applied(*emptying.Digest, 0); stopped.Error == nil || stopped.Error.Class != "mass_delete" || *stopped.Digest != *emptying.Digest {
			t.Errorf("%+v", stopped)
		}
		if other := s.applied(*nothing.Digest, n); other.Error == nil || other.Error.Class != "conflict" || *other.Digest != *emptying.Digest {
			t.Errorf("%+v", other)
		}
		if allowed := s.applied(*emptying.Digest, n); allowed.State != "succeeded" || allowed.Tables[4].Deleted != n {
			t.Errorf("%+v", allowed)
		}
	})
}

func TestSync_VerifyCountsDifferences(t *testing.T) {
	t.Parallel()
	type verdict struct {
		Run                    int64
		Equal                  bool
		Behind, Drift, Unknown int64
		Tables                 []map[string]any
		Differences            []map[string]any
	}
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		a := s.send(http.MethodPost, "/sync/verify", "").want(t, http.StatusOK)
		if v := into[verdict](t, a); !v.Equal || v.Differences == nil || len(v.Differences) != 0 || len(v.Tables) != 5 || a.json.Message == "" {
			t.Errorf("%s", a.body)
		}
		if status := s.standing(); fmt.Sprint(status.Drift) != "map[behind:0 drift:0 unknown:0]" || status.VerifiedAt == nil {
			t.Errorf("%+v", status)
		}
		exec(t, s.target, "UPDATE tbl_produk_lifecycle SET produk = 'by hand', harga = 1 WHERE id = 2")
		exec(t, s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Added', 1, 1)")
		a = s.send(http.MethodPost, "/sync/verify", "").want(t, http.StatusOK)
		v := into[verdict](t, a)
		want := "map[behind:1 drift:1 unknown:0]"
		if !s.postgres() {
			want = "map[behind:0 drift:0 unknown:2]"
		}
		if got := fmt.Sprint(map[string]int64{"behind": v.Behind, "drift": v.Drift, "unknown": v.Unknown}); v.Equal || got != want || len(v.Differences) != 2 {
			t.Errorf("%s", a.body)
		}
		if d := v.Differences[0]; d["id"] != 2.0 || d["action"] != "update" || fmt.Sprint(d["columns"]) != "[produk harga]" || d["table"] != "tbl_produk" {
			t.Errorf("%v", d)
		}
		if got := fmt.Sprint(s.standing().Drift); got != want {
			t.Errorf("drift %s, want %s", got, want)
		}
		run := s.run(v.Run)
		if run.Mode != "verify" || run.State != "succeeded" || fmt.Sprint(run.Differences) != want {
			t.Errorf("%+v", run)
		}
		if got := one[string](t, s.target, "SELECT produk FROM tbl_produk_lifecycle WHERE id = 2"); got != "by hand" {
			t.Errorf("verify wrote %s", got)
		}
		listed := s.get("/sync/runs?limit=2")
		if runs := into[[]syncRun](t, listed); len(runs) != 2 || runs[0].Run != v.Run || runs[1].Run >= v.Run || listed.json.Pagination.TotalItems != 3 {
			t.Errorf("%s", listed.body)
		}
	})
}

func TestSync_ReportsTheNextRun(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		next := s.standing().NextRunAt
		if next == nil || next.UTC().Format("15:04:05") != "20:30:00" || time.Until(*next) < -time.Minute || time.Until(*next) > 25*time.Hour {
			t.Errorf("%v", next)
		}
	}, "SYNC_FULL_SCHEDULE=30 5 * * *", "TIMEZONE=Asia/Tokyo")
}

func TestSync_ListsNoWriteRuns(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.settled()
		before := s.get("/sync/runs").json.Pagination.TotalItems
		exec(t, s.target, "INSERT INTO lifecycle_sync_runs (id, mode, state, started_at, finished_at) VALUES (500, 'write', 'succeeded', '2026-01-02T03:04:05.000000Z', '2026-01-02T03:04:06.000000Z')")
		if after := s.get("/sync/runs").json.Pagination.TotalItems; after != before {
			t.Errorf("%d runs, were %d", after, before)
		}
		if run := s.run(500); run.Mode != "write" {
			t.Errorf("%+v", run)
		}
		s.send(http.MethodPost, "/sync/runs/500/cancel", "").want(t, http.StatusConflict)
	})
}

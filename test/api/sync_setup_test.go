package api_test

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// syncRun is a run in the API.
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

// hasFailed reports whether the run has failed with a class of error.
func (r syncRun) hasFailed(class string) bool {
	return r.State == "failed" && r.Error != nil && r.Error.Class == class
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

func (s *site) syncStatus() syncStatus {
	s.t.Helper()
	return into[syncStatus](s.t, s.get("/sync"))
}

// accepted sends a POST that must be answered with 202 and the run that Location names.
func (s *site) accepted(path, body string) syncRun {
	s.t.Helper()
	a := s.send(http.MethodPost, path, body).want(s.t, http.StatusAccepted)
	run := into[syncRun](s.t, a)
	if location := a.Header.Get("Location"); location != fmt.Sprintf("%s/sync/runs/%d", base, run.Run) || a.json.Message == "" {
		s.t.Fatalf("Location %q, %s", location, a.body)
	}
	return run
}

// sync makes the run that a body asks for, and returns how it ended.
func (s *site) sync(body string, args ...any) syncRun {
	s.t.Helper()
	return s.finished(s.accepted("/sync", fmt.Sprintf(body, args...)).Run)
}

func (s *site) run(id int64) syncRun {
	s.t.Helper()
	return into[syncRun](s.t, s.get(fmt.Sprintf("/sync/runs/%d", id)))
}

// changes returns the first page of a run's change log.
func (s *site) changes(run int64) []map[string]any {
	s.t.Helper()
	return into[[]map[string]any](s.t, s.get(fmt.Sprintf("/sync/runs/%d/changes", run)))
}

// finished waits until a run has ended, and returns it.
func (s *site) finished(id int64) (run syncRun) {
	s.t.Helper()
	s.Eventually("the run has ended", func() bool { run = s.run(id); return run.State != "running" })
	return run
}

// blockRuns locks a table of the mirror, for which a run waits until release is called.
func (s *site) blockRuns() (release func()) {
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

package api_test

import (
	"fmt"
	"net/http"
	"time"

	"lifecycle-sync/models"
)

// syncRun is a run in the API.
type syncRun struct {
	Run            int64
	Mode, State    string
	Reason, Digest *string
	StartedAt      string  `json:"started_at"`
	FinishedAt     *string `json:"finished_at"`
	Error          *struct{ Class, Message, Remedy string }
	Cancel         bool `json:"cancelRequested"`
	Differences    map[string]int64
	Tables         []models.TableCount
}

// hasFailed reports whether the run has failed with a class of error.
func (r syncRun) hasFailed(class string) bool {
	return r.State == "failed" && r.Error != nil && r.Error.Class == class
}

type syncStatus struct {
	State                                    string
	Running, LastRun                         *syncRun
	LastSuccessAt, ProvedEqualAt, VerifiedAt *string
	Age                                      *float64 `json:"lastSuccessAgeSeconds"`
	NextRunAt                                *time.Time
	Drift                                    map[string]int64
	Quarantined                              int64
}

func (s *site) syncStatus() syncStatus {
	s.t.Helper()
	return decode[syncStatus](s.t, s.get("/sync"))
}

// postAccepted sends a POST and requires status 202 with the run that Location names.
func (s *site) postAccepted(path, body string) syncRun {
	s.t.Helper()
	a := s.send(http.MethodPost, path, body).want(s.t, http.StatusAccepted)
	run := decode[syncRun](s.t, a)
	if location := a.Header.Get("Location"); location != fmt.Sprintf("%s/sync/runs/%d", base, run.Run) || a.json.Message == "" {
		s.t.Fatalf("Location %q, %s", location, a.body)
	}
	return run
}

// runSync starts the run that a body requests, and returns it after its end.
func (s *site) runSync(body string, args ...any) syncRun {
	s.t.Helper()
	return s.waitForRun(s.postAccepted("/sync", fmt.Sprintf(body, args...)).Run)
}

func (s *site) run(id int64) syncRun {
	s.t.Helper()
	return decode[syncRun](s.t, s.get(fmt.Sprintf("/sync/runs/%d", id)))
}

// changes returns the first page of a run's change log.
func (s *site) changes(run int64) []map[string]any {
	s.t.Helper()
	return decode[[]map[string]any](s.t, s.get(fmt.Sprintf("/sync/runs/%d/changes", run)))
}

// waitForRun waits until a run has ended, and returns it.
func (s *site) waitForRun(id int64) (run syncRun) {
	s.t.Helper()
	s.Eventually("the run has ended", func() bool { run = s.run(id); return run.State != "running" })
	return run
}

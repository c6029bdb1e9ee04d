package metrics_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/alerts"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/services/metrics"
	"lifecycle-sync/services/runs"
)

// mirror has a fixed sync status.
type mirror struct {
	status journal.SyncStatus
	err    error
}

func (m *mirror) SyncStatus(ctx context.Context) (journal.SyncStatus, error) {
	if _, bounded := ctx.Deadline(); !bounded {
		return journal.SyncStatus{}, errors.New("no deadline")
	}
	return m.status, m.err
}

func text(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	var out strings.Builder
	if err := m.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestWrite_ExportsEveryMetric(t *testing.T) {
	t.Parallel()
	age := 90 * time.Second
	stopped := "mass_delete"
	status := journal.SyncStatus{
		Age: &age, Quarantined: 4, LastConclusive: &models.Run{ID: 9, Mode: models.IncrementalRun, State: models.Failed, ErrorClass: &stopped},
		ProvedEqual: &models.Run{ID: 7, StartedAt: time.Unix(7, 0), Differences: models.JSON(`{"behind":5,"drift":2,"unknown":0}`)},
		Verified:    &models.Run{ID: 8, StartedAt: time.Unix(8, 0), Differences: models.JSON(`{"behind":5,"drift":3,"unknown":0}`)},
	}
	m := metrics.New(&mirror{status: status}, func() cache.Stats { return cache.Stats{Hits: 5, Misses: 6, Bypassed: 7} },
		func() metrics.RealTime {
			lag, retained := 1500*time.Millisecond, int64(1<<20)
			return metrics.RealTime{Lag: &lag, Retained: &retained}
		})
	m.AlertEnded(alerts.Alert{Event: alerts.MassDelete}, alerts.Sent)
	m.Request("/products/:id", "GET", 200, 3*time.Millisecond)
	m.Request("/products/:id", "GET", 200, 3*time.Second)
	m.Request("", "POST", 404, 0)
	tables := []models.TableCount{{Table: "products", Inserted: 2, Updated: 3, Unchanged: 10, Deleted: 1, Released: 1}}
	for _, run := range []models.Run{
		{Mode: models.FullRun, State: models.Succeeded, Differences: models.JSON(`{"drift":2}`)}, {Mode: models.FullRun, State: models.Failed}, {Mode: models.DryRun, State: models.Succeeded}, {Mode: models.VerifyRun, State: models.Succeeded},
	} {
		m.RunEnded(runs.Outcome{Run: run, Tables: tables, Took: 1500 * time.Millisecond})
	}
	got := text(t, m)
	for _, line := range []string{
		`lifecycle_http_requests_total{method="GET",route="/products/:id",status="200"} 2`,
		`lifecycle_http_requests_total{method="POST",route="",status="404"} 1`,
		`lifecycle_http_request_duration_seconds_bucket{route="/products/:id",le="0.005"} 1`,
		`lifecycle_http_request_duration_seconds_count{route="/products/:id"} 2`,
		`lifecycle_sync_runs_total{mode="full",state="succeeded"} 1`, `lifecycle_sync_runs_total{mode="full",state="failed"} 1`,
		`lifecycle_sync_runs_total{mode="dry-run",state="succeeded"} 1`, `lifecycle_sync_runs_total{mode="verify",state="succeeded"} 1`,
		`lifecycle_sync_last_run_duration_seconds{mode="full"} 1.5`,
		`lifecycle_sync_rows_total{action="inserted",table="products"} 2`, `lifecycle_sync_rows_total{action="updated",table="products"} 3`,
		`lifecycle_sync_rows_total{action="unchanged",table="products"} 10`, `lifecycle_sync_rows_total{action="deleted",table="products"} 1`,
		`lifecycle_sync_rows_total{action="released",table="products"} 1`,
		`lifecycle_sync_last_success_age_seconds 90`, `lifecycle_sync_last_run_success{class="mass_delete",mode="incremental"} 0`, `lifecycle_sync_drift_rows 3`, `lifecycle_sync_corrected_drift_rows_total 2`,
		`lifecycle_sync_realtime_lag_seconds 1.5`, `lifecycle_sync_slot_retained_bytes 1.048576e+06`,
		`lifecycle_alerts_total{event="mass_delete",result="sent"} 1`, `lifecycle_alerts_total{event="lag",result="dropped"} 0`, `lifecycle_quarantined_rows 4`,
		`lifecycle_cache_requests_total{result="hit"} 5`, `lifecycle_cache_requests_total{result="miss"} 6`, `lifecycle_cache_requests_total{result="bypass"} 7`,
	} {
		if !strings.Contains(got, "\n"+line+"\n") {
			t.Errorf("no %s", line)
		}
	}
	for _, name := range []string{"go_goroutines", "process_start_time_seconds"} {
		if !strings.Contains(got, name) {
			t.Errorf("no %s", name)
		}
	}
	docs, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`(?m)^# TYPE (lifecycle_\w+)`).FindAllStringSubmatch(got, -1) {
		if !bytes.Contains(docs, []byte("`"+name[1]+"`")) {
			t.Errorf("docs/operations.md does not explain %s", name[1])
		}
	}
	if t.Failed() {
		t.Log(got)
	}
}

func TestWrite_LastRunAndDrift(t *testing.T) {
	t.Parallel()
	for want, status := range map[string]journal.SyncStatus{
		`lifecycle_sync_last_run_success{class="",mode="full"} 1`:            {LastConclusive: &models.Run{Mode: models.FullRun, State: models.Succeeded}},
		`lifecycle_sync_last_run_success{class="interrupted",mode="full"} 0`: {LastConclusive: &models.Run{Mode: models.FullRun, State: models.Interrupted}},
		`lifecycle_sync_drift_rows 0`:                                        {ProvedEqual: &models.Run{ID: 3, StartedAt: time.Unix(3, 0), Differences: models.JSON(`{"drift":1}`)}, Verified: &models.Run{ID: 2, StartedAt: time.Unix(2, 0), Differences: models.JSON(`{"drift":1}`)}},
		`lifecycle_sync_drift_rows 1`:                                        {Verified: &models.Run{ID: 2, Differences: models.JSON(`{"drift":1}`)}},
	} {
		got := text(t, metrics.New(&mirror{status: status}, func() cache.Stats { return cache.Stats{} }, func() metrics.RealTime { return metrics.RealTime{} }))
		if !strings.Contains(got, "\n"+want+"\n") || strings.Contains(got, "realtime") {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestWrite_WithoutPmoDbOmitsOnlyTheSyncStatus(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*mirror{"away": {err: errors.New("away")}, "never synchronized": {}} {
		got := text(t, metrics.New(m, func() cache.Stats { return cache.Stats{} }, func() metrics.RealTime { return metrics.RealTime{} }))
		if strings.Contains(got, "last_success_age") || strings.Contains(got, "lifecycle_quarantined_rows") != (m.err == nil) || !strings.Contains(got, "lifecycle_cache_requests_total") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

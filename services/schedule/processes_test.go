package schedule

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"
	"go.uber.org/goleak"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestMain fails if a goroutine is left running.
func TestMain(m *testing.M) { goleak.VerifyTestMain(testdb.Recycle(m)) }

// TestSchedule_TwoProcessesMakeOneRun and its verification.
func TestSchedule_TwoProcessesMakeOneRun(t *testing.T) {
	t.Parallel()
	p := databases.New(t, testdb.Postgres, 20, 12)
	journal, due, engine := journal.New(p.Store.Session), time.Now(), &databases.Pausing{Engine: p.Engine, Proceed: make(chan struct{})}
	ended := make(chan error, 2)
	process := func() *kit.Buffer {
		buffer := &kit.Buffer{}
		log := slog.New(slog.NewTextHandler(buffer, nil))
		syncs := runs.New(runs.Options{Engine: engine, Store: p.Store, Timeout: time.Minute, Now: time.Now, Log: log})
		t.Cleanup(syncs.Close)
		go func() {
			ended <- (&Schedule{Runs: syncs, History: journal, Now: time.Now, Log: log}).runOnce(t.Context(), models.FullRun, due)
		}()
		return buffer
	}
	process()
	kit.Eventually(t, "a run has begun", func() bool {
		run, err := journal.Running(t.Context())
		return err == nil && run != nil
	})
	log := process()
	kit.Eventually(t, "the second waits", func() bool { return log.Contains("scheduled run waiting") })
	close(engine.Proceed)
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	runs, total, err := journal.Runs(t.Context(), 0, 10)
	if err != nil || total != 2 || runs[1].State != models.Succeeded || runs[0].Mode != models.VerifyRun {
		t.Errorf("%d runs, %+v, %v\n%s", total, runs, err, log)
	}
	if log := log.String(); strings.Count(log, "scheduled run waiting") != 1 || !strings.Contains(log, "already completed") {
		t.Error(log)
	}
}

func TestLastCompleted_IgnoresUnfinishedRuns(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		_, store := databases.PMO(t, url(t))
		last := func(mode string) int64 {
			run, err := journal.New(store.Session).LastCompleted(t.Context(), mode)
			if err != nil {
				t.Fatal(err)
			}
			if run == nil {
				return 0
			}
			return run.ID
		}
		for i, c := range []struct {
			mode, state, class string
			canceled           bool // on request
			full, incremental  int64
		}{
			{models.WriteRun, "succeeded", "", false, 0, 0},
			{models.DryRun, "succeeded", "", false, 0, 0},
			{models.VerifyRun, "succeeded", "", false, 0, 0},
			{models.FullRun, "running", "", false, 0, 0},
			{models.FullRun, "interrupted", "", false, 0, 0},
			{models.IncrementalRun, "succeeded", "", false, 0, 6},
			{models.FullRun, "failed", "", false, 7, 7},
			{models.FullRun, "canceled", "", false, 7, 7},
			{models.IncrementalRun, "interrupted", "", true, 7, 7},
			{models.FullRun, "canceled", "", true, 10, 10},
			{models.IncrementalRun, "failed", "", false, 10, 11},
			{models.FullRun, "succeeded", "", false, 12, 12},
			{models.FullRun, "failed", "conflict", false, 12, 12},
		} {
			run := models.Run{ID: int64(i + 1), Mode: c.mode, State: models.RunState(c.state), StartedAt: kit.Now(), CancelRequested: c.canceled}
			if c.class != "" {
				run.ErrorClass = &c.class
			}
			if err := store.Gorm(t.Context()).Create(&run).Error; err != nil {
				t.Fatal(err)
			}
			if full, incremental := last(models.FullRun), last(models.IncrementalRun); full != c.full || incremental != c.incremental {
				t.Errorf("after %+v: full %d, incremental %d", c, full, incremental)
			}
		}
	})
}

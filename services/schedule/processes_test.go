package schedule

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"       // the driver "pgx"
	_ "github.com/ncruces/go-sqlite3/driver" // the driver "sqlite3"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// lab is a mirror in a database of its own.
type lab struct {
	testing.TB
	store *pmo.Store
	pmo   *database.DB
	eng   *mirror.Engine
}

func newLab(t testing.TB, url func(testing.TB) string) *lab {
	t.Helper()
	p := databases.New(t, url, 20, 12)
	return &lab{TB: t, store: p.Store, pmo: p.TargetDB, eng: p.Engine}
}

// process is the schedule of one process, whose runs wait until they are released.
type process struct {
	*Schedule
	log     *kit.Buffer
	release chan struct{}
}

func (l *lab) process() *process {
	p := &process{log: &kit.Buffer{}, release: make(chan struct{})}
	log := slog.New(slog.NewTextHandler(p.log, nil))
	syncs := runs.New(runs.Options{Engine: held{l.eng, p.release}, Store: l.store, Timeout: time.Minute, Now: time.Now, Log: log})
	l.Cleanup(syncs.Close)
	p.Schedule = New(Options{Runs: syncs, History: journal.New(l.store.Session), Now: time.Now, Log: log})
	return p
}

// held is an engine whose runs wait once they have begun.
type held struct {
	*mirror.Engine
	release chan struct{}
}

// Sync makes a run.
func (h held) Sync(ctx context.Context, req mirror.Request, p mirror.Progress) (mirror.Result, error) {
	began := req.OnBegin
	req.OnBegin = func(run models.Run) {
		began(run)
		select {
		case <-h.release:
		case <-ctx.Done():
		}
	}
	return h.Engine.Sync(ctx, req, p)
}

func TestSchedule_TwoProcessesMakeOneRun(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{models.IncrementalRun, models.FullRun} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, testdb.Postgres)
			first, second, due := l.process(), l.process(), time.Now()
			ended := make(chan error, 2)
			go func() { ended <- first.runOnce(t.Context(), mode, due) }()
			kit.Eventually(l, "a run has begun", func() bool {
				run, err := journal.New(l.store.Session).Running(t.Context())
				return err == nil && run != nil
			})
			go func() { ended <- second.runOnce(t.Context(), mode, due) }()
			kit.Eventually(l, "the second waits", func() bool { return second.log.Contains("waits") })
			close(first.release)
			for range 2 {
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}
			runs, total, err := journal.New(l.store.Session).Runs(t.Context(), 0, 10)
			if want := map[string]int64{models.IncrementalRun: 1, models.FullRun: 2}[mode]; err != nil || total != want || runs[total-1].State != models.Succeeded || want == 2 && runs[0].Mode != models.VerifyRun {
				t.Errorf("%d runs, %+v, %v\n%s", total, runs, err, second.log)
			}
			if log := second.log.String(); strings.Count(log, "waits") != 1 || !strings.Contains(log, "already completed") {
				t.Error(log)
			}
		})
	}
}

func TestLastMade_CountsCompletedRuns(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newLab(t, url)
		last := func(mode string) string {
			run, err := journal.New(l.store.Session).LastMade(t.Context(), mode)
			if err != nil {
				t.Fatal(err)
			}
			if run == nil {
				return "none"
			}
			return fmt.Sprint(run.ID)
		}
		for i, c := range []struct{ mode, state, class, asked, full, incremental string }{
			{models.WriteRun, "succeeded", "", "false", "none", "none"},
			{models.DryRun, "succeeded", "", "false", "none", "none"},
			{models.VerifyRun, "succeeded", "", "false", "none", "none"},
			{models.FullRun, "running", "", "false", "none", "none"},
			{models.FullRun, "interrupted", "", "false", "none", "none"},
			{models.IncrementalRun, "succeeded", "", "false", "none", "6"},
			{models.FullRun, "failed", "", "false", "7", "7"},
			{models.FullRun, "canceled", "", "false", "7", "7"},
			{models.IncrementalRun, "interrupted", "", "true", "7", "7"},
			{models.FullRun, "canceled", "", "true", "10", "10"},
			{models.IncrementalRun, "failed", "", "false", "10", "11"},
			{models.FullRun, "succeeded", "", "false", "12", "12"},
			{models.FullRun, "failed", "conflict", "false", "12", "12"},
		} {
			insert := fmt.Sprintf("INSERT INTO lifecycle_sync_runs (id, mode, state, started_at, error_class, cancel_requested) VALUES (%d, '%s', '%s', '2026-01-02T03:04:05.000000Z', NULLIF('%s', ''), %s)",
				i+1, c.mode, c.state, c.class, c.asked)
			if err := l.pmo.WithContext(t.Context()).Exec(insert).Error; err != nil {
				t.Fatal(err)
			}
			if full, incremental := last(models.FullRun), last(models.IncrementalRun); full != c.full || incremental != c.incremental {
				t.Errorf("after %d (%s, %s): full %s, incremental %s", i+1, c.mode, c.state, full, incremental)
			}
		}
	})
}

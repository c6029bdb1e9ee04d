package mirror_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
)

// begin starts a run that pauses at its first table, and returns a function that lets it finish.
func (l *fixture) begin() (finish func() (mirror.Result, error)) {
	l.Helper()
	var result mirror.Result
	var err error
	reached, proceed, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		result, err = l.Engine.Sync(l.Context(), mirror.Request{}, &progress{table: "segments", reached: func() {
			close(reached)
			<-proceed
		}})
	}()
	select {
	case <-reached:
	case <-done:
		l.Fatalf("the run ended with %v", err)
	}
	return func() (mirror.Result, error) {
		close(proceed)
		<-done
		return result, err
	}
}

// TestLock_RefusesSecondRun names the run in progress and does not disturb it.
func TestLock_RefusesSecondRun(t *testing.T) {
	both(t, func(l *fixture) {
		l.small()
		finish := l.begin()
		id := l.count("SELECT max(id) FROM lifecycle_sync_runs")
		_, err := l.try()
		l.wantError(err, models.Busy, fmt.Sprintf("un %d (full)", id))
		if n := l.count("SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'running'"); n != 1 {
			l.Errorf("%d runs are running", n)
		}
		if _, err := finish(); err != nil {
			l.Fatal(err)
		}
		l.equal()
		if n := l.count("SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'running'"); n != 0 {
			l.Errorf("%d runs are left running", n)
		}
		l.idle()
	})
}

func TestLock_MarksInterruptedRuns(t *testing.T) {
	both(t, func(l *fixture) {
		l.edit("INSERT INTO lifecycle_sync_runs (mode, state, started_at) VALUES ('full', 'running', '2024-01-01 00:00:00')")
		l.sync()
		if n := l.count("SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'interrupted' AND finished_at IS NOT NULL"); n != 1 {
			l.Errorf("%d runs are marked interrupted", n)
		}
	})
}

func TestLock_TimesOutOnLockedTable(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		kit.Lock(l, l.Target, "LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE")
		ctx, cancel := context.WithTimeout(l.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := l.Engine.Sync(ctx, mirror.Request{}, mirror.Silent{})
		if e := models.AsError(err); e == nil || e.Class != models.Timeout && e.Class != models.Canceled {
			l.Errorf("the run ended with %v", err)
		}
		if n := l.count("SELECT count(*) FROM lifecycle_sync_runs WHERE state = 'running'"); n != 0 {
			l.Errorf("%d runs are left running", n)
		}
	})
}

// TestSync_RollsBackWhenAConnectionIsLost kills a connection during a run; the next run must succeed.
func TestSync_RollsBackWhenAConnectionIsLost(t *testing.T) {
	t.Parallel()
	for side, kill := range map[string]string{
		"mirror": "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
		"source": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lifecycle-sync'",
	} {
		t.Run(side, func(t *testing.T) {
			onPostgres(t, func(l *fixture) {
				l.small()
				before := l.state()
				finish := l.begin()
				kit.Exec(l, map[string]*sql.DB{"mirror": l.Target, "source": l.Source}[side], kill)
				result, err := finish()
				if e := models.AsError(err); e == nil || e.Class != models.Connection {
					l.Errorf("the run ended with %v", err)
				}
				l.unchanged(before)
				l.recorded(result.Run, models.Failed)
				l.syncEqual()
			})
		})
	}
}

// TestRecordEnd_KeepsSuccess records the failure of a run whose commit was not acknowledged.
func TestRecordEnd_KeepsSuccess(t *testing.T) {
	both(t, func(l *fixture) {
		result, err := l.try()
		if err != nil {
			l.Fatal(err)
		}
		stale := *result.Run
		stale.State = models.Running
		if err := journal.New(l.Store.Session).RecordEnd(l.Context(), &stale, context.Canceled, kit.Now(), nil, nil); err != nil {
			l.Error(err)
		}
		l.recorded(result.Run, models.Succeeded)
	})
}

// TestSync_ReadsOneSnapshot changes the source during a run.
func TestSync_ReadsOneSnapshot(t *testing.T) {
	each(t, func(l *fixture) {
		l.small()
		finish := l.begin()
		was := l.judge()
		l.change("DELETE FROM tbl_produk WHERE id = 1")
		l.change("UPDATE tbl_stage_histori SET id_produk = 0 WHERE id = 120")
		if _, err := finish(); err != nil {
			l.Fatal(err)
		}
		for _, t := range l.Tables {
			if got := l.read(mirrored, t); len(got) != len(was.fit[t.Name]) {
				l.Errorf("%s holds %d rows, had %d", t.Mirror, len(got), len(was.fit[t.Name]))
			}
		}
		if _, err := l.try(); err != nil {
			l.sync(l.allowed(models.AsError(err)))
		}
		l.equal()
	})
}

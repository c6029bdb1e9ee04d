package runs_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/models"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// TestTrigger_MakesRuns also triggers one that cannot begin.
func TestTrigger_MakesRuns(t *testing.T) {
	each(t, func(l *fixture) {
		kit.Exec(l, l.Target, "ALTER TABLE lifecycle_sync_runs RENAME TO renamed")
		_, err := l.Trigger(l.Context(), runs.Request{})
		l.wantClass(err, models.Schema)
		kit.Exec(l, l.Target, "ALTER TABLE renamed RENAME TO lifecycle_sync_runs")
		l.wantState(runs.Never)
		o := l.sync(runs.Request{Mode: models.FullRun})
		if o.Run.Mode != models.FullRun || o.Run.Reasons != nil || len(o.Tables) != 5 || o.Tables[3].Inserted != 20 || l.version.Load() < 2 {
			l.Errorf("%+v, version %d", o, l.version.Load())
		}
		l.wantState(runs.Healthy)
		o = l.sync(runs.Request{Mode: models.IncrementalRun})
		if l.sqlite != (o.Run.Mode == models.FullRun) || l.sqlite != (o.Run.Reasons != nil) {
			l.Errorf("%+v", o.Run)
		}
	})
}

// TestTrigger_OneRunAtATime triggers many runs at once in two processes. The refused ones name the one that began.
func TestTrigger_OneRunAtATime(t *testing.T) {
	each(t, func(l *fixture) {
		l.engine.Proceed = make(chan struct{})
		services := []*runs.Service{l.Service, l.service()}
		if l.sqlite {
			services[1] = l.Service // another process would wait 5 s for the file
		}
		const n = 8
		refusals, begun := make(chan int64, n), make(chan int64, n)
		var group sync.WaitGroup
		for i := range n {
			group.Go(func() {
				run, err := services[i%2].Trigger(l.Context(), runs.Request{})
				if refusal, ok := errors.AsType[*runs.ActiveRunError](err); ok {
					refusals <- refusal.Run.ID
					return
				}
				if err != nil {
					l.Error(err)
				}
				begun <- run.ID
			})
		}
		group.Wait()
		close(begun)
		close(refusals)
		id, more := <-begun, len(begun)
		if more != 0 || id == 0 {
			l.Fatalf("run %d and %d others began", id, more)
		}
		for named := range refusals {
			if named != id {
				l.Errorf("a refusal names run %d, not %d", named, id)
			}
		}
		close(l.engine.Proceed)
		if o := <-l.ended; o.Run.ID != id || o.Run.State != models.Succeeded {
			l.Errorf("%+v", o)
		}
	})
}

func TestTrigger_WaitsForAPIWrites(t *testing.T) {
	each(t, func(l *fixture) {
		l.sync(runs.Request{})
		tx, err := mirrordb.New(l.Store).BeginRefresh(l.Context(), time.Now())
		if err != nil {
			l.Fatal(err)
		}
		begun := make(chan error, 1)
		go func() {
			_, err := l.Trigger(l.Context(), runs.Request{})
			begun <- err
		}()
		if !l.sqlite { // which does not show who waits
			kit.Eventually(l, "the run waits for the lock", func() bool {
				return kit.One[bool](l, l.Target, `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
					AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`)
			})
		}
		select {
		case err := <-begun:
			l.Errorf("the run did not wait: %v", err)
		default:
		}
		tx.Close()
		if err := <-begun; err != nil {
			l.Fatal(err)
		}
		<-l.ended
	})
}

func TestCancel_OwnRun(t *testing.T) {
	each(t, func(l *fixture) {
		l.engine.Proceed = make(chan struct{})
		run := l.trigger(runs.Request{})
		l.wantState(runs.Running)
		canceled, err := l.Cancel(l.Context(), run.ID)
		if err != nil || canceled.ID != run.ID || !canceled.CancelRequested {
			l.Fatalf("%+v, %v", canceled, err)
		}
		if o := <-l.ended; o.Run.State != models.CanceledRun || !o.Run.CancelRequested {
			l.Errorf("%+v", o)
		}
		if record, err := l.journal.Run(l.Context(), run.ID); err != nil || record.State != models.CanceledRun || !record.CancelRequested {
			l.Errorf("the record is %+v, %v", record, err)
		}
		l.wantState(runs.Never)
		_, err = l.Cancel(l.Context(), run.ID)
		l.wantClass(err, models.Conflict)
		_, err = l.Cancel(l.Context(), run.ID+1000)
		l.wantClass(err, models.NotFound)
		l.engine.Proceed = nil
		l.sync(runs.Request{})
	})
}

func TestCancel_SQLiteRefusesRunsOfOtherProcesses(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.SQLite)
	l.engine.Proceed = make(chan struct{})
	run := l.trigger(runs.Request{})
	_, err := l.service().Cancel(l.Context(), run.ID)
	l.wantClass(err, models.Conflict)
	close(l.engine.Proceed)
	<-l.ended
}

// TestStatus_MarksRunsOfDeadProcesses needs PostgreSQL; on SQLite the next run marks them.
func TestStatus_MarksRunsOfDeadProcesses(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.Postgres)
	l.sync(runs.Request{})
	kit.Exec(t, l.Target, "INSERT INTO lifecycle_sync_runs (mode, state, started_at) VALUES ('full', 'running', now())")
	l.wantState(runs.Failed)
	status, _ := l.Status(l.Context())
	if status.LastRun.State != models.Interrupted || status.LastRun.FinishedAt == nil {
		l.Errorf("%+v", status.LastRun)
	}
	kit.Exec(t, l.Target, "INSERT INTO lifecycle_sync_runs (id, mode, state, started_at) VALUES (77, 'full', 'running', now())")
	_, err := l.Cancel(l.Context(), 77)
	l.wantClass(err, models.Conflict)
}

func TestVerify_OneComparisonAtATime(t *testing.T) {
	each(t, func(l *fixture) {
		l.sync(runs.Request{})
		errs := make(chan error, 20)
		var group sync.WaitGroup
		for range cap(errs) {
			group.Go(func() {
				_, err := l.Verify(l.Context())
				errs <- err
			})
		}
		group.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				l.wantClass(err, models.Conflict)
			}
		}
		if _, err := l.Verify(l.Context()); err != nil {
			l.Errorf("afterwards: %v", err)
		}
	})
}

// TestRowChanges_ListsCommittedChanges leaves out the changes of comparisons and failed runs.
func TestRowChanges_ListsCommittedChanges(t *testing.T) {
	each(t, func(l *fixture) {
		var want, got []int64
		for _, r := range []struct {
			mode      string
			state     models.RunState
			committed bool
		}{
			{models.FullRun, models.Succeeded, true}, {models.IncrementalRun, models.Succeeded, true}, {models.WriteRun, models.Succeeded, true},
			{models.RealtimeRun, models.Running, true}, {models.RealtimeRun, models.Interrupted, true}, {models.RealtimeRun, models.Succeeded, true}, {models.RealtimeRun, models.Failed, true},
			{models.DryRun, models.Succeeded, false}, {models.DryRun, models.Failed, false}, {models.VerifyRun, models.Succeeded, false}, {models.FullRun, models.Failed, false},
		} {
			run := models.Run{Mode: r.mode, State: r.state, StartedAt: time.Date(2026, 3, 1, 9, 0, 0, 1000, time.UTC)}
			found := []models.LoggedChange{{Table: "products", RowID: 7, Action: "update", Before: models.JSON(`{"harga": 1}`), After: models.JSON(`{"harga": 2}`)}}
			if err := l.journal.Record(l.Context(), &run, nil, found); err != nil {
				l.Fatal(err)
			}
			if r.committed {
				want = append(want, run.ID)
			}
		}
		slices.Reverse(want)
		changes, pagination, err := runs.NewJournal(l.Store, models.Tables()).RowChanges(l.Context(), runs.RowQuery{Table: "tbl_produk", ID: 7})
		if err != nil || pagination.TotalItems != int64(len(want)) {
			l.Fatalf("%d changes, %v", pagination.TotalItems, err)
		}
		for _, c := range changes {
			got = append(got, c.RunID)
			if c.Mode == "" || c.StartedAt.String() != "2026-03-01T09:00:00.000001Z" || string(c.After) != `{"harga": 2}` {
				l.Errorf("%+v", c)
			}
		}
		if !slices.Equal(got, want) {
			l.Errorf("of the runs %v, want %v", got, want)
		}
	})
}

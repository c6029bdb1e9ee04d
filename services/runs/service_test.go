package runs_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo/journal"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/test/kit"
)

// trigger starts a run, which must begin.
func (l *lab) trigger(r runs.Request) models.Run {
	l.Helper()
	run, err := l.Trigger(l.Context(), r)
	if err != nil {
		l.Fatal(err)
	}
	return run
}

// synced makes a run, which must succeed, and waits for it.
func (l *lab) synced(r runs.Request) runs.Outcome {
	l.Helper()
	run := l.trigger(r)
	o := <-l.ended
	if o.Run.ID != run.ID || o.Run.State != models.Succeeded {
		l.Fatalf("triggered %d, ended %+v", run.ID, o)
	}
	return o
}

func (l *lab) state() runs.State {
	l.Helper()
	status, err := l.Status(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	return status.State
}

func TestTriggeredRun(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		if s := l.state(); s != runs.Never {
			l.Errorf("before: %s", s)
		}
		o := l.synced(runs.Request{Mode: models.FullRun})
		if o.Run.Mode != models.FullRun || o.Run.Reasons != nil || len(o.Tables) != 5 || o.Tables[3].Inserted != 20 || l.version.Load() < 2 {
			l.Errorf("%+v, version %d", o, l.version.Load())
		}
		if s := l.state(); s != runs.Healthy {
			l.Errorf("after: %s", s)
		}
		o = l.synced(runs.Request{Mode: models.IncrementalRun})
		if became := l.store.DB.Kind() == database.SQLite; became != (o.Run.Mode == models.FullRun) || became != (o.Run.Reasons != nil) {
			l.Errorf("%+v", o.Run)
		}
	})
}

// TestOneRunOfManyTriggers starts many at once, through two processes: one begins, the others are told
// which.
func TestOneRunOfManyTriggers(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		l.engine.hold.Store(true)
		other := l.service()
		if l.store.DB.Kind() == database.SQLite {
			other = l.Service // another process waits 5 s for the file, and is told nothing new
		}
		const n = 8
		ids, began := make(chan int64, n), make(chan int64, n)
		var group sync.WaitGroup
		for i := range n {
			group.Go(func() {
				service := l.Service
				if i%2 == 1 {
					service = other
				}
				run, err := service.Trigger(l.Context(), runs.Request{})
				if way, ok := errors.AsType[*runs.UnderWayError](err); ok {
					ids <- way.Run.ID
					return
				}
				if err != nil {
					l.Error(err)
				}
				began <- run.ID
			})
		}
		group.Wait()
		close(began)
		close(ids)
		id, more := <-began, len(began)
		if more != 0 || id == 0 {
			l.Fatalf("run %d and %d others began", id, more)
		}
		for told := range ids {
			if told != id {
				l.Errorf("told of run %d, not %d", told, id)
			}
		}
		close(l.engine.release)
		if o := <-l.ended; o.Run.ID != id || o.Run.State != models.Succeeded {
			l.Errorf("%+v", o)
		}
	})
}

func TestCancelOwnRun(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		l.engine.hold.Store(true)
		run := l.trigger(runs.Request{})
		if s := l.state(); s != runs.Running {
			l.Errorf("during: %s", s)
		}
		canceled, err := l.Cancel(l.Context(), run.ID)
		if err != nil || canceled.ID != run.ID || !canceled.CancelRequested {
			l.Fatalf("%+v, %v", canceled, err)
		}
		if o := <-l.ended; o.Run.State != models.CanceledRun || !o.Run.CancelRequested {
			l.Errorf("%+v", o)
		}
		kept, err := journal.New(l.store.Session).Run(l.Context(), run.ID)
		if err != nil || kept.State != models.CanceledRun || !kept.CancelRequested {
			l.Errorf("%+v, %v", kept, err)
		}
		if s := l.state(); s != runs.Never {
			l.Errorf("after: %s", s)
		}
		_, err = l.Cancel(l.Context(), run.ID)
		want(l, err, models.Conflict)
		_, err = l.Cancel(l.Context(), run.ID+1000)
		want(l, err, models.NotFound)
		l.synced(runs.Request{})
	})
}

// TestCancelRunOfAnotherProcess asks by way of pmo_db, where both can write.
func TestCancelRunOfAnotherProcess(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		other := l.service()
		if l.store.DB.Kind() == database.SQLite {
			l.engine.hold.Store(true)
			run := l.trigger(runs.Request{})
			_, err := other.Cancel(l.Context(), run.ID)
			want(l, err, models.Conflict)
			close(l.engine.release)
			<-l.ended
			return
		}
		conn, err := l.pmo.BeginConn(l.Context(), database.Write)
		if err != nil {
			l.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Exec(l.Context(), "LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE"); err != nil { // the run waits for it
			l.Fatal(err)
		}
		run := l.trigger(runs.Request{})
		if _, err := other.Cancel(l.Context(), run.ID); err != nil {
			l.Fatal(err)
		}
		if o := <-l.ended; o.Run.State != models.CanceledRun {
			l.Errorf("%+v, %v", o, o.Run.Err())
		}
		if kept, err := journal.New(l.store.Session).Run(l.Context(), run.ID); err != nil || kept.State != models.CanceledRun || !kept.CancelRequested {
			l.Errorf("%+v, %v", kept, err)
		}
	})
}

// TestDeadRunIsNotUnderWay tells a run whose process died from one under way, without a run.
func TestDeadRunIsNotUnderWay(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		if l.store.DB.Kind() == database.SQLite {
			return // there only the next run finds out
		}
		l.synced(runs.Request{})
		l.exec(l.pmo, "INSERT INTO lifecycle_sync_runs (mode, state, started_at) VALUES ('full', 'running', now())")
		if s := l.state(); s != runs.Failed {
			l.Errorf("%s", s)
		}
		status, _ := l.Status(l.Context())
		if status.LastRun.State != models.Interrupted || status.LastRun.FinishedAt == nil {
			l.Errorf("%+v", status.LastRun)
		}
		l.exec(l.pmo, "INSERT INTO lifecycle_sync_runs (id, mode, state, started_at) VALUES (77, 'full', 'running', now())")
		_, err := l.Cancel(l.Context(), 77)
		want(l, err, models.Conflict)
	})
}

// TestCloseCancels ends what is under way, and then the streams, which hear of it.
func TestCloseCancels(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		reader, err := l.Follow(l.Context(), "")
		if err != nil {
			l.Fatal(err)
		}
		defer reader.Close()
		l.engine.hold.Store(true)
		run := l.trigger(runs.Request{})
		l.Close()
		var finished *runs.Outcome
		for {
			batch, open := reader.Next(time.Minute)
			for _, e := range batch {
				if o, ok := e.Data.(runs.Outcome); ok {
					finished = &o
				}
			}
			if !open {
				break
			}
		}
		if finished == nil || finished.Run.ID != run.ID || finished.Run.State != models.CanceledRun {
			l.Errorf("%+v", finished)
		}
		if kept, err := journal.New(l.store.Session).Run(l.Context(), run.ID); err != nil || kept.State != models.CanceledRun || kept.CancelRequested {
			l.Errorf("%+v, %v", kept, err)
		}
	})
}

// TestRunWaitsForAnAPIWrite does not take the moment's lock of an API write for a run.
func TestRunWaitsForAnAPIWrite(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		l.synced(runs.Request{})
		tx, err := mirrordb.New(l.store).BeginRefresh(l.Context(), time.Now())
		if err != nil {
			l.Fatal(err)
		}
		begun := make(chan error, 1)
		go func() {
			_, err := l.Trigger(l.Context(), runs.Request{})
			begun <- err
		}()
		if l.store.DB.Kind() == database.Postgres { // SQLite does not tell who waits
			l.untilSomebodyWaits()
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

// untilSomebodyWaits waits until a session waits for one of pmo_db's advisory locks.
func (l *lab) untilSomebodyWaits() {
	l.Helper()
	kit.Eventually(l, "somebody waits", func() bool {
		return kit.One[bool](l, l.pmo.SQL, `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`)
	})
}

// TestRunThatCannotBegin answers why.
func TestRunThatCannotBegin(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		l.exec(l.pmo, "ALTER TABLE lifecycle_sync_runs RENAME TO elsewhere")
		_, err := l.Trigger(l.Context(), runs.Request{})
		want(l, err, models.Schema)
		l.exec(l.pmo, "ALTER TABLE elsewhere RENAME TO lifecycle_sync_runs")
		l.synced(runs.Request{})
	})
}

// TestOneComparisonAtATime refuses a second dry run or verification.
func TestOneComparisonAtATime(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		l.synced(runs.Request{})
		l.exec(l.pmo, "UPDATE tbl_produk_lifecycle SET produk = 'edited' WHERE id = 3")
		v, err := l.Verify(l.Context())
		if err != nil || v.Equal || len(v.Differences) != 1 || v.Differences[0].ID != 3 || v.Differences[0].Table != "tbl_produk" {
			l.Fatalf("%+v, %v", v, err)
		}
		cause, count := mirror.Drift, models.Differences{Drift: 1}
		if l.store.DB.Kind() == database.SQLite {
			cause, count = mirror.Unknown, models.Differences{Unknown: 1}
		}
		if v.Count != count || v.Differences[0].Cause != cause {
			l.Errorf("%+v", v)
		}
		status, err := l.Status(l.Context())
		if err != nil || status.Verified == nil || status.Verified.ID != v.Run.ID || status.State != runs.Healthy {
			l.Errorf("%+v, %v", status, err)
		}
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
				want(l, err, models.Conflict)
			}
		}
		if _, err := l.Verify(l.Context()); err != nil {
			l.Errorf("afterwards: %v", err)
		}
	})
}

// TestDryRunIsApplied applies what a dry run has found, and refuses it when that has changed: which is nobody's
// fault, and says nothing of how the mirror stands.
func TestDryRunIsApplied(t *testing.T) {
	t.Parallel()
	each(t, func(l *lab) {
		l.synced(runs.Request{})
		l.exec(l.lc, "UPDATE tbl_produk SET harga = 7 WHERE id = 3")
		dry := l.trigger(runs.Request{DryRun: true})
		if o := <-l.ended; dry.Digest == nil || o.Run.Digest == nil || *o.Run.Digest != *dry.Digest {
			l.Fatalf("%+v", o)
		}
		l.exec(l.lc, "UPDATE tbl_produk SET harga = 8 WHERE id = 3")
		begun := l.trigger(runs.Request{Mode: models.FullRun, Digest: *dry.Digest})
		refused := <-l.ended
		if begun.ID != refused.Run.ID || *begun.Digest != *dry.Digest || refused.Run.State != models.Failed || *refused.Run.ErrorClass != string(models.Conflict) ||
			*refused.Run.Digest == *dry.Digest || len(refused.Tables) != 5 || refused.Tables[3].Updated != 1 || refused.Wrote() {
			l.Fatalf("%+v", refused)
		}
		changes, total, err := journal.New(l.store.Session).RunChanges(l.Context(), refused.Run.ID, 0, 10)
		if err != nil || total != 1 || changes[0].RowID != 3 || string(changes[0].After) != `{"harga":8}` {
			l.Errorf("%+v, %v", changes, err)
		}
		if s := l.state(); s != runs.Healthy {
			l.Errorf("after it was refused: %s", s)
		}
		if o := l.synced(runs.Request{Mode: models.FullRun, Digest: *refused.Run.Digest}); o.Tables[3].Updated != 1 || *o.Run.Digest != *refused.Run.Digest {
			l.Errorf("%+v", o)
		}
	})
}

package activities_test

import (
	"slices"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// fixture is a mirror of a few products, with the activity of a write that is about to delete products 3 and 4.
type fixture struct {
	*databases.Pair

	write string // its id
}

func newFixture(t *testing.T, url func(testing.TB) string) *fixture {
	t.Helper()
	f := &fixture{Pair: databases.New(t, url, 6, 0), write: "write"}
	f.sync()
	f.inTx(func(p *pmo.Session) error {
		activity := models.Activity{Action: models.DeleteAction, Channel: models.APIChannel, Pending: true, WriteID: &f.write}
		changes := []models.ActivityChange{f.deletion(3), f.deletion(4)}
		return activities.New(p).Add(t.Context(), &activity, changes)
	})
	return f
}

func (f *fixture) deletion(id int64) models.ActivityChange {
	return models.ActivityChange{Table: "products", RowID: id, ProductID: &id, Before: models.JSON(`{}`)}
}

func (f *fixture) sync() {
	f.Helper()
	if _, err := f.Engine.Sync(f.Context(), mirror.Request{}, mirror.Silent{}); err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) inTx(do func(p *pmo.Session) error) {
	f.Helper()
	if err := f.Store.InTx(f.Context(), do); err != nil {
		f.Error(err)
	}
}

// remove removes the activity of the write, which did not commit.
func (f *fixture) remove() {
	f.inTx(func(p *pmo.Session) error {
		_, err := activities.New(p).Settle(f.Context(), f.write, false)
		return err
	})
}

// wantDirect wants that the activities of runs, newest first, deleted these products.
func (f *fixture) wantDirect(want ...[]int64) {
	f.Helper()
	list, total, err := activities.New(f.Store.Session).List(f.Context(), activities.Filter{}, 0, 10)
	if err != nil || int(total) != len(want) {
		f.Fatalf("%d activities, want %d (%v)", total, len(want), err)
	}
	for i, a := range list {
		products, err := activities.New(f.Store.Session).Products(f.Context(), a)
		if err != nil || a.Action != models.SyncAction || !slices.Equal(products, want[i]) || a.ChangeCount != int64(len(want[i])) {
			f.Errorf("the activity %+v is about the products %v, want %v (%v)", a, products, want[i], err)
		}
	}
}

// TestSettle_KeepsDirectChangesOfARemovedActivity: until the outcome of a write is known, a direct deletion of a row that it wanted to
// delete looks like its own.
func TestSettle_KeepsDirectChangesOfARemovedActivity(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		f := newFixture(t, url)
		kit.Exec(t, f.Source, "DELETE FROM tbl_produk WHERE id = 3")
		f.sync()
		f.wantDirect()
		kit.Exec(t, f.Source, "DELETE FROM tbl_produk WHERE id IN (4, 5)")
		f.sync()
		f.wantDirect([]int64{5})
		f.remove()
		f.wantDirect([]int64{4, 5}, []int64{3})
		if n := kit.One[int](t, f.Target, "SELECT count(*) FROM lifecycle_activity_changes"); n != 0 {
			t.Errorf("%d changes of no activity", n)
		}
	})
}

// TestSettle_WaitsForRunsThatLinkChanges: an activity is removed after a run that is linking a change to it has committed.
func TestSettle_WaitsForRunsThatLinkChanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t, testdb.Postgres)
	var removed chan struct{}
	f.inTx(func(p *pmo.Session) error {
		now := kit.Now()
		run := models.Run{Mode: models.FullRun, State: models.Succeeded, StartedAt: now, FinishedAt: &now}
		if err := p.Gorm(t.Context()).Create(&run).Error; err != nil {
			return err
		}
		product := int64(3)
		change := models.LoggedChange{RunID: run.ID, Table: "products", RowID: product, ProductID: &product, Action: string(mirror.Delete), Before: models.JSON(`{}`)}
		linked, err := activities.New(p).Link(t.Context(), []models.LoggedChange{change})
		if err != nil || len(linked) != 1 || linked[0].ActivityID == nil {
			t.Errorf("linked: %+v (%v)", linked, err)
		}
		if err := journal.New(p).LogChanges(t.Context(), linked); err != nil {
			return err
		}
		removed = make(chan struct{})
		go func() { defer close(removed); f.remove() }()
		f.awaitLockOrEnd(removed)
		return nil
	})
	<-removed
	f.wantDirect([]int64{3})
}

// awaitLockOrEnd returns when a session waits for a lock, or a goroutine has ended.
func (f *fixture) awaitLockOrEnd(ended chan struct{}) {
	f.Helper()
	kit.Eventually(f, "the removal waits or ends", func() bool {
		select {
		case <-ended:
			return true
		case <-time.After(10 * time.Millisecond):
			return kit.One[bool](f, f.Target, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')")
		}
	})
}

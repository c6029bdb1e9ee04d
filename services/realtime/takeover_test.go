package realtime_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

func TestFollow_StandbyTakesOver(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	first := l.follows()
	second := l.follow()
	_ = second.until(realtime.Standby, 1)
	l.change("UPDATE tbl_produk SET harga = 1 WHERE id = 1")
	l.caughtUp()
	first.stop()
	l.change("UPDATE tbl_produk SET harga = 2 WHERE id = 1") // possibly while no follower is active
	_ = second.until(realtime.Following, 1)
	l.caughtUp()
	l.equal()
	l.wantRuns(models.FullRun, "succeeded") // of the first follower: for the second, the log continues at the watermark
	l.wantRuns(models.IncrementalRun)
}

func TestFollow_Reconnects(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	f := l.follows()
	for i := range 3 {
		l.change("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'lifecycle-sync follower'",
			fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id = 1", i))
		_ = f.until(realtime.Following, i+2)
		l.caughtUp()
		l.equal()
	}
}

// TestFollow_ComparesEveryRow after the slot is lost, and after pmo_db is restored to a state before the confirmed position.
func TestFollow_ComparesEveryRow(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	f := l.follows()
	for _, happen := range []func(){
		func() {
			l.eventually(l.Source, "SELECT NOT active FROM pg_replication_slots WHERE database = current_database()")
			l.change("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()", "UPDATE tbl_produk SET harga = 1 WHERE id = 1")
		},
		func() { kit.Exec(l, l.Target, "UPDATE lifecycle_sync_watermark SET lsn = 1") },
	} {
		l.caughtUp()
		f.stop()
		happen()
		kit.Exec(l, l.Target, "UPDATE tbl_produk_lifecycle SET harga = -1 WHERE id = 2")
		f = l.follows()
		l.equal()
	}
	l.wantRuns(models.FullRun, "succeeded", "reason.slot_lost", "reason.pmo_restored")
}

// TestFollow_OriginalAndCopy follows both at once, each from its own slot.
func TestFollow_OriginalAndCopy(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	f := l.follows()
	l.caughtUp()
	f.stop()
	c := l.copied()
	kit.Exec(t, c.Target, "UPDATE tbl_produk_lifecycle SET harga = -1 WHERE id = 2") // only a full run finds it
	l.follows()
	c.follows()
	l.change("UPDATE tbl_produk SET harga = 3 WHERE id = 1")
	for _, mirror := range []*fixture{l, c} {
		mirror.caughtUp()
		mirror.equal()
	}
	l.wantRuns(models.FullRun, "succeeded")
	c.wantRuns(models.FullRun, "succeeded", "reason.")
	if !l.holds(l.Source, "SELECT count(*) = 2 FROM pg_replication_slots WHERE active AND database = current_database()") {
		t.Error("both have the same slot")
	}
}

// copied returns a fixture with a copy of pmo_db. No follower may be active.
func (l *fixture) copied() *fixture {
	l.Helper()
	name := kit.One[string](l, l.Target, "SELECT current_database()")
	l.change("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '" + name + "'") // a template has no users
	c := databases.At(l.TB, l.SourceURL, testdb.Created(l, "TEMPLATE "+name))
	l.Pair = databases.At(l.TB, l.SourceURL, l.TargetURL)
	return &fixture{c}
}

// TestFollow_WritesDuringRuns also writes while the slot is created.
func TestFollow_WritesDuringRuns(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for i := range 120 {
				id := 1 + (w+3*i)%120
				l.change(fmt.Sprintf("UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1 WHERE id = %d", id),
					fmt.Sprintf("INSERT INTO tbl_stage_histori (id_produk, stage_now) VALUES (%d, 1 + %d %% 4)", id, i))
			}
		})
	}
	f := l.follow()
	for i := range 4 {
		mode := []string{models.FullRun, models.IncrementalRun}[i%2]
		if _, err := l.Engine.Sync(l.Context(), mirror.Request{Mode: mode}, mirror.Silent{}); err != nil && models.AsError(err).Class != models.Busy {
			t.Fatal(err)
		}
		if _, err := l.Engine.Refresh(l.Context(), mirror.ChangedRows{"tbl_produk": {int64(i + 1)}}, 0); err != nil && models.AsError(err).Class != models.Busy {
			t.Fatal(err)
		}
	}
	writers.Wait()
	_ = f.until(realtime.Following, 1)
	l.caughtUp()
	l.equal()
	if l.holds(l.Target, "SELECT EXISTS (SELECT FROM lifecycle_sync_runs WHERE state = 'running' AND mode <> 'realtime')") {
		t.Error("a run is left running")
	}
}

func TestFollow_ReportsObstacles(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	role, as := testdb.Role(t, l.SourceURL)
	l.change("GRANT SELECT ON ALL TABLES IN SCHEMA public TO " + role)
	l.Connect(as, l.TargetURL)
	for _, test := range []struct {
		happens string
		want    []string
	}{
		{"ALTER ROLE " + role + " REPLICATION", []string{"lifecycle.publish_denied", "CREATE PUBLICATION lifecycle_sync FOR TABLE tbl_segmen, tbl_stage, tbl_kategori, tbl_produk, tbl_stage_histori"}},
		{"ALTER ROLE " + role + " NOREPLICATION; CREATE PUBLICATION lifecycle_sync FOR ALL TABLES", []string{"lifecycle.replication_denied", "lifecycle.replication_denied_remedy"}},
		{"ALTER PUBLICATION lifecycle_sync SET (publish = 'insert, update')", []string{"lifecycle.publication_incomplete", "tbl_segmen", "DROP PUBLICATION lifecycle_sync"}},
		{"ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING", []string{"realtime.harmful", "table=tbl_produk", "DROP PUBLICATION"}},
		{"ALTER TABLE tbl_stage DROP CONSTRAINT tbl_stage_pkey; CREATE UNIQUE INDEX ON tbl_stage (id)", []string{"realtime.harmful", "table=tbl_stage", "DROP PUBLICATION"}},
	} {
		l.change(test.happens)
		f := l.follow()
		e := models.AsError(f.until(realtime.Unavailable, 1))
		f.stop()
		for _, want := range test.want {
			if e == nil || e.Remedy == nil || !strings.Contains(fmt.Sprint(e, e.Remedy, e.Remedy.Command), want) {
				t.Errorf("%v does not say %q", e, want)
			}
		}
	}
	if _, err := l.Engine.Sync(l.Context(), mirror.Request{Mode: models.IncrementalRun}, mirror.Silent{}); err != nil {
		t.Errorf("a run without real-time sync: %v", err)
	}
}

// TestFollow_PartitionPublishedAsItsParent makes a table a partition whose changes are published under its parent's name.
func TestFollow_PartitionPublishedAsItsParent(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	l.change("CREATE PUBLICATION lifecycle_sync FOR ALL TABLES WITH (publish_via_partition_root)", "CREATE TABLE semua (LIKE tbl_stage_histori) PARTITION BY RANGE (id)",
		"ALTER TABLE tbl_stage_histori ALTER COLUMN id DROP IDENTITY") // which a partition cannot have since PostgreSQL 17
	f := l.follows()
	l.change("ALTER TABLE semua ATTACH PARTITION tbl_stage_histori DEFAULT")
	if e := models.AsError(f.until(realtime.Unavailable, 1)); e.Text.String() != "lifecycle.publication_incomplete publication=lifecycle_sync tables=[tbl_stage_histori]" {
		t.Error(e)
	}
	f.stop()
	l.change("DROP PUBLICATION lifecycle_sync")
	l.follows()
	l.change("UPDATE semua SET catatan = 'x' WHERE id = 3", "DELETE FROM tbl_stage_histori WHERE id = 4")
	l.caughtUp()
	l.equal()
}

// TestFollow_RefusesHarmfulTables changes a table before real-time sync starts, or while it follows. lifecycle_db must accept
// changes afterwards, and runs must still work.
func TestFollow_RefusesHarmfulTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, change, want, repair string }{
		{"deferrable key", "ALTER TABLE tbl_stage_histori DROP CONSTRAINT tbl_stage_histori_pkey, ADD PRIMARY KEY (id) DEFERRABLE",
			"realtime.no_identity table=tbl_stage_histori", "ALTER TABLE tbl_stage_histori REPLICA IDENTITY FULL"},
		{"no key", "ALTER TABLE tbl_stage_histori DROP CONSTRAINT tbl_stage_histori_pkey; CREATE UNIQUE INDEX ON tbl_stage_histori (id)",
			"realtime.no_identity table=tbl_stage_histori", "ALTER TABLE tbl_stage_histori REPLICA IDENTITY FULL"},
		{"replica identity nothing", "ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING",
			"realtime.no_identity table=tbl_produk", "ALTER TABLE tbl_produk REPLICA IDENTITY DEFAULT"},
		{"child table", "CREATE TABLE arsip () INHERITS (tbl_stage_histori)", "realtime.has_children table=tbl_stage_histori", "ALTER TABLE arsip NO INHERIT tbl_stage_histori"},
		{"harmless table before a harmful one", "CREATE TABLE arsip () INHERITS (tbl_stage); ALTER TABLE tbl_stage_histori REPLICA IDENTITY NOTHING",
			"realtime.has_children table=tbl_stage", "DROP TABLE arsip; ALTER TABLE tbl_stage_histori REPLICA IDENTITY DEFAULT"},
	} {
		for _, early := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s early=%t", c.name, early), func(t *testing.T) {
				t.Parallel()
				l := newFixture(t)
				var f *following
				if early {
					l.change(c.change)
					f = l.follow()
				} else {
					f = l.follows()
					l.change(c.change)
				}
				if e := models.AsError(f.until(realtime.Unavailable, 1)); e == nil || e.Text.String() != c.want {
					t.Errorf("%v, want %s", e, c.want)
				}
				l.eventually(l.Source, "SELECT count(*) = 0 FROM pg_replication_slots WHERE database = current_database()")
				l.change("UPDATE tbl_produk SET harga = 9 WHERE id = 3", "UPDATE tbl_stage_histori SET catatan = 'x' WHERE id = 3", "DELETE FROM tbl_stage_histori WHERE id = 4")
				if _, err := l.Engine.Sync(l.Context(), mirror.Request{Mode: models.FullRun}, mirror.Silent{}); err != nil {
					t.Error(err)
				}
				l.equal()
				f.stop()
				l.change(c.repair)
				l.follows()
				l.caughtUp()
				l.equal()
			})
		}
	}
}

// TestFollow_RemovesAPublicationThatBlocksUpdates publishes only ids, which is enough until the whole row identifies it: then lifecycle_db would
// refuse changes.
func TestFollow_RemovesAPublicationThatBlocksUpdates(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	if l.holds(l.Source, "SELECT current_setting('server_version_num')::integer < 150000") {
		t.Skip("PostgreSQL 14 has no column lists")
	}
	l.change("CREATE PUBLICATION lifecycle_sync FOR TABLE tbl_segmen (id), tbl_stage, tbl_kategori, tbl_produk, tbl_stage_histori")
	l.follows()
	l.change("UPDATE tbl_segmen SET segmen = 'one' WHERE id = 1")
	l.caughtUp()
	l.change("ALTER TABLE tbl_segmen REPLICA IDENTITY FULL")
	kit.Eventually(t, "lifecycle_db accepts changes", func() bool {
		_, err := l.Source.ExecContext(t.Context(), "UPDATE tbl_segmen SET segmen = 'two' WHERE id = 1")
		return err == nil
	})
	l.caughtUp()
	l.equal()
}

// TestFollow_StandbyKeepsAGoodSlot drops the publication again and again, so that either process may be the one that notices and
// replaces the slot. The other must neither drop the new slot nor call that an error.
func TestFollow_StandbyKeepsAGoodSlot(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	l := newFixture(t)
	first := l.follows()
	second := l.follow()
	_ = second.until(realtime.Standby, 1)
	for i := range 8 {
		l.change("DROP PUBLICATION IF EXISTS lifecycle_sync")
		l.change(fmt.Sprintf("UPDATE tbl_produk SET harga = %d WHERE id = 3", i))
		l.caughtUp()
	}
	for _, f := range []*following{first, second} {
		f.mu.Lock()
		if slices.ContainsFunc(f.statuses, func(s realtime.Status) bool { return s.Err != nil }) {
			t.Errorf("%+v", f.statuses)
		}
		f.mu.Unlock()
	}
	l.equal()
}

// TestFollow_SlotDroppedBeforeItIsUsed drops the slot between its preparation and its use.
func TestFollow_SlotDroppedBeforeItIsUsed(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	slot, err := l.Lifecycle.PrepareSlot(t.Context(), "lifecycle_sync_uji", models.Tables(), false)
	if err != nil {
		t.Fatal(err)
	}
	if dropped, err := l.Lifecycle.DropSlot(t.Context(), slot.Name); !dropped || err != nil {
		t.Fatal(dropped, err)
	}
	if _, err := l.Lifecycle.Follow(t.Context(), slot, models.Tables()); !errors.Is(err, lifecycle.ErrSlotUnusable) {
		t.Error(err)
	}
}

// TestFollow_QuietServer switches to a new WAL segment while nothing happens: no step may write into the WAL, because
// archive_timeout would then archive a segment each time. Rebuilt indexes are no reason for a run, either.
func TestFollow_QuietServer(t *testing.T) {
	t.Parallel()
	kit.Rare(t)
	l := newFixtureOn(t, testdb.NewCluster(t).Database(t), testdb.Postgres(t))
	l.follows()
	kit.Exec(t, l.Source, "REINDEX TABLE CONCURRENTLY tbl_produk")
	l.caughtUp()
	kit.Exec(t, l.Source, "SELECT pg_switch_wal()")
	steps := func() string {
		return kit.One[string](t, l.Target, "SELECT current_at::text FROM lifecycle_sync_watermark")
	}
	next := func() int64 {
		return kit.One[int64](t, l.Source, "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
	}
	xid := next()
	for range 3 {
		last := steps()
		kit.Eventually(t, "another step", func() bool { return steps() != last })
	}
	if now := next(); now != xid {
		t.Errorf("%d transactions on a quiet server", now-xid)
	}
	l.wantRuns(models.FullRun, "no_earlier_run")
}

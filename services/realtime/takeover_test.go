package realtime_test

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
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

// TestFollow_ComparesEveryRow after the slot is lost, or pmo_db is restored to a state before the confirmed position.
func TestFollow_ComparesEveryRow(t *testing.T) {
	t.Parallel()
	for reason, happen := range map[string]func(l *fixture){
		"slot_lost": func(l *fixture) {
			l.eventually(l.Source, "SELECT NOT active FROM pg_replication_slots WHERE database = current_database()")
			l.change("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = current_database()", "UPDATE tbl_produk SET harga = 1 WHERE id = 1")
		},
		"pmo_restored": func(l *fixture) { kit.Exec(l, l.Target, "UPDATE lifecycle_sync_watermark SET lsn = 1") },
	} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			l := newFixture(t)
			f := l.follows()
			l.caughtUp()
			f.stop()
			happen(l)
			kit.Exec(l, l.Target, "UPDATE tbl_produk_lifecycle SET harga = -1 WHERE id = 2")
			l.follows()
			l.equal()
			l.wantRuns(models.FullRun, "succeeded", "reason."+reason)
		})
	}
}

// TestFollow_OriginalAndCopy follows both at once, each from its own slot.
func TestFollow_OriginalAndCopy(t *testing.T) {
	t.Parallel()
	l := newFixture(t)
	f := l.follows()
	l.caughtUp()
	f.stop()
	c := l.copied()
	if l.slot() == c.slot() {
		t.Fatalf("both have the slot %s", l.slot())
	}
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
}

// copied returns a fixture with a copy of pmo_db. No follower may be active.
func (l *fixture) copied() *fixture {
	l.Helper()
	original, err := url.Parse(l.TargetURL)
	if err != nil {
		l.Fatal(err)
	}
	name := strings.TrimPrefix(original.Path, "/")
	copied := *original
	copied.Path += "_copy"
	l.change("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '" + name + "'") // a template has no users
	source := l.Source                                                                                       // outlives the connections opened below
	kit.Exec(l, source, "CREATE DATABASE "+name+"_copy TEMPLATE "+name)
	l.Cleanup(func() { kit.Exec(l.TB, source, "DROP DATABASE "+name+"_copy WITH (FORCE)") })
	l.Pair = databases.At(l.TB, l.SourceURL, l.TargetURL)
	return &fixture{databases.At(l.TB, l.SourceURL, copied.String())}
}

// slot returns the name of the replication slot.
func (l *fixture) slot() string {
	l.Helper()
	name, err := journal.New(l.Store.Session).SlotName(l.Context())
	if err != nil {
		l.Fatal(err)
	}
	return name
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
	for name, test := range map[string]struct {
		tables string // the statement that changes them first
		grant  string
		want   []string
	}{
		"no right to publish":   {"", "ALTER ROLE %s REPLICATION", []string{"lifecycle.publish_denied", "CREATE PUBLICATION lifecycle_sync FOR TABLE tbl_segmen, tbl_stage, tbl_kategori, tbl_produk, tbl_stage_histori"}},
		"no right to replicate": {"CREATE PUBLICATION lifecycle_sync FOR ALL TABLES", "", []string{"lifecycle.replication_denied", "lifecycle.replication_denied_remedy"}},
		"no key":                {"ALTER TABLE tbl_stage DROP CONSTRAINT tbl_stage_pkey; CREATE UNIQUE INDEX ON tbl_stage (id)", "", []string{"realtime.no_identity table=tbl_stage", "ALTER TABLE tbl_stage"}},
		"nothing identifies":    {"ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING", "", []string{"realtime.no_identity table=tbl_produk", "REPLICA IDENTITY DEFAULT"}},
		"half a publication":    {"CREATE PUBLICATION lifecycle_sync FOR ALL TABLES WITH (publish = 'insert, update')", "", []string{"lifecycle.publication_incomplete", "tbl_segmen", "DROP PUBLICATION lifecycle_sync"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newFixture(t)
			role := "test_" + strings.ToLower(rand.Text())
			l.change("CREATE ROLE "+role+" LOGIN PASSWORD 'rahasia'", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role)
			t.Cleanup(func() { l.change("DROP OWNED BY "+role, "DROP ROLE "+role) })
			if test.grant != "" {
				l.change(fmt.Sprintf(test.grant, role))
			}
			if test.tables != "" {
				l.change(test.tables)
			}
			u, err := url.Parse(l.SourceURL)
			if err != nil {
				t.Fatal(err)
			}
			u.User = url.UserPassword(role, "rahasia")
			l.Connect(u.String(), l.TargetURL)
			e := models.AsError(l.follow().until(realtime.Unavailable, 1))
			for _, want := range test.want {
				if e == nil || e.Remedy == nil || !strings.Contains(fmt.Sprint(e, e.Remedy, e.Remedy.Command), want) {
					t.Errorf("%v does not say %q", e, want)
				}
			}
			if _, err := l.Engine.Sync(l.Context(), mirror.Request{Mode: models.IncrementalRun}, mirror.Silent{}); err != nil {
				t.Errorf("a run without real-time sync: %v", err)
			}
		})
	}
}

package mirror_test

import (
	"fmt"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// incrementally makes an incremental run that must not become a full one, and returns its counts.
func (l *fixture) incrementally() map[string]models.TableCount {
	l.Helper()
	l.mode = models.IncrementalRun
	counts := l.sync()
	if mode, reason := l.lastRun(); mode != models.IncrementalRun || reason != "" {
		l.Fatalf("the run was %s: %s", mode, reason)
	}
	return counts
}

// lastRun returns the mode and reason of the newest run.
func (l *fixture) lastRun() (mode, reason string) {
	l.Helper()
	mode, reason, _ = strings.Cut(l.text("SELECT mode || ' ' || coalesce(CAST(reasons AS text), '') FROM lifecycle_sync_runs ORDER BY id DESC LIMIT 1"), " ")
	return mode, reason
}

// uncommitted runs statements in a transaction of lifecycle_db, which commit commits.
func (l *fixture) uncommitted(statements string) (commit func()) {
	l.Helper()
	tx, err := l.Source.BeginTx(l.Context(), nil)
	if err == nil {
		_, err = tx.ExecContext(l.Context(), statements)
	}
	if err != nil {
		l.Fatal(err)
	}
	return func() {
		if err := tx.Commit(); err != nil {
			l.Fatal(err)
		}
	}
}

func TestIncremental_FindsWhatUpdatedAtMisses(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.sync()
		commit := l.uncommitted(`UPDATE tbl_produk SET harga = 1, updated_at = '2001-01-01' WHERE id = 11;
			INSERT INTO tbl_stage (id, stage, updated_at) OVERRIDING SYSTEM VALUE VALUES (900, 'telat', '2001-01-01');
			SAVEPOINT here; UPDATE tbl_produk SET harga = 2 WHERE id = 12; RELEASE SAVEPOINT here;
			DELETE FROM tbl_stage_histori WHERE id = 101`)
		l.change("UPDATE tbl_produk SET harga = 3 WHERE id = 13")                    // without updated_at
		l.change("UPDATE tbl_produk SET harga = 4, updated_at = NULL WHERE id = 14") // without any updated_at
		l.change("UPDATE tbl_produk SET harga = 5, updated_at = (SELECT max(updated_at) FROM tbl_produk) WHERE id = 15")
		l.change("DELETE FROM tbl_stage_histori WHERE id = 102")
		got := l.incrementally()
		if got["products"].Updated != 3 || got["stage_history"].Deleted != 1 || got["stages"].Wrote() {
			l.Errorf("before the late commit: %+v", got)
		}
		l.equal()
		commit()
		got = l.incrementally()
		if got["products"].Updated != 2 || got["stage_history"].Deleted != 1 || got["stages"].Inserted != 1 {
			l.Errorf("after the late commit: %+v", got)
		}
		l.idle()
	})
}

// TestIncremental_FindsReplacedIDs keeps the number and the sum of the ids.
func TestIncremental_FindsReplacedIDs(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.change("DELETE FROM tbl_stage_histori WHERE id IN (110, 113)")
		l.settle()
		l.sync()
		l.change("DELETE FROM tbl_stage_histori WHERE id IN (111, 112)")
		l.change("INSERT INTO tbl_stage_histori (id, id_produk) OVERRIDING SYSTEM VALUE VALUES (110, 1), (113, 1)")
		if got := l.incrementally()["stage_history"]; got.Deleted != 2 || got.Inserted != 2 {
			l.Errorf("%+v", got)
		}
		l.equal()
	})
}

// TestIncremental_FollowsParents expects untouched children to leave and return with their parent.
func TestIncremental_FollowsParents(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.change("UPDATE tbl_stage_histori SET id_produk = 20 WHERE id IN (130, 140)")
		l.settle()
		l.sync()
		l.change("UPDATE tbl_produk SET tanggal_launch = 'infinity' WHERE id = 20")
		if got := l.incrementally(); got["products"].Quarantined != 1 || got["stage_history"].Quarantined != 2 {
			l.Errorf("%+v", got)
		}
		l.equal()
		l.change("UPDATE tbl_produk SET tanggal_launch = NULL WHERE id = 20")
		if got := l.incrementally(); got["products"].Released != 1 || got["stage_history"].Released != 2 {
			l.Errorf("%+v", got)
		}
		l.equal()
	})
}

// TestIncremental_ReadsOnlyNewRows expects drift to stay until a full run.
func TestIncremental_ReadsOnlyNewRows(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.change("INSERT INTO tbl_produk (id, produk) OVERRIDING SYSTEM VALUE SELECT g, 'banyak' FROM generate_series(1000, 3000) g")
		l.settle()
		l.sync()
		l.edit("UPDATE tbl_produk_lifecycle SET produk = 'palsu' WHERE id = 2000")
		l.change("UPDATE tbl_produk SET harga = 7 WHERE id = 1500")
		if got := l.incrementally()["products"]; got.Updated != 1 {
			l.Errorf("%+v", got)
		}
		if got := l.count("SELECT count(*) FROM tbl_produk_lifecycle WHERE produk = 'palsu'"); got != 1 {
			l.Error("an incremental run compared every row")
		}
		l.mode = models.FullRun
		if got := l.sync()["products"]; got.Updated != 1 {
			l.Errorf("%+v", got)
		}
		l.equal()
	})
}

// TestIncremental_FallsBackToFullRun covers every case in which the horizon proves nothing.
func TestIncremental_FallsBackToFullRun(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		edit := func(statement string) func() { return func() { l.edit(statement) } }
		forge := func(field, value string) func() {
			return edit(fmt.Sprintf("UPDATE lifecycle_sync_watermark SET source = jsonb_set(source::jsonb, '{%s}', '%s')::json", field, value))
		}
		l.small()
		l.sync()
		l.mode = models.IncrementalRun
		for _, c := range []struct {
			reason string
			happen func()
			undo   string // unless the full run has dealt with it
		}{
			{"reason.no_earlier_run", edit("DELETE FROM lifecycle_sync_watermark"), ""},
			{"reason.other_cluster", forge("system", `"1"`), ""},
			{"reason.timeline", forge("timeline", "7"), ""},
			{"reason.other_database", forge("database", "1"), ""},
			{"reason.standby_changed", forge("standby", "true"), ""},
			{"reason.server_restarted", forge("started", `"2001-01-01"`), ""},
			{`reason.table_new","params":{"table":"tbl_segmen"`, edit("UPDATE lifecycle_sync_watermark SET source = (source::jsonb #- '{tables,tbl_segmen}')::json"), ""},
			{"reason.source_restored", edit("UPDATE lifecycle_sync_watermark SET horizon = horizon + 1000000"), ""},
			{"reason.horizon_too_old", edit("UPDATE lifecycle_sync_watermark SET horizon = horizon - 1073741825"), ""},
			{"reason.keys_missing", edit("ALTER TABLE tbl_produk_lifecycle DROP CONSTRAINT tbl_produk_lifecycle_id_segmen_fkey"), ""},
			{"reason.trigger", edit("CREATE RULE r AS ON UPDATE TO tbl_stage_lifecycle DO ALSO NOTHING"), "DROP RULE r ON tbl_stage_lifecycle"},
			{`reason.table_changed","params":{"table":"tbl_stage"`, func() { // by a copy of itself
				l.change("CREATE TABLE other (LIKE tbl_stage INCLUDING ALL); INSERT INTO other OVERRIDING SYSTEM VALUE SELECT * FROM tbl_stage; DROP TABLE tbl_stage; ALTER TABLE other RENAME TO tbl_stage")
			}, ""},
			{`reason.table_changed","params":{"table":"tbl_produk"`, func() {
				l.change("ALTER TABLE tbl_produk DROP COLUMN harga; ALTER TABLE tbl_produk ADD COLUMN harga bigint DEFAULT 3")
			}, ""},
			{"reason.table_not_ordinary", func() {
				l.change("ALTER TABLE tbl_produk RENAME TO produk_asli; CREATE VIEW tbl_produk AS SELECT * FROM produk_asli")
			}, ""},
		} {
			l.edit("UPDATE tbl_produk_lifecycle SET harga = -1 WHERE id = 20") // only a full run finds it
			c.happen()
			l.sync()
			if mode, reason := l.lastRun(); mode != models.FullRun || !strings.Contains(reason, c.reason) {
				l.Errorf("%s: the run was %s: %s", c.reason, mode, reason)
			}
			l.equal()
			if c.undo != "" {
				l.edit(c.undo)
			}
			if c.reason != "reason.table_not_ordinary" { // that stays
				l.incrementally()
			}
		}
	})
}

func TestIncremental_IsFullOnSQLite(t *testing.T) {
	t.Parallel()
	l := newFixture(t, testdb.SQLite(t), testdb.SQLite(t))
	l.Migrate()
	l.small()
	l.sync()
	l.mode = models.IncrementalRun
	l.sync()
	if mode, reason := l.lastRun(); mode != models.FullRun || !strings.Contains(reason, "reason.sqlite") {
		t.Errorf("the run was %s: %s", mode, reason)
	}
}

// TestSync_WaitsForTruncatedTable truncates and refills a table in one transaction.
func TestSync_WaitsForTruncatedTable(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.small()
		l.sync()
		l.change("CREATE TABLE copy AS SELECT * FROM tbl_stage_histori")
		commit := l.uncommitted("TRUNCATE tbl_stage_histori; INSERT INTO tbl_stage_histori OVERRIDING SYSTEM VALUE SELECT * FROM copy")
		ended := make(chan error, 1)
		go func() {
			_, err := l.try()
			ended <- err
		}()
		for waiting := false; !waiting && len(ended) == 0; {
			const query = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND relation = 'tbl_stage_histori'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
			waiting = kit.One[bool](l, l.Source, query)
		}
		commit()
		if err := <-ended; err != nil {
			l.Fatalf("the run saw the table empty: %v", err)
		}
		l.equal()
	})
}

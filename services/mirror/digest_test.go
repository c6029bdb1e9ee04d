package mirror_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

// previewed returns a preview, even if the guard would stop the run.
func (l *fixture) dryRun() mirror.DryRun {
	l.Helper()
	p, err := l.Engine.DryRun(l.Context(), mirror.Request{}, mirror.Silent{}, nil)
	if err != nil && models.AsError(err).Class != models.MassDelete || !mirror.IsDigest(p.Digest) {
		l.Fatalf("%+v, %v", p, err)
	}
	return p
}

// applied makes a run with a digest, which must succeed.
func (l *fixture) applied(digest string, allow ...int64) {
	l.Helper()
	result, err := l.apply(digest, allow...)
	if err != nil {
		l.Fatal(err)
	}
	if recorded := l.text("SELECT mode || ' ' || state || ' ' || digest FROM lifecycle_sync_runs ORDER BY id DESC LIMIT 1"); recorded != "full succeeded "+digest || *result.Run.Digest != digest {
		l.Errorf("the record is %s, the result %+v", recorded, result.Run)
	}
	l.equal()
	if left := l.dryRun(); left.Found != 0 {
		l.Errorf("%+v is left", left)
	}
}

// changedTo makes a run with an outdated digest. It must change nothing and store the current preview, which is returned.
func (l *fixture) changedTo(digest string, allow ...int64) mirror.DryRun {
	l.Helper()
	before, now := l.state().without("lifecycle_sync_changes", "lifecycle_sync_run_tables"), l.dryRun()
	result, err := l.apply(digest, allow...)
	changed, is := errors.AsType[*mirror.DigestMismatchError](err)
	if e := models.AsError(err); !is || e.Class != models.Conflict || e.Transient || e.Text.Params["digest"] != now.Digest {
		l.Fatalf("the run ended with %v", err)
	}
	l.unchanged(before)
	if changed.DryRun.Digest != now.Digest || changed.DryRun.Found != now.Found || fmt.Sprint(byTable(result.Tables)) != fmt.Sprint(byTable(now.Tables)) {
		l.Errorf("%+v is reported, %+v is current", changed.DryRun, now)
	}
	recorded := journal.New(l.Store.Session)
	run, err := recorded.Run(l.Context(), result.Run.ID)
	if err != nil || run.State != models.Failed || *run.ErrorClass != string(models.Conflict) || *run.Digest != now.Digest || run.FinishedAt == nil {
		l.Fatalf("the record is %+v, %v", run, err)
	}
	if counts, err := recorded.RunTables(l.Context(), run.ID); err != nil || fmt.Sprint(byTable(counts)) != fmt.Sprint(byTable(now.Tables)) {
		l.Errorf("the recorded counts are %+v, %v", counts, err)
	}
	changes, total, err := recorded.RunChanges(l.Context(), run.ID, 0, 2000)
	for i := range now.Changes {
		now.Changes[i].RunID = run.ID
	}
	for i := range changes {
		changes[i].ID = 0
	}
	got, gotErr := json.Marshal(changes)
	want, wantErr := json.Marshal(now.Changes)
	if err = errors.Join(err, gotErr, wantErr); err != nil || int(total) != len(now.Changes) || !bytes.Equal(got, want) {
		l.Errorf("%d changes are recorded: %s, %v; must be %s", total, got, err, want)
	}
	return now
}

func TestDigest_AppliesThePreview(t *testing.T) {
	each(t, func(l *fixture) {
		l.small()
		l.sync()
		nothing := l.dryRun()
		l.change("UPDATE tbl_produk SET produk = 'baru', harga = NULL WHERE id = 20")
		l.change("UPDATE tbl_produk SET created_at = 'infinity' WHERE id = 30")
		l.change("DELETE FROM tbl_stage_histori WHERE id = 130")
		l.fill(l.Tables[4], 161, 163)
		l.edit("UPDATE tbl_stage_lifecycle SET stage = 'palsu' WHERE id = 1")
		first := l.dryRun()
		l.change("UPDATE tbl_produk SET produk = produk") // new row versions with the same values
		if again := l.dryRun(); again.Digest != first.Digest || first.Digest == nothing.Digest || first.Found == 0 || len(first.Changes) != first.Found {
			l.Errorf("first %+v, then %+v", first, again)
		}
		l.applied(first.Digest)
		l.applied(nothing.Digest) // nothing is left to change
		l.changedTo(first.Digest)
		l.idle()
	})
}

// TestDigest_RefusesOutdatedDryRun expects a new preview that can be applied.
func TestDigest_RefusesOutdatedDryRun(t *testing.T) {
	both(t, func(l *fixture) {
		l.small()
		first := l.dryRun()
		l.change("UPDATE tbl_segmen SET segmen = 'lain' WHERE id = 1")
		l.applied(l.changedTo(first.Digest).Digest)
		l.change("UPDATE tbl_produk SET harga = 7 WHERE id = 20")
		second := l.dryRun()
		l.edit("UPDATE tbl_produk_lifecycle SET harga = 8 WHERE id = 20") // the other side
		now := l.changedTo(second.Digest)
		l.change("UPDATE tbl_produk SET harga = 9 WHERE id = 20")
		l.applied(l.changedTo(now.Digest).Digest)
	})
}

func TestDigest_DiffersForEveryChange(t *testing.T) {
	both(t, func(l *fixture) {
		l.small()
		l.change("UPDATE tbl_produk SET harga = 1 WHERE id IN (20, 21)")
		l.sync()
		seen := map[string]string{l.dryRun().Digest: "nothing"}
		differs := func(run func(statement string, args ...any), statement string) {
			l.Helper()
			run(statement)
			digest := l.dryRun().Digest
			if other, ok := seen[digest]; ok {
				l.Errorf("%s has the digest of %s", statement, other)
			}
			seen[digest] = statement
		}
		differs(l.change, "UPDATE tbl_produk SET harga = 2 WHERE id = 21")
		l.change("UPDATE tbl_produk SET harga = 1 WHERE id = 21")
		for _, values := range []string{
			"harga = 2", "harga = NULL", "harga = 0", "harga = 4294967296", "deskripsi = NULL", "deskripsi = ''", "deskripsi = 'NULL'", "deskripsi = ' '",
			"deskripsi = 'caf\u00e9'", "deskripsi = 'cafe\u0301'", "produk = 'a', deskripsi = 'bc'", "produk = 'ab', deskripsi = 'c'", "tanggal_launch = NULL",
			"created_at = 'infinity'", "created_at = '-infinity'", "id_stage = 98", "created_at = NULL", "id_stage = 99", "id_stage = 1",
		} {
			differs(l.change, "UPDATE tbl_produk SET "+values+" WHERE id = 20")
		}
		differs(l.edit, "UPDATE tbl_produk_lifecycle SET harga = -1 WHERE id = 20") // another value before
		differs(l.change, "DELETE FROM tbl_stage_histori WHERE id = 130")
		differs(l.change, "DELETE FROM tbl_stage_histori WHERE id = 133")
		differs(l.change, "UPDATE tbl_segmen SET created_at = 'infinity' WHERE id = 2")
		differs(l.change, "UPDATE tbl_segmen SET created_at = '-infinity' WHERE id = 2")
		_, err := l.try()
		l.sync(l.allowed(models.AsError(err)))
		seen = map[string]string{l.dryRun().Digest: "nothing"} // from here on, the row is in quarantine
		differs(l.change, "UPDATE tbl_segmen SET created_at = 'infinity' WHERE id = 2")
		differs(l.change, "UPDATE tbl_segmen SET created_at = NULL WHERE id = 2")
		differs(l.change, "DELETE FROM tbl_segmen WHERE id = 2")
	})
}

func TestDigest_NeedsAllowanceForMassDelete(t *testing.T) {
	both(t, func(l *fixture) {
		l.small()
		l.sync()
		old := l.dryRun()
		l.change("DELETE FROM tbl_produk WHERE id > 20")
		found, err := l.Engine.DryRun(l.Context(), mirror.Request{}, mirror.Silent{}, nil)
		n := l.allowed(models.AsError(err))
		if n != 20 || found.Found != 20 || found.Digest == old.Digest {
			l.Fatalf("%+v, %v", found, err)
		}
		before := l.state()
		for _, allow := range [][]int64{nil, {19}, {21}} {
			result, err := l.apply(found.Digest, allow...)
			if e := models.AsError(err); e == nil || e.Class != models.MassDelete || l.allowed(e) != n || *result.Run.Digest != found.Digest {
				l.Errorf("%v allowed: %v", allow, err)
			}
		}
		l.unchanged(before)
		l.changedTo(old.Digest)
		l.changedTo(old.Digest, n)
		l.applied(found.Digest, n)
	})
}

// TestPreview_BeforeMigration expects inserts and quarantine, no new tables, and a digest that can be applied later.
func TestPreview_BeforeMigration(t *testing.T) {
	unmigrated(t, func(l *fixture) {
		l.small()
		l.change("UPDATE tbl_produk SET created_at = 'infinity' WHERE id = 30")
		var inserts, total int64
		dryRun, err := l.Engine.DryRun(l.Context(), mirror.Request{}, mirror.Silent{}, func(c mirror.Change) error {
			if c.Action == mirror.Insert {
				inserts++
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range dryRun.Tables {
			total += c.Inserted
		}
		if inserts != total || total < 100 {
			t.Errorf("%d inserts shown, %d counted", inserts, total)
		}
		if n := l.count(on(l, "SELECT count(to_regclass('tbl_produk_lifecycle'))", "SELECT count(*) FROM sqlite_schema WHERE name = 'tbl_produk_lifecycle'")); n != 0 {
			t.Error("the mirror's tables were created")
		}
		l.Migrate()
		l.applied(dryRun.Digest)
	})
}

// TestDigest_LargeSource compares every row instead of loading by COPY, and stores the first 1000 changes.
func TestDigest_LargeSource(t *testing.T) {
	onPostgres(t, func(l *fixture) {
		l.large()
		index, old := l.indexOID(), l.dryRun()
		l.change("UPDATE tbl_stage SET stage = 'baru' WHERE id = 1")
		now := l.changedTo(old.Digest)
		if len(now.Changes) != 1000 || now.Found < 1300 {
			l.Errorf("%d of %d changes are stored", len(now.Changes), now.Found)
		}
		if stored := l.text("SELECT changes_kept || ' of ' || changes_found FROM lifecycle_sync_runs ORDER BY id DESC LIMIT 1"); stored != fmt.Sprintf("1000 of %d", now.Found) {
			l.Errorf("the run records %q", stored)
		}
		l.applied(now.Digest)
		if index != l.indexOID() {
			l.Error("the mirror was loaded bare")
		}
	})
}

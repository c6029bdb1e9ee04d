package mirror_test

import (
	"errors"
	"fmt"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit/testdb"
)

// foreseen returns a preview, even if the guard would stop the run.
func (l *lab) foreseen() mirror.Preview {
	l.Helper()
	p, err := l.engine.Preview(l.Context(), mirror.Request{}, mirror.Silent{}, nil)
	if err != nil && models.AsError(err).Class != models.MassDelete || !mirror.IsDigest(p.Digest) {
		l.Fatalf("%+v, %v", p, err)
	}
	return p
}

// apply makes a run with a digest.
func (l *lab) apply(digest string, allow ...int64) (mirror.Result, error) {
	l.Helper()
	req := mirror.Request{Mode: l.mode, Digest: digest}
	if len(allow) > 0 {
		req.AllowDeletes = &allow[0]
	}
	return l.engine.Sync(l.Context(), req, mirror.Silent{})
}

// applied makes a run with a digest, which must succeed.
func (l *lab) applied(digest string, allow ...int64) {
	l.Helper()
	result, err := l.apply(digest, allow...)
	if err != nil {
		l.Fatal(err)
	}
	if kept := l.text("SELECT mode || ' ' || state || ' ' || digest FROM lifecycle_sync_runs ORDER BY id DESC LIMIT 1"); kept != "full succeeded "+digest || *result.Run.Digest != digest {
		l.Errorf("%s is kept, the result is %+v", kept, result.Run)
	}
	l.equal()
	if left := l.foreseen(); left.Found != 0 {
		l.Errorf("%+v is left", left)
	}
}

// changedTo makes a run with an outdated digest. It must change nothing and store the current preview, which is returned.
func (l *lab) changedTo(digest string, allow ...int64) mirror.Preview {
	l.Helper()
	mirrored := []string{"lifecycle_sync_quarantine", "lifecycle_sync_watermark"}
	for _, t := range l.tables {
		mirrored = append(mirrored, t.Mirror)
	}
	before, now := l.stateOf(mirrored...), l.foreseen()
	result, err := l.apply(digest, allow...)
	changed, is := errors.AsType[*mirror.DigestMismatchError](err)
	if e := models.AsError(err); !is || e.Class != models.Conflict || e.Transient || e.Text.Params["digest"] != now.Digest {
		l.Fatalf("the run ended with %v", err)
	}
	l.unchanged(before)
	if changed.Preview.Digest != now.Digest || changed.Preview.Found != now.Found || fmt.Sprint(byTable(result.Tables)) != fmt.Sprint(byTable(now.Tables)) {
		l.Errorf("%+v is told, %+v is there", changed.Preview, now)
	}
	run, err := journal.New(l.store.Session).Run(l.Context(), result.Run.ID)
	if err != nil || run.State != models.Failed || *run.ErrorClass != string(models.Conflict) || *run.Digest != now.Digest || run.FinishedAt == nil {
		l.Fatalf("%+v is kept, %v", run, err)
	}
	counts, err := journal.New(l.store.Session).RunTables(l.Context(), run.ID)
	if err != nil || fmt.Sprint(byTable(counts)) != fmt.Sprint(byTable(now.Tables)) {
		l.Errorf("%+v is kept, %v", counts, err)
	}
	kept, total, err := journal.New(l.store.Session).RunChanges(l.Context(), run.ID, 0, 2000)
	if err != nil || int(total) != len(now.Changes) {
		l.Fatalf("%d changes are kept, not %d, %v", total, len(now.Changes), err)
	}
	for i, c := range now.Changes {
		if c.RunID = run.ID; fmt.Sprint(kept[i]) != fmt.Sprint(c) {
			l.Errorf("%s is kept, not %s", fmt.Sprint(kept[i]), fmt.Sprint(c))
		}
	}
	return now
}

func TestDigest_AppliesThePreview(t *testing.T) {
	each(t, func(l *lab) {
		l.small()
		l.sync()
		nothing := l.foreseen()
		l.change("UPDATE tbl_produk SET produk = 'baru', harga = NULL WHERE id = 20")
		l.change("UPDATE tbl_produk SET created_at = 'infinity' WHERE id = 30")
		l.change("DELETE FROM tbl_stage_histori WHERE id = 130")
		l.fill(l.tables[4], 161, 163)
		l.edit("UPDATE tbl_stage_lifecycle SET stage = 'palsu' WHERE id = 1")
		first := l.foreseen()
		l.change("UPDATE tbl_produk SET produk = produk") // new row versions with the same values
		if again := l.foreseen(); again.Digest != first.Digest || first.Digest == nothing.Digest || first.Found == 0 || len(first.Changes) != first.Found {
			l.Errorf("first %+v, then %+v", first, again)
		}
		l.applied(first.Digest)
		l.applied(nothing.Digest) // nothing is left to change
		l.changedTo(first.Digest)
		l.idle()
	})
}

// TestDigest_RefusesOutdatedPreview expects a new preview that can be applied.
func TestDigest_RefusesOutdatedPreview(t *testing.T) {
	both(t, func(l *lab) {
		l.small()
		first := l.foreseen()
		l.change("UPDATE tbl_segmen SET segmen = 'lain' WHERE id = 1")
		l.applied(l.changedTo(first.Digest).Digest)
		l.change("UPDATE tbl_produk SET harga = 7 WHERE id = 20")
		second := l.foreseen()
		l.edit("UPDATE tbl_produk_lifecycle SET harga = 8 WHERE id = 20") // the other side
		now := l.changedTo(second.Digest)
		l.change("UPDATE tbl_produk SET harga = 9 WHERE id = 20")
		l.applied(l.changedTo(now.Digest).Digest)
	})
}

func TestDigest_DiffersForEveryChange(t *testing.T) {
	both(t, func(l *lab) {
		l.small()
		l.change("UPDATE tbl_produk SET harga = 1 WHERE id IN (20, 21)")
		l.sync()
		told := map[string]string{l.foreseen().Digest: "nothing"}
		differs := func(what string) {
			l.Helper()
			digest := l.foreseen().Digest
			if other, is := told[digest]; is {
				l.Errorf("%s has the digest of %s", what, other)
			}
			told[digest] = what
		}
		l.change("UPDATE tbl_produk SET harga = 2 WHERE id = 21")
		differs("a change of another row")
		l.change("UPDATE tbl_produk SET harga = 1 WHERE id = 21")
		for _, values := range []string{
			"harga = 2", "harga = NULL", "harga = 0", "harga = 4294967296", "deskripsi = NULL", "deskripsi = ''", "deskripsi = 'NULL'", "deskripsi = ' '",
			"deskripsi = 'caf\u00e9'", "deskripsi = 'cafe\u0301'", "produk = 'a', deskripsi = 'bc'", "produk = 'ab', deskripsi = 'c'", "tanggal_launch = NULL",
			"created_at = 'infinity'", "created_at = '-infinity'", "id_stage = 98", "created_at = NULL", "id_stage = 99", "id_stage = 1",
		} {
			l.change("UPDATE tbl_produk SET " + values + " WHERE id = 20")
			differs(values)
		}
		l.edit("UPDATE tbl_produk_lifecycle SET harga = -1 WHERE id = 20")
		differs("another value before")
		for _, statement := range []string{
			"DELETE FROM tbl_stage_histori WHERE id = 130", "DELETE FROM tbl_stage_histori WHERE id = 133", "UPDATE tbl_segmen SET created_at = 'infinity' WHERE id = 2",
			"UPDATE tbl_segmen SET created_at = '-infinity' WHERE id = 2",
		} {
			l.change(statement)
			differs(statement)
		}
		_, err := l.try()
		l.sync(l.allowed(models.AsError(err)))
		told = map[string]string{l.foreseen().Digest: "nothing"}
		l.change("UPDATE tbl_segmen SET created_at = 'infinity' WHERE id = 2")
		differs("another value of a row in quarantine")
		l.change("UPDATE tbl_segmen SET created_at = NULL WHERE id = 2")
		differs("a row that is released")
		l.change("DELETE FROM tbl_segmen WHERE id = 2")
		differs("a row that is gone while in quarantine")
	})
}

func TestDigest_NeedsAllowanceForMassDelete(t *testing.T) {
	both(t, func(l *lab) {
		l.small()
		l.sync()
		old := l.foreseen()
		l.change("DELETE FROM tbl_produk WHERE id > 20")
		found, err := l.engine.Preview(l.Context(), mirror.Request{}, mirror.Silent{}, nil)
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

// TestDigest_BeforeMigration applies a preview made before pmo_db had tables, including quarantine.
func TestDigest_BeforeMigration(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := bareLab(t, url(t), url(t))
		l.createSource()
		l.small()
		l.change("UPDATE tbl_produk SET created_at = 'infinity' WHERE id = 30")
		found := l.foreseen()
		l.migrate()
		l.applied(found.Digest)
	})
}

// TestDigest_LargeSource compares every row instead of loading by COPY, and keeps the first 1000 changes.
func TestDigest_LargeSource(t *testing.T) {
	onPostgres(t, func(l *lab) {
		l.large()
		index, old := l.indexOID(), l.foreseen()
		l.change("UPDATE tbl_stage SET stage = 'baru' WHERE id = 1")
		now := l.changedTo(old.Digest)
		if len(now.Changes) != 1000 || now.Found < 4800 {
			l.Errorf("%d of %d changes are kept", len(now.Changes), now.Found)
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

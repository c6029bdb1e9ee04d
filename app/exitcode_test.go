package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit/testdb"
)

func TestSync_PrintsTheKnownLinesWithoutConfiguration(t *testing.T) {
	t.Parallel()
	s := &site{TB: t, dir: t.TempDir()}
	for _, what := range []string{"inserted", "unchanged"} {
		want := strings.ReplaceAll(`🔄 Starting data synchronization from lifecycle_db to pmo_db...
✅ Connected to lifecycle_db
📋 Creating tables if they don't exist...
✅ Tables created/verified
🔄 Syncing segments...
✅ Synced 5 segments (5 WHAT)
🔄 Syncing stages...
✅ Synced 4 stages (4 WHAT)
🔄 Syncing categories...
✅ Synced 5 categories (5 WHAT)
🔄 Syncing products...
✅ Synced 211 products (211 WHAT)
🔄 Syncing stage history...
✅ Synced 45 stage history records (45 WHAT)
🎉 Data synchronization completed successfully!
`, "WHAT", what)
		if e := s.must(0, "sync"); e.stdout != want || e.stderr != "" {
			t.Errorf("printed %s\nmust print\n%s", e, want)
		}
	}
}

func TestMain_ExitCodes(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url)
		s.must(1, "verify") // not migrated
		s.must(0, "seed")
		s.must(1, "seed") // not empty
		s.must(0, "migrate")
		s.must(3, "verify")
		s.must(0, "sync", "--dry-run")
		s.must(3, "verify", "--json")
		s.must(0, "sync")
		s.must(0, "verify")
		s.must(0, "version")
		s.must(0, "--help")
		for _, args := range [][]string{{"nothing"}, {"sync", "--mode", "partial"}, {"sync", "--allow-deletes", "many"}, {"sync", "--allow-deletes", "-1"}, {"sync", "extra"}, {"seed", "--products", "x"}} {
			s.must(2, args...)
		}
		if e := s.runWith([]string{"PORT=99999"}, "sync"); e.code != 2 || !strings.Contains(e.stderr, "PORT") {
			t.Errorf("a wrong port: %s", e)
		}
		s.exec(s.source, "DELETE FROM tbl_produk WHERE id > 100")
		o := s.syncJSON(1)
		if o.Error == nil || o.Error.Class != models.MassDelete || o.State != models.Failed || o.Run == nil || !strings.Contains(o.Error.Remedy, "--allow-deletes") {
			t.Errorf("%+v", o)
		}
		s.must(0, "sync", "--dry-run") // says so, and succeeds
		s.must(3, "verify")
	})
}

func TestSync_JSONHasTheDocumentedFields(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url)
		s.must(0, "seed")
		for _, args := range [][]string{{"sync", "--json"}, {"sync", "--json", "--dry-run"}, {"sync", "--json", "--allow-deletes", "7"}} {
			e := s.run(args...)
			lines := strings.Split(strings.TrimSuffix(e.stdout, "\n"), "\n")
			if len(lines) != 1 {
				t.Errorf("%v printed %d lines on standard output", args, len(lines))
			}
			var o map[string]json.RawMessage
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &o); err != nil {
				t.Fatalf("%v: %v: %s", args, err, e)
			}
			for _, field := range []string{"run", "mode", "state", "reason", "reason_details", "digest", "started_at", "finished_at", "tables", "error"} {
				if o[field] == nil {
					t.Errorf("%v: %s is missing: %s", args, field, e.stdout)
				}
				delete(o, field)
			}
			if len(o) > 0 {
				t.Errorf("%v: unknown fields %v", args, o)
			}
		}
		o := s.syncJSON(0)
		if o.State != models.Succeeded || o.Mode != "full" || o.Error != nil || len(o.Tables) != 5 || o.Tables[3].Table != "products" || o.Tables[3].Unchanged != 211 {
			t.Errorf("%+v", o)
		}
	})
}

package app_test

import (
	"strings"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

func TestSync_IncrementalModeAndDryRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed", "--products", "20", "--history", "12")
	// Until every older transaction on the server has ended, those of other tests included, the rows pass for new.
	written := s.number(s.source, "SELECT pg_current_xact_id()::text::bigint")
	s.until("no older transaction", func() bool {
		return s.number(s.source, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint") > written
	})
	if o := s.syncJSON(0, "--mode", "incremental"); o.Mode != "full" || o.Tables[3].Inserted != 20 {
		t.Errorf("the first: %+v", o)
	}
	s.exec(s.source, "UPDATE tbl_produk SET harga = 7 WHERE id = 3")
	s.exec(s.target, "UPDATE tbl_produk_lifecycle SET harga = 8 WHERE id = 4")
	if o := s.syncJSON(0, "--mode", "incremental"); o.Mode != "incremental" || o.Tables[3].Updated != 1 || o.Tables[3].Unchanged != 19 {
		t.Errorf("the second: %+v", o)
	}
	if o := s.syncJSON(0, "--mode", "incremental", "--dry-run"); o.Mode != "dry-run" || o.Tables[3].Updated != 1 {
		t.Errorf("the dry run overlooks what was edited by hand: %+v", o)
	}
	if o := s.syncJSON(0); o.Mode != "full" || o.Tables[3].Updated != 1 {
		t.Errorf("the full one: %+v", o)
	}
	if e := s.must(2, "sync", "--mode", "fast"); !strings.Contains(e.stderr, "full,incremental") && !strings.Contains(e.stderr, `"full","incremental"`) {
		t.Errorf("%s", e)
	}
}

func TestServe_FirstRunIsFullLaterOnesIncremental(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	s.must(0, "seed", "--products", "20", "--history", "12")
	for range 3 {
		v := s.serve()
		if out := v.Out.String(); !strings.Contains(out, "completed successfully") || strings.Contains(out, "every row was compared") {
			t.Errorf("%s", out)
		}
		v.end()
	}
	modes := "SELECT string_agg(mode || coalesce(CAST(reasons AS text), ''), '+' ORDER BY id) FROM lifecycle_sync_runs"
	var got string
	if err := s.target.QueryRowContext(t.Context(), modes).Scan(&got); err != nil || got != "full+incremental+incremental" {
		t.Errorf("%s, %v", got, err)
	}
}

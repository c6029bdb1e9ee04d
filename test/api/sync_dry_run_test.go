package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestSync_MassDeleteNeedsTheExactTotal: a run that would empty a table fails unless exactly its number of deletions is
// allowed. A dry run predicts that, and its digest does not replace the number.
func TestSync_MassDeleteNeedsTheExactTotal(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		emptyDryRun := s.postAccepted("/sync", `{"dryRun": true}`)
		exec(t, s.source, "DELETE FROM tbl_stage_histori")
		n := queryOne[int64](t, s.target, "SELECT count(*) FROM tbl_stage_histori_lifecycle")
		dryRun := s.postAccepted("/sync", `{"dryRun": true}`)
		if !dryRun.hasFailed("mass_delete") || dryRun.Digest == nil || len(s.run(dryRun.Run).Tables) != 5 {
			t.Fatalf("%+v", dryRun)
		}
		if status := s.syncStatus(); status.State != "healthy" {
			t.Errorf("after a dry run: %+v", status)
		}
		guarded := s.runSync(`{"allowDeletes": 0}`)
		if !guarded.hasFailed("mass_delete") || guarded.Error.Remedy == "" {
			t.Errorf("%+v", guarded)
		}
		if status := s.syncStatus(); status.State != "failed" || status.LastRun.Run != guarded.Run {
			t.Errorf("%+v", status)
		}
		if mismatch := s.runSync(`{"allowDeletes": %d}`, n+1); mismatch.State != "failed" {
			t.Errorf("%+v", mismatch)
		}
		if guarded := s.runSync(`{"digest": %q, "allowDeletes": 0}`, *dryRun.Digest); !guarded.hasFailed("mass_delete") || *guarded.Digest != *dryRun.Digest {
			t.Errorf("%+v", guarded)
		}
		if mismatch := s.runSync(`{"digest": %q, "allowDeletes": %d}`, *emptyDryRun.Digest, n); !mismatch.hasFailed("conflict") || *mismatch.Digest != *dryRun.Digest {
			t.Errorf("%+v", mismatch)
		}
		if allowed := s.runSync(`{"digest": %q, "allowDeletes": %d}`, *dryRun.Digest, n); allowed.State != "succeeded" || allowed.Tables[4].Deleted != n {
			t.Errorf("%+v", allowed)
		}
		exec(t, s.source, "UPDATE tbl_produk SET id_segmen = NULL")
		exec(t, s.source, "DELETE FROM tbl_segmen")
		segments := queryOne[int64](t, s.target, "SELECT count(*) FROM tbl_segmen_lifecycle")
		if allowed := s.runSync(`{"allowDeletes": %d}`, segments); allowed.State != "succeeded" { // without a digest
			t.Errorf("%+v", allowed)
		}
		if status := s.syncStatus(); status.State != "healthy" {
			t.Errorf("%+v", status)
		}
	})
}

// TestSync_DryRunIsAppliedByItsDigest: a dry run changes nothing; a run with its digest applies exactly what it showed.
// If that has changed, the run shows what it is now, and that can be applied.
func TestSync_DryRunIsAppliedByItsDigest(t *testing.T) { //nolint:gocyclo // one story, step by step
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		if first := s.syncStatus().LastRun; first.Digest != nil {
			t.Errorf("%+v", first)
		}
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'New name' WHERE id = 2")
		exec(t, s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Added', 1, 1)")
		mirror := func() string {
			return queryOne[string](t, s.target, "SELECT (SELECT count(*) FROM tbl_produk_lifecycle) || ' ' || (SELECT version FROM lifecycle_mirror_version) || ' ' || (SELECT produk FROM tbl_produk_lifecycle WHERE id = 2)")
		}
		before := mirror()
		dryRun, again := s.postAccepted("/sync", `{"dryRun": true, "mode": "incremental"}`), s.postAccepted("/sync", `{"dryRun": true}`)
		if dryRun.Mode != "dry-run" || dryRun.State != "succeeded" || dryRun.FinishedAt == nil {
			t.Errorf("%+v", dryRun)
		}
		detail := s.run(dryRun.Run)
		if dryRun.Digest == nil || again.Digest == nil || *dryRun.Digest != *again.Digest || *detail.Digest != *dryRun.Digest {
			t.Fatalf("%+v, then %+v", dryRun, again)
		}
		if len(detail.Tables) != 5 || detail.Tables[3].Inserted != 1 || detail.Tables[3].Updated != 1 {
			t.Errorf("%+v", detail)
		}
		if changes := s.changes(dryRun.Run); len(changes) != 2 || changes[0]["action"] != "update" || changes[1]["action"] != "insert" || changes[1]["before"] != nil || changes[1]["after"].(map[string]any)["produk"] != "Added" {
			t.Errorf("%v", changes)
		}
		if status := s.syncStatus(); status.LastRun.Run == dryRun.Run || status.State != "healthy" {
			t.Errorf("%+v", status)
		}
		s.send(http.MethodPost, fmt.Sprintf("/sync/runs/%d/cancel", dryRun.Run), "").want(t, http.StatusConflict, "conflict")

		exec(t, s.source, "UPDATE tbl_produk SET produk = 'Newer name' WHERE id = 2")
		mismatch := s.runSync(`{"digest": %q}`, *dryRun.Digest)
		if mismatch.Mode != "full" || !mismatch.hasFailed("conflict") || mismatch.Digest == nil || *mismatch.Digest == *dryRun.Digest ||
			!strings.Contains(mismatch.Error.Message, *mismatch.Digest) || mismatch.Error.Remedy == "" || len(mismatch.Tables) != 5 || mismatch.Tables[3].Updated != 1 {
			t.Fatalf("%+v", mismatch)
		}
		if changes := s.changes(mismatch.Run); len(changes) != 2 || changes[0]["after"].(map[string]any)["produk"] != "Newer name" {
			t.Errorf("%v", changes)
		}
		if status := s.syncStatus(); status.State != "healthy" || status.LastRun.Run != mismatch.Run {
			t.Errorf("%+v", status)
		}
		if after := mirror(); after != before {
			t.Errorf("before %s, after %s", before, after)
		}
		if applied := s.runSync(`{"digest": %q}`, *mismatch.Digest); applied.State != "succeeded" || *applied.Digest != *mismatch.Digest || !strings.HasSuffix(mirror(), " Newer name") {
			t.Errorf("%+v, %s", applied, mirror())
		}
	})
}

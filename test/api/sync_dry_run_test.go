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
		nothing := s.accepted("/sync", `{"dryRun": true}`)
		exec(t, s.source, "DELETE FROM tbl_stage_histori")
		n := one[int64](t, s.target, "SELECT count(*) FROM tbl_stage_histori_lifecycle")
		dry := s.accepted("/sync", `{"dryRun": true}`)
		if !dry.hasFailed("mass_delete") || dry.Digest == nil || len(s.run(dry.Run).Tables) != 5 {
			t.Fatalf("%+v", dry)
		}
		if status := s.syncStatus(); status.State != "healthy" {
			t.Errorf("after a dry run: %+v", status)
		}
		stopped := s.sync(`{"allowDeletes": 0}`)
		if !stopped.hasFailed("mass_delete") || stopped.Error.Remedy == "" {
			t.Errorf("%+v", stopped)
		}
		if status := s.syncStatus(); status.State != "failed" || status.LastRun.Run != stopped.Run {
			t.Errorf("%+v", status)
		}
		if other := s.sync(`{"allowDeletes": %d}`, n+1); other.State != "failed" {
			t.Errorf("%+v", other)
		}
		if stopped := s.sync(`{"digest": %q, "allowDeletes": 0}`, *dry.Digest); !stopped.hasFailed("mass_delete") || *stopped.Digest != *dry.Digest {
			t.Errorf("%+v", stopped)
		}
		if other := s.sync(`{"digest": %q, "allowDeletes": %d}`, *nothing.Digest, n); !other.hasFailed("conflict") || *other.Digest != *dry.Digest {
			t.Errorf("%+v", other)
		}
		if allowed := s.sync(`{"digest": %q, "allowDeletes": %d}`, *dry.Digest, n); allowed.State != "succeeded" || allowed.Tables[4].Deleted != n {
			t.Errorf("%+v", allowed)
		}
		exec(t, s.source, "UPDATE tbl_produk SET id_segmen = NULL")
		exec(t, s.source, "DELETE FROM tbl_segmen")
		segments := one[int64](t, s.target, "SELECT count(*) FROM tbl_segmen_lifecycle")
		if allowed := s.sync(`{"allowDeletes": %d}`, segments); allowed.State != "succeeded" { // without a digest
			t.Errorf("%+v", allowed)
		}
		if status := s.syncStatus(); status.State != "healthy" {
			t.Errorf("%+v", status)
		}
	})
}

// TestSync_DryRunIsAppliedByItsDigest: a dry run changes nothing; a run with its digest applies exactly what it showed.
// If that has changed, the run shows what it is now, and that can be applied.
func TestSync_DryRunIsAppliedByItsDigest(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		if first := s.syncStatus().LastRun; first.Digest != nil {
			t.Errorf("%+v", first)
		}
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'New name' WHERE id = 2")
		exec(t, s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Added', 1, 1)")
		mirror := func() string {
			return one[string](t, s.target, "SELECT (SELECT count(*) FROM tbl_produk_lifecycle) || ' ' || (SELECT version FROM lifecycle_mirror_version) || ' ' || (SELECT produk FROM tbl_produk_lifecycle WHERE id = 2)")
		}
		before := mirror()
		dry, again := s.accepted("/sync", `{"dryRun": true, "mode": "incremental"}`), s.accepted("/sync", `{"dryRun": true}`)
		if dry.Mode != "dry-run" || dry.State != "succeeded" || dry.FinishedAt == nil {
			t.Errorf("%+v", dry)
		}
		detail := s.run(dry.Run)
		if dry.Digest == nil || again.Digest == nil || *dry.Digest != *again.Digest || *detail.Digest != *dry.Digest {
			t.Fatalf("%+v, then %+v", dry, again)
		}
		if len(detail.Tables) != 5 || detail.Tables[3].Inserted != 1 || detail.Tables[3].Updated != 1 {
			t.Errorf("%+v", detail)
		}
		if changes := s.changes(dry.Run); len(changes) != 2 || changes[0]["action"] != "update" || changes[1]["action"] != "insert" || changes[1]["before"] != nil || changes[1]["after"].(map[string]any)["produk"] != "Added" {
			t.Errorf("%v", changes)
		}
		if status := s.syncStatus(); status.LastRun.Run == dry.Run || status.State != "healthy" {
			t.Errorf("%+v", status)
		}
		s.send(http.MethodPost, fmt.Sprintf("/sync/runs/%d/cancel", dry.Run), "").want(t, http.StatusConflict, "conflict")

		exec(t, s.source, "UPDATE tbl_produk SET produk = 'Newer name' WHERE id = 2")
		refused := s.sync(`{"digest": %q}`, *dry.Digest)
		if refused.Mode != "full" || !refused.hasFailed("conflict") || refused.Digest == nil || *refused.Digest == *dry.Digest ||
			!strings.Contains(refused.Error.Message, *refused.Digest) || refused.Error.Remedy == "" || len(refused.Tables) != 5 || refused.Tables[3].Updated != 1 {
			t.Fatalf("%+v", refused)
		}
		if changes := s.changes(refused.Run); len(changes) != 2 || changes[0]["after"].(map[string]any)["produk"] != "Newer name" {
			t.Errorf("%v", changes)
		}
		if status := s.syncStatus(); status.State != "healthy" || status.LastRun.Run != refused.Run {
			t.Errorf("%+v", status)
		}
		if after := mirror(); after != before {
			t.Errorf("before %s, after %s", before, after)
		}
		if applied := s.sync(`{"digest": %q}`, *refused.Digest); applied.State != "succeeded" || *applied.Digest != *refused.Digest || !strings.HasSuffix(mirror(), " Newer name") {
			t.Errorf("%+v, %s", applied, mirror())
		}
	})
}

package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
)

// TestActivity_UndoRefusesWhatBelongsToOthers: files that were added to a created product, files of deleted products, and rows that
// have got the id of a deleted one.
func TestActivity_UndoRefusesWhatBelongsToOthers(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		refused := func(id int64, naming string) {
			t.Helper()
			if a := s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", id), "").want(t, http.StatusConflict, "conflict"); !strings.Contains(string(a.json.Data), naming) {
				t.Errorf("the conflicts are %s, want %s", a.json.Data, naming)
			}
		}
		created := decode[product](t, s.send(http.MethodPost, "/products", uji)).ID
		creation := s.activities("limit=1")[0].ID
		path := fmt.Sprintf("/products/%d", created)
		s.upload(http.MethodPost, path+"/attachments", nil, []file{{"later.pdf", pdf}}).want(t, http.StatusCreated)
		upload := s.activities("limit=1")[0].ID
		refused(creation, "later.pdf")
		s.do(http.MethodDelete, address(decode[[]models.Attachment](t, s.get(path+"/attachments"))[0]), nil).want(t, http.StatusOK)
		fileDeletion := s.activities("limit=1")[0].ID
		s.undo(creation)
		refused(fileDeletion, models.AttachmentTable)
		refused(upload, models.AttachmentTable)

		// The files that a product had when it was restored do not keep it from being deleted again, but later ones do.
		s.upload(http.MethodPost, "/products/4/attachments", nil, []file{{"kept.pdf", pdf}}).want(t, http.StatusCreated)
		kept := decode[[]models.Attachment](t, s.get("/products/4/attachments"))[0]
		s.do(http.MethodDelete, base+"/products/4", nil).want(t, http.StatusOK)
		restored := s.undo(s.undo(s.undo(s.activities("limit=1")[0].ID).ID).ID).ID
		s.do(http.MethodGet, address(kept), nil).want(t, http.StatusOK)
		s.upload(http.MethodPost, "/products/4/attachments", nil, []file{{"added.pdf", pdf}}).want(t, http.StatusCreated)
		refused(restored, "added.pdf")
		s.undo(s.activities("limit=1")[0].ID)
		s.undo(restored)

		s.send(http.MethodPut, "/products/6", `{"harga":66}`).want(t, http.StatusOK)
		update := s.activities("limit=1")[0].ID
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 1 WHERE id = 6")
		s.send(http.MethodPost, "/stage-history", `{"id_produk":6,"stage_now":2}`).want(t, http.StatusCreated)
		first := queryOne[int64](t, s.source, "SELECT max(id) FROM tbl_stage_histori WHERE id_produk = 6")
		s.send(http.MethodPost, "/stage-history", `{"id_produk":6,"stage_now":3}`).want(t, http.StatusCreated)
		s.do(http.MethodDelete, fmt.Sprintf("%s/stage-history/%d", base, first), nil).want(t, http.StatusOK)
		recordDeletion := s.activities("limit=1")[0].ID
		record := queryOne[int64](t, s.source, "SELECT max(id) FROM tbl_stage_histori WHERE id_produk = 6")
		s.send(http.MethodPut, fmt.Sprintf("/stage-history/%d", record), `{"catatan":"noted"}`).want(t, http.StatusOK)
		correction := s.activities("limit=1")[0].ID
		overriding := ""
		if s.onPostgres() {
			overriding = "OVERRIDING SYSTEM VALUE"
		}
		for _, statement := range []string{
			"DELETE FROM tbl_stage_histori WHERE id_produk = 6", "DELETE FROM tbl_produk WHERE id = 6",
			"INSERT INTO tbl_produk (id, produk, harga) " + overriding + " VALUES (6, 'another', 66)",
			fmt.Sprintf("INSERT INTO tbl_stage_histori (id, id_produk, catatan) %s VALUES (%d, 6, 'noted')", overriding, record),
		} {
			exec(t, s.source, statement)
		}
		refused(update, "created_at")
		refused(correction, "created_at")
		refused(recordDeletion, "created_at") // the record would return to the other product
		if got := s.row("tbl_produk", 6); !strings.Contains(got, "another") || !strings.Contains(got, "66") {
			t.Errorf("the other product is %s", got)
		}
		s.Command("sync")
		s.Command("verify")
	})
}

// TestActivity_UndoKeepsStageAndHistoryTogether: an undo never leaves a product in another stage than its newest stage history record,
// unless it was so before.
func TestActivity_UndoKeepsStageAndHistoryTogether(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk BETWEEN 1 AND 4")
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 1 WHERE id BETWEEN 1 AND 4")
		s.Command("sync")
		move := func(product, stage int, at string) (activity, record int64) {
			t.Helper()
			s.send(http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":%d,"stage_now":%d,"tanggal_perubahan":%q}`, product, stage, at)).want(t, http.StatusCreated)
			return s.activities("limit=1")[0].ID, queryOne[int64](t, s.source, fmt.Sprintf("SELECT max(id) FROM tbl_stage_histori WHERE id_produk = %d", product))
		}
		act := func(method, path, body string) int64 {
			t.Helper()
			s.send(method, path, body).want(t, http.StatusOK)
			return s.activities("limit=1")[0].ID
		}
		together := func(product int, what string) {
			t.Helper()
			stage := queryOne[int64](t, s.source, fmt.Sprintf("SELECT id_stage FROM tbl_produk WHERE id = %d", product))
			newest := queryOne[int64](t, s.source, fmt.Sprintf("SELECT stage_now FROM tbl_stage_histori WHERE id_produk = %d ORDER BY tanggal_perubahan DESC, id DESC LIMIT 1", product))
			if stage != newest {
				t.Errorf("%s: product %d is in stage %d, its newest record says %d", what, product, stage, newest)
			}
		}

		// a product that is in the same stage since the same day again, but by another record
		for product, change := range map[int]func(activity, record int64) int64{
			1: func(_, record int64) int64 {
				return act(http.MethodPut, fmt.Sprintf("/stage-history/%d", record), `{"tanggal_perubahan":"2025-12-01T00:00:00Z"}`)
			},
			3: func(_, record int64) int64 {
				return act(http.MethodDelete, fmt.Sprintf("/stage-history/%d", record), "")
			},
			4: func(activity, _ int64) int64 { return s.undo(activity).ID },
		} {
			_, _ = move(product, 2, "2026-01-01T00:00:00Z")
			done := change(move(product, 3, "2026-01-01T03:00:00Z"))
			later, _ := move(product, 4, "2026-01-01T05:00:00Z")
			last, _ := move(product, 2, "2026-01-01T06:00:00Z")
			s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", done), "").want(t, http.StatusConflict, "conflict")
			together(product, "refused")
			for _, id := range []int64{last, later, done} {
				s.undo(id)
				together(product, fmt.Sprintf("undo of %d", id))
			}
		}

		// a product whose stage was changed without a record returns to it, unless its history has changed since
		_, _ = move(2, 2, "2026-01-01T00:00:00Z")
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 4 WHERE id = 2")
		s.Command("sync")
		moved, _ := move(2, 3, "2026-02-01T00:00:00Z")
		s.undo(moved)
		if stage := queryOne[int64](t, s.source, "SELECT id_stage FROM tbl_produk WHERE id = 2"); stage != 4 {
			t.Errorf("undone, product 2 is in stage %d, want 4", stage)
		}
		_, _ = move(2, 1, "2025-12-01T00:00:00Z")
		moved, _ = move(2, 3, "2026-02-01T00:00:00Z")
		later, _ := move(2, 1, "2026-03-01T00:00:00Z")
		s.undo(later)
		s.undo(moved)
		moved, _ = move(2, 3, "2026-02-01T00:00:00Z")
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 2 AND stage_now = 2")
		for _, mirror := range []func(){func() {}, func() { s.Command("sync") }} {
			mirror()
			s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", moved), "").want(t, http.StatusConflict, "conflict")
			together(2, "refused after a direct change")
		}

		if s.onPostgres() {
			s.undoAfterWaiting(act(http.MethodPut, "/products/2", `{"harga":2}`))
		}
		s.Command("verify")
	})
}

// undoAfterWaiting undoes an update of product 2 while another transaction holds it: the undo is later than what it has waited for.
func (s *site) undoAfterWaiting(update int64) {
	s.t.Helper()
	holder, err := s.source.Begin()
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = holder.Rollback() }()
	if _, err := holder.Exec("SELECT FROM tbl_produk WHERE id = 2 FOR UPDATE"); err != nil {
		s.t.Fatal(err)
	}
	undone := make(chan apiResponse)
	go func() {
		a, _ := s.try(http.MethodPost, fmt.Sprintf("%s/activity/%d/undo", base, update), nil)
		undone <- a
	}()
	kit.Eventually(s.t, "the undo waits", func() bool {
		return queryOne[bool](s.t, s.source, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')")
	})
	if _, err := holder.Exec("UPDATE tbl_produk SET updated_at = clock_timestamp(), deskripsi = clock_timestamp()::text WHERE id = 2"); err != nil {
		s.t.Fatal(err)
	}
	if err := holder.Commit(); err != nil {
		s.t.Fatal(err)
	}
	a := <-undone
	a.want(s.t, http.StatusOK)
	if !queryOne[bool](s.t, s.source, "SELECT updated_at > deskripsi::timestamptz FROM tbl_produk WHERE id = 2") {
		s.t.Error("the undo is earlier than the write that it has waited for")
	}
}

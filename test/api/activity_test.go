package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// listedActivity is an activity in the API.
type listedActivity struct {
	ID          int64
	Actor       models.Actor
	Channel     string
	Action      string
	Products    []int64
	ChangeCount int64
	Changes     []struct {
		Table         string
		ID            int64
		Before, After map[string]any
	}
	Detail struct {
		Name   string
		Shared bool
	}
	Run              *int64
	Undoes, UndoneBy *int64
}

// activities reads the newest activities, filtered.
func (s *site) activities(query string) []listedActivity {
	s.t.Helper()
	return decode[[]listedActivity](s.t, s.get("/activity?"+query))
}

// undo undoes an activity and returns the one that did.
func (s *site) undo(id int64) listedActivity {
	s.t.Helper()
	return decode[listedActivity](s.t, s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", id), "").want(s.t, http.StatusOK))
}

// onceByKey sends a request twice with the same key and wants the same activity in response.
func (s *site) onceByKey(path string) {
	s.t.Helper()
	send := func() int64 {
		return decode[listedActivity](s.t, s.send(http.MethodPost, path, "", "Idempotency-Key", path).want(s.t, http.StatusOK)).ID
	}
	first := send()
	if again := send(); first == 0 || again != first || s.activities("limit=1")[0].ID != first {
		s.t.Errorf("%s: activity %d, and %d when repeated", path, first, again)
	}
}

// row is a row of lifecycle_db as text, without updated_at; "" if there is none.
func (s *site) row(table string, id int64) string {
	s.t.Helper()
	columns := "id, produk, harga, id_stage, tanggal_stage_start, tanggal_stage_end, pelanggan, created_at"
	if table == "tbl_stage_histori" {
		columns = "id, id_produk, stage_previous, stage_now, catatan, tanggal_perubahan, created_at"
	}
	rows, err := s.source.Query(fmt.Sprintf("SELECT %s FROM %s WHERE id = %d", columns, table, id))
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	if !rows.Next() {
		return ""
	}
	cells := make([]any, strings.Count(columns, ",")+1)
	into := make([]any, len(cells))
	for i := range cells {
		into[i] = &cells[i]
	}
	if err := rows.Scan(into...); err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprint(cells)
}

// TestActivity_UndoRestoresEveryKindOfChange: each kind of change is recorded with its author, is undone exactly, and its undo is
// undone, too. Afterwards the mirror equals lifecycle_db.
func TestActivity_UndoRestoresEveryKindOfChange(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.token = s.Token("Admin")
		s.send(http.MethodPost, "/stage-history", `{"id_produk":3,"stage_now":2,"tanggal_stage_end":"2099-01-31","catatan":"first"}`).want(t, http.StatusCreated)
		record := decode[[]struct{ ID int64 }](t, s.get("/stage-history?productId=3"))[0].ID
		s.upload(http.MethodPost, "/products/4/attachments", nil, []file{{"a.pdf", pdf}}).want(t, http.StatusCreated)
		file := decode[[]models.Attachment](t, s.get("/products/4/attachments"))[0]
		stageOf5 := queryOne[int64](t, s.source, "SELECT id_stage FROM tbl_produk WHERE id = 5")
		for _, c := range []struct {
			action, table string
			id            int64
			do            func() apiResponse
		}{
			{"update", "tbl_produk", 1, func() apiResponse {
				return s.send(http.MethodPut, "/products/1", `{"harga":123456,"pelanggan":null}`)
			}},
			{"move", "tbl_produk", 5, func() apiResponse {
				return s.send(http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":5,"stage_now":%d,"tanggal_stage_end":"2099-06-30"}`, stageOf5%4+1))
			}},
			{"correct", "tbl_stage_histori", record, func() apiResponse {
				return s.send(http.MethodPut, fmt.Sprintf("/stage-history/%d", record), `{"catatan":"second"}`)
			}},
			{"delete-record", "tbl_produk", 3, func() apiResponse {
				return s.do(http.MethodDelete, fmt.Sprintf("%s/stage-history/%d", base, record), nil)
			}},
			{"delete", "tbl_produk", 3, func() apiResponse { return s.do(http.MethodDelete, base+"/products/3", nil) }},
			{"create", "tbl_produk", 0, func() apiResponse { return s.send(http.MethodPost, "/products", uji) }},
		} {
			before, histories := s.row(c.table, c.id), s.row("tbl_stage_histori", record)
			written := c.do()
			if written.StatusCode >= http.StatusBadRequest {
				t.Fatalf("%s: %d %s", c.action, written.StatusCode, written.body)
			}
			id := c.id
			if c.action == "create" {
				id, before = decode[product](t, written).ID, ""
			}
			done := s.activities("limit=1")[0]
			if done.Action != c.action || done.Channel != "api" || done.Actor.ID == "" || done.ChangeCount == 0 || done.UndoneBy != nil {
				t.Errorf("%s is recorded as %+v", c.action, done)
			}
			after := s.row(c.table, id)
			undone := s.undo(done.ID)
			if undone.Undoes == nil || *undone.Undoes != done.ID || undone.Channel != "undo" || undone.Action != "undo" {
				t.Errorf("undo of %s: %+v", c.action, undone)
			}
			if got := s.row(c.table, id); got != before {
				t.Errorf("undo of %s leaves %s, want %s", c.action, got, before)
			}
			if got := s.row("tbl_stage_histori", record); got != histories {
				t.Errorf("undo of %s leaves the record %s, want %s", c.action, got, histories)
			}
			s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", done.ID), "").want(t, http.StatusConflict, "conflict")
			s.undo(undone.ID)
			if got := s.row(c.table, id); got != after {
				t.Errorf("undo of the undo of %s leaves %s, want %s", c.action, got, after)
			}
			if again := decode[listedActivity](t, s.get(fmt.Sprintf("/activity/%d", done.ID))); again.UndoneBy != nil {
				t.Errorf("%s has effect again, but is shown as undone by %d", c.action, *again.UndoneBy)
			}
			if c.action != "create" {
				s.undo(done.ID) // for the next case
			}
			s.Command("verify")
		}

		s.do(http.MethodDelete, address(file), nil).want(t, http.StatusOK)
		removal := s.activities("limit=1")[0]
		s.do(http.MethodGet, address(file), nil).want(t, http.StatusNotFound, "not_found")
		undos := s.concurrently(4, func(int) (apiResponse, error) {
			return s.try(http.MethodPost, fmt.Sprintf("%s/activity/%d/undo", base, removal.ID), nil)
		})
		if n := len(slices.DeleteFunc(undos, func(a apiResponse) bool { return a.StatusCode != http.StatusOK })); n != 1 {
			t.Errorf("%d concurrent undos of one deletion have succeeded", n)
		}
		s.do(http.MethodGet, address(file), nil).want(t, http.StatusOK)
		upload := s.activities("action=upload")[0]
		s.undo(upload.ID)
		s.do(http.MethodGet, address(file), nil).want(t, http.StatusNotFound, "not_found")
		if list := s.activities("productId=4&action=upload"); len(list) != 1 || list[0].UndoneBy == nil {
			t.Errorf("the activities of product 4 are %+v", list)
		}
		if deleted := s.activities("action=delete"); len(deleted) != 0 {
			t.Errorf("restored, but listed as deleted: %+v", deleted)
		}
	}, withTokens...)
}

// TestActivity_UndoRefusesWhatChangedSince: nothing is undone if a changed field, a later move or a reused id is in the way; other
// fields do not matter. The response names what changed.
func TestActivity_UndoRefusesWhatChangedSince(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.send(http.MethodPut, "/products/1", `{"harga":1,"produk":"one"}`).want(t, http.StatusOK)
		update := s.activities("limit=1")[0].ID
		s.send(http.MethodPut, "/products/1", `{"deskripsi":"other field"}`).want(t, http.StatusOK)
		s.send(http.MethodPut, "/products/1", `{"harga":2}`).want(t, http.StatusOK)
		price := s.activities("limit=1")[0].ID
		refused := s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", update), "").want(t, http.StatusConflict, "conflict")
		var conflicts []struct {
			Table            string
			ID               int64
			Field            string
			Expected, Actual json.RawMessage
		}
		if err := json.Unmarshal(refused.json.Data, &conflicts); err != nil || len(conflicts) != 1 || conflicts[0].Field != "harga" || string(conflicts[0].Actual) != "2" {
			t.Errorf("the conflicts are %s (%v)", refused.json.Data, err)
		}
		if name := queryOne[string](t, s.source, "SELECT produk FROM tbl_produk WHERE id = 1"); name != "one" {
			t.Errorf("the refused undo has written %q", name)
		}
		s.onceByKey(fmt.Sprintf("/activity/%d/undo", price))
		s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", price), "", "Idempotency-Key", "other").want(t, http.StatusConflict, "conflict")
		s.undo(update)

		stage := queryOne[int64](t, s.source, "SELECT id_stage FROM tbl_produk WHERE id = 2")
		for range 2 { // there and back: the product looks as after the first move, but has moved since
			for _, to := range []int64{stage%4 + 1, stage} {
				s.send(http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":2,"stage_now":%d}`, to)).want(t, http.StatusCreated)
			}
		}
		moves := s.activities("productId=2&action=move&limit=4")
		s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", moves[2].ID), "").want(t, http.StatusConflict, "conflict")
		for _, move := range moves {
			s.undo(move.ID)
		}
		if got := queryOne[int64](t, s.source, "SELECT id_stage FROM tbl_produk WHERE id = 2"); got != stage {
			t.Errorf("the product is in stage %d, want %d", got, stage)
		}

		s.do(http.MethodDelete, base+"/products/6", nil).want(t, http.StatusOK)
		deletion := s.activities("limit=1")[0].ID
		overriding := ""
		if s.onPostgres() {
			overriding = "OVERRIDING SYSTEM VALUE"
		}
		exec(t, s.source, "INSERT INTO tbl_produk (id, produk) "+overriding+" VALUES (6, 'another')")
		s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", deletion), "").want(t, http.StatusConflict, "conflict")
		s.Command("sync")
		s.Command("verify")
	})
}

// TestActivity_UndoAnswersWithoutPmoDB: an undo that lifecycle_db has committed succeeds, even if pmo_db can complete it only later.
func TestActivity_UndoAnswersWithoutPmoDB(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		price := queryOne[int64](t, s.source, "SELECT coalesce(harga, 0) FROM tbl_produk WHERE id = 1")
		s.send(http.MethodPut, "/products/1", `{"harga":9}`).want(t, http.StatusOK)
		update := s.activities("limit=1")[0].ID
		event := "UPDATE ON lifecycle_activities"
		if s.onPostgres() {
			exec(t, s.target, "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused''; END'")
			exec(t, s.target, "CREATE TRIGGER refuse BEFORE "+event+" FOR EACH ROW EXECUTE FUNCTION refuse()")
		} else {
			exec(t, s.target, "CREATE TRIGGER refuse BEFORE "+event+" BEGIN SELECT RAISE(ABORT, 'refused'); END")
		}
		path := fmt.Sprintf("/activity/%d/undo", update)
		send := func() (apiResponse, listedActivity) {
			a := s.send(http.MethodPost, path, "", "Idempotency-Key", "one").want(t, http.StatusOK)
			return a, decode[listedActivity](t, a)
		}
		a, undo := send()
		if *undo.Undoes != update || undo.ChangeCount != 1 || len(undo.Changes) != 1 || !slices.Equal(undo.Products, []int64{1}) || !strings.Contains(a.json.Message, "after the next sync") {
			t.Errorf("the response is %s", a.body)
		}
		if got := queryOne[int64](t, s.source, "SELECT coalesce(harga, 0) FROM tbl_produk WHERE id = 1"); got != price {
			t.Errorf("the price is %d, want %d", got, price)
		}
		s.get("/products/1")
		exec(t, s.target, "DROP TRIGGER refuse"+map[bool]string{true: " ON lifecycle_activities"}[s.onPostgres()])
		again, _ := send()
		if string(again.json.Data) != string(a.json.Data) {
			t.Errorf("repeated: %s, first: %s", again.json.Data, a.json.Data)
		}
		if undone := decode[listedActivity](t, s.get(fmt.Sprintf("/activity/%d", update))); undone.UndoneBy == nil || *undone.UndoneBy != undo.ID {
			t.Errorf("undone by %v, want %d", undone.UndoneBy, undo.ID)
		}
	})
}

// TestActivity_UndoNeedsTheRole: Project Managers undo what they may do, and creations, but do not delete restored products.
func TestActivity_UndoNeedsTheRole(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite, withTokens...)
	s.token = s.Token("Staff")
	s.do(http.MethodGet, base+"/activity", nil).want(t, http.StatusForbidden, "forbidden")
	s.token = s.Token("Project Manager")
	s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated)
	s.undo(s.activities("limit=1")[0].ID)
	s.token = s.Token("Admin")
	s.do(http.MethodDelete, base+"/products/7", nil).want(t, http.StatusOK)
	deletion := s.activities("limit=1")[0].ID
	s.token = s.Token("Project Manager")
	undo := s.undo(deletion)
	refused := func(id int64) {
		s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", id), "").want(t, http.StatusForbidden, "forbidden")
	}
	refused(undo.ID)
	created := decode[product](t, s.send(http.MethodPost, "/products", uji)).ID
	creation := s.activities("limit=1")[0].ID
	s.token = s.Token("Admin")
	s.do(http.MethodDelete, fmt.Sprintf("%s/products/%d", base, created), nil).want(t, http.StatusOK)
	removal := s.activities("limit=1")[0].ID
	s.token = s.Token("Project Manager")
	s.undo(removal)
	refused(creation) // would delete the restored product
	s.send(http.MethodPost, "/sync/changes/1/restore", "").want(t, http.StatusForbidden, "forbidden")
	s.token = s.Token("Admin")
	s.undo(undo.ID)
}

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

package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/models"
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

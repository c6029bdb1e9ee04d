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
		s.onceByKey(fmt.Sprintf("/activity/%d/undo", removal.ID))
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

// TestActivity_ListsAreExact: what the filters select, which changes come first, and what is marked as undone.
func TestActivity_ListsAreExact(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		newest := func() int64 { return s.activities("limit=1")[0].ID }

		// The field filter ignores names within values.
		s.send(http.MethodPost, "/stage-history", `{"id_produk":1,"stage_now":2,"performance_metrics":{"harga":1,"a":{"harga":2}}}`).want(t, http.StatusCreated)
		s.send(http.MethodPut, "/products/1", `{"harga":null}`).want(t, http.StatusOK)
		if list := s.activities("field=harga"); len(list) != 1 || list[0].ID != newest() {
			t.Errorf("the activities that changed a price: %+v", list)
		}
		if list := s.activities("field=performance_metrics"); len(list) != 1 || list[0].Action != "move" {
			t.Errorf("the activities that changed metrics: %+v", list)
		}

		// Marks of a chain of undos: an activity is undone exactly if its undo has effect.
		s.send(http.MethodPut, "/products/2", `{"harga":5}`).want(t, http.StatusOK)
		chain := []int64{newest()}
		for range 4 {
			chain = append(chain, s.undo(chain[len(chain)-1]).ID)
			last := len(chain) - 1
			for i, id := range chain {
				got := decode[listedActivity](t, s.get(fmt.Sprintf("/activity/%d", id))).UndoneBy
				if isUndone := (last-i)%2 == 1; (got != nil) != isUndone || isUndone && *got != chain[i+1] {
					t.Errorf("of the chain %v, %d is undone by %v", chain, id, got)
				}
			}
		}

		// Deleted products, by whatever deleted them, until they are restored.
		s.do(http.MethodDelete, base+"/products/4", nil).want(t, http.StatusOK)
		s.undo(newest())
		s.do(http.MethodDelete, base+"/products/3", nil).want(t, http.StatusOK)
		deletion := newest()
		created := decode[product](t, s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated)).ID
		undoOfCreation := s.undo(newest()).ID
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 5")
		exec(t, s.source, "DELETE FROM tbl_produk WHERE id = 5")
		s.Command("sync")
		s.Command("sync", "--dry-run")
		direct := s.activities("action=sync&limit=1")[0].ID
		ids := func(query string) (ids []int64) {
			for _, a := range s.activities(query) {
				ids = append(ids, a.ID)
			}
			return ids
		}
		if got, want := ids("action=delete"), []int64{direct, undoOfCreation, deletion}; !slices.Equal(got, want) {
			t.Errorf("deleted by the activities %v, want %v", got, want)
		}
		for id, want := range map[int64][]int64{3: {deletion}, 4: nil, 5: {direct}, created: {undoOfCreation}} {
			if got := ids(fmt.Sprintf("action=delete&productId=%d", id)); !slices.Equal(got, want) {
				t.Errorf("product %d is deleted by the activities %v, want %v", id, got, want)
			}
		}

		// In a large activity, a product's own changes come first. So they do in that of a run.
		for range 2 {
			exec(t, s.source, "INSERT INTO tbl_produk (produk) SELECT 'many' FROM tbl_produk")
		}
		s.Command("sync")
		last := queryOne[int64](t, s.source, "SELECT max(id) FROM tbl_produk")
		products := decode[[]target](t, s.get("/products?limit=100&sort=id"))
		list, err := json.Marshal(products)
		if err != nil {
			t.Fatal(err)
		}
		s.send(http.MethodPost, "/products/bulk", fmt.Sprintf(`{"products":%s,"set":{"pelanggan":"all"}}`, list), "Idempotency-Key", "bulk").want(t, http.StatusOK)
		lease := "CAST(strftime('%s', leased_until) AS integer) - CAST(strftime('%s', created_at) AS integer)"
		if s.onPostgres() {
			lease = "CAST(extract(epoch FROM leased_until - created_at) AS integer)"
		}
		if got := queryOne[int](t, s.target, "SELECT "+lease+" FROM lifecycle_writes WHERE idempotency_key = 'bulk'"); got < 90 {
			t.Errorf("the key was protected for %d s, but the write may take 90 s", got)
		}
		for i, a := range decode[[]listedActivity](t, s.get(fmt.Sprintf("/products/%d/activity", last))) {
			if want := []string{"update", "sync"}[i]; a.Action != want || a.Changes[0].ID != last || len(a.Changes) != 50 || a.ChangeCount <= 50 {
				t.Errorf("activity %d of product %d is %q with %d of %d changes, beginning with that of %d", i, last, a.Action, len(a.Changes), a.ChangeCount, a.Changes[0].ID)
			}
		}
		if undo := s.undo(newest()); len(undo.Changes) != 50 || undo.ChangeCount != int64(len(products)) || len(undo.Products) != len(products) {
			t.Errorf("the undo has %d of %d changes, of %d products", len(undo.Changes), undo.ChangeCount, len(undo.Products))
		}
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
	s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", undo.ID), "").want(t, http.StatusForbidden, "forbidden")
	s.send(http.MethodPost, "/sync/changes/1/restore", "").want(t, http.StatusForbidden, "forbidden")
	s.token = s.Token("Admin")
	s.undo(undo.ID)
}

// TestActivity_ShowsAndRestoresDirectChanges: what others change in lifecycle_db appears as the activity of a run, without the
// changes that were made through the API before, and an Admin can restore deleted rows.
func TestActivity_ShowsAndRestoresDirectChanges(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		before := s.row("tbl_produk", 8)
		exec(t, s.source, "INSERT INTO tbl_stage_histori (id_produk, stage_previous, stage_now, catatan) VALUES (8, 1, 2, 'kept')")
		s.Command("sync")
		record := queryOne[int64](t, s.source, "SELECT max(id) FROM tbl_stage_histori")
		history := s.row("tbl_stage_histori", record)

		s.send(http.MethodPut, "/products/9", `{"harga":77}`).want(t, http.StatusOK)
		exec(t, s.source, "UPDATE tbl_produk SET pelanggan = 'direct', updated_at = "+map[bool]string{true: "now()", false: "'2031-01-01 00:00:00'"}[s.onPostgres()]+" WHERE id = 11")
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 8")
		exec(t, s.source, "DELETE FROM tbl_produk WHERE id = 8")
		s.Command("sync")
		direct := s.activities("action=sync&limit=1")[0]
		if direct.Run == nil || direct.Channel != "sync" || !slices.Equal(direct.Products, []int64{8, 11}) {
			t.Fatalf("the run's activity is %+v; the change log is %+v", direct, s.changes(*direct.Run))
		}
		if list := s.activities("productId=9"); len(list) != 1 || list[0].Action != "update" {
			t.Errorf("the activities of product 9 are %+v", list)
		}
		if list := s.activities("field=pelanggan&productId=11"); len(list) != 1 || list[0].ID != direct.ID {
			t.Errorf("the activities that changed the customer are %+v", list)
		}
		s.send(http.MethodPost, fmt.Sprintf("/activity/%d/undo", direct.ID), "").want(t, http.StatusConflict, "conflict")
		for _, c := range s.changes(*direct.Run) {
			restore := func() apiResponse {
				return s.send(http.MethodPost, fmt.Sprintf("/sync/changes/%.0f/restore", c["change"]), "")
			}
			if c["action"] != "delete" {
				restore().want(t, http.StatusConflict, "conflict")
			} else if c["table"] == "tbl_produk" {
				s.onceByKey(fmt.Sprintf("/sync/changes/%.0f/restore", c["change"]))
				if restored := s.activities("limit=1")[0]; restored.Action != "restore" {
					t.Errorf("restored by %+v", restored)
				}
				restore().want(t, http.StatusConflict, "conflict")
			}
		}
		if got := s.row("tbl_produk", 8); got != before {
			t.Errorf("restored: %s, want %s", got, before)
		}
		if got := s.row("tbl_stage_histori", record); got != history {
			t.Errorf("restored: %s, want %s", got, history)
		}
		s.Command("verify")
	})
}

// TestActivity_LinksWritesThatOthersMirror: a write whose own refresh is blocked is linked to its activity when a later run or the
// follower mirrors it. What others have changed directly is not, be it the same row after the write.
func TestActivity_LinksWritesThatOthersMirror(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres)
	write := func(method, path, body string) (apiResponse, error) {
		return s.try(method, base+path, strings.NewReader(body), "Content-Type", "application/json")
	}
	blocked := func(do func()) {
		t.Helper()
		release, _ := kit.Lock(t, s.target, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", 0x6c6966656379636c))
		do()
		release()
	}
	linked := func(product int64) int64 {
		t.Helper()
		return queryOne[int64](t, s.target, `SELECT coalesce((SELECT coalesce(activity_id, 0) FROM lifecycle_sync_changes
			WHERE table_name = 'products' AND row_id = $1 ORDER BY id DESC LIMIT 1), -1)`, product)
	}
	round := func(first int64, mirrored func()) {
		t.Helper()
		blocked(func() {
			for _, a := range s.concurrently(3, func(i int) (apiResponse, error) {
				path := fmt.Sprintf("/products/%d", first+int64(i))
				if i == 2 {
					return s.try(http.MethodDelete, base+path, nil)
				}
				return write(http.MethodPut, path, `{"harga":987}`)
			}) {
				a.want(t, http.StatusOK)
			}
			exec(t, s.source, "UPDATE tbl_produk SET pelanggan = 'direct', updated_at = now() WHERE id IN ($1, $2)", first+1, first+3)
		})
		mirrored()
		for i, action := range []string{"update", "", "delete", ""} {
			id := first + int64(i)
			var want int64
			if action != "" {
				want = s.activities(fmt.Sprintf("productId=%d&action=%s", id, action))[0].ID
			}
			if got := linked(id); got != want {
				t.Errorf("the change of product %d is linked to activity %d, want %d", id, got, want)
			}
		}
		for i, want := range []int{0, 1, 0, 1} {
			if direct := s.activities(fmt.Sprintf("action=sync&productId=%d", first+int64(i))); len(direct) != want {
				t.Errorf("direct changes of product %d: %+v, want %d", first+int64(i), direct, want)
			}
		}
	}
	round(1, func() { s.Command("sync") })
	if n := queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_activity_changes WHERE NOT mirrored"); n != 0 {
		t.Errorf("%d changes still wait for a run", n)
	}

	blocked(func() { // nothing is left to mirror
		s.do(http.MethodDelete, base+"/products/5", nil).want(t, http.StatusOK)
		s.undo(s.activities("productId=5&limit=1")[0].ID)
	})
	exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 5")
	exec(t, s.source, "DELETE FROM tbl_produk WHERE id = 5")
	s.Command("sync")
	if got := linked(5); got != 0 {
		t.Errorf("a direct deletion is linked to activity %d", got)
	}

	follower := s.Begin("sync", "--follow")
	follower.Says("every change is mirrored")
	round(6, func() {
		s.Eventually("the follower has mirrored everything", func() bool { return linked(6) >= 0 && linked(7) >= 0 && linked(8) >= 0 && linked(9) >= 0 })
	})
	follower.Cancel()
	follower.Ends(0)
	s.Command("verify")
}

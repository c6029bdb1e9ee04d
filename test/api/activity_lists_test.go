package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

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

// TestActivity_SplitsDirectChangesFromWrites: a direct change that is mirrored together with a later write of the same row stays one.
func TestActivity_SplitsDirectChangesFromWrites(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.source, "UPDATE tbl_produk SET harga = 40, pelanggan = 'before' WHERE id IN (12, 13)")
		s.Command("sync")
		exec(t, s.source, "UPDATE tbl_produk SET harga = 41, pelanggan = 'direct' WHERE id = 12")
		exec(t, s.source, "UPDATE tbl_produk SET pelanggan = 'direct' WHERE id = 13")
		s.send(http.MethodPut, "/products/12", `{"harga":42}`).want(t, http.StatusOK)
		s.send(http.MethodPut, "/products/13", `{"harga":42}`).want(t, http.StatusOK)
		for id, want := range map[int]string{
			12: "update map[harga:41] map[harga:42], sync map[harga:40 pelanggan:before] map[harga:41 pelanggan:direct]",
			13: "update map[harga:40] map[harga:42], sync map[pelanggan:before] map[pelanggan:direct]",
		} {
			list := s.activities(fmt.Sprintf("productId=%d&limit=2", id))
			slices.SortFunc(list, func(a, b listedActivity) int { return -strings.Compare(a.Action, b.Action) })
			var got []string
			for _, a := range list {
				for _, c := range a.Changes {
					got = append(got, fmt.Sprint(a.Action, " ", c.Before, " ", c.After))
				}
			}
			if got := strings.Join(got, ", "); got != want {
				t.Errorf("the activities of product %d: %s, want %s", id, got, want)
			}
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
	// a transaction in another database of the same server holds the horizon back
	s.Eventually("no change waits for a run", func() bool {
		s.Command("sync")
		return queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_activity_changes WHERE NOT mirrored") == 0
	})

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

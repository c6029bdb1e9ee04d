package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/test/kit"
)

// TestActivity_UndoAndRestoreInTheConsole: the notice after a move and the list offer to undo it, a refused undo shows what changed
// since, and deleted products are restored, those that were deleted directly in lifecycle_db by an Admin only.
func TestActivity_UndoAndRestoreInTheConsole(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	admin, manager := u.signedIn("Admin"), u.signedIn("Project Manager")
	stage := kit.One[int](t, u.source, "SELECT id_stage FROM tbl_produk WHERE id = 2")
	manager.submit(manager.open("/products/2").form("/products/2/transitions").set("stage_now", manager.otherStage("2"))).shows(http.StatusSeeOther)
	page := manager.open("/products/2").shows(http.StatusOK, "Moved to", "Undo")
	list := manager.open("/activity").shows(http.StatusOK, "Moved", "test of Project Manager", "Console")
	jakarta := time.FixedZone("WIB", 7*60*60)
	days := func() (week, month string) {
		now := time.Now().In(jakarta)
		return "/activity?since=" + now.AddDate(0, 0, -6).Format(time.DateOnly) + `"`, "/activity?since=" + now.AddDate(0, 0, -29).Format(time.DateOnly) + `"`
	}
	if week, month := days(); !strings.Contains(list.body, week) || !strings.Contains(list.body, month) {
		if now, _ := days(); now == week { // else midnight has passed
			t.Errorf("no links to the last 7 and 30 days, %s and %s", week, month)
		}
	}
	undo := list.form(actionOf(t, page.body, "/activity/", "/undo"))
	manager.follow(manager.submit(undo), "/products/2", "Undone.")
	manager.follow(manager.submit(undo), "/products/2", "Undone.") // a double click
	manager.submit(undo.set("key", "another")).shows(http.StatusConflict, "has already undone this")
	manager.post(undo.action, nil).shows(http.StatusBadRequest)
	if got := kit.One[int](t, u.source, "SELECT id_stage FROM tbl_produk WHERE id = 2"); got != stage {
		t.Errorf("the product is in stage %d, want %d", got, stage)
	}

	edit := manager.open("/products/1/edit").form("/products/1/edit")
	manager.submit(edit.set("harga", "111")).shows(http.StatusSeeOther)
	undo = manager.open("/activity").form(actionOf(t, manager.open("/activity?productId=1").body, "/activity/", "/undo"))
	manager.submit(manager.open("/products/1/edit").form("/products/1/edit").set("harga", "222")).shows(http.StatusSeeOther)
	manager.submit(undo).shows(http.StatusConflict, "Nothing was undone: 1 value has changed since.", "Changed since then", "Review the listed values", "Price", "111", "222")

	manager.get("/deleted-products").shows(http.StatusOK, "No deleted products", "can be restored for 90 days")
	name := kit.One[string](t, u.source, "SELECT produk FROM tbl_produk WHERE id = 4")
	admin.submit(admin.open("/products/4/delete").form("/products/4/delete")).shows(http.StatusSeeOther)
	deleted := manager.open("/deleted-products").shows(http.StatusOK, name, "Restore")
	manager.follow(manager.submit(deleted.form(actionOf(t, deleted.body, "/activity/", "/undo"))), "/products/4", "Undone.")

	exec(t, u.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 5", "DELETE FROM tbl_produk WHERE id = 5")
	u.Command("sync")
	manager.open("/deleted-products").shows(http.StatusOK, "directly in lifecycle_db", "Only an Admin can restore it")
	direct := admin.open("/deleted-products")
	restore := actionOf(t, direct.body, "/deleted-products/", "/restore")
	admin.follow(admin.submit(direct.form(restore)), "/products/5", "Restored.")
	admin.follow(admin.submit(direct.form(restore)), "/products/5", "Restored.")
	manager.post(restore, nil).shows(http.StatusForbidden)
	u.signedIn("Staff").get("/activity").shows(http.StatusForbidden)
	u.Command("verify")
}

// actionOf returns the first address in a page that begins and ends with the given parts.
func actionOf(t *testing.T, page, begin, end string) string {
	t.Helper()
	for rest := page; ; {
		_, after, found := strings.Cut(rest, `action="`+begin)
		if !found {
			t.Fatalf("no form with %s…%s", begin, end)
		}
		id, _, _ := strings.Cut(after, `"`)
		if strings.HasSuffix(id, end) {
			return begin + id
		}
		rest = after
	}
}

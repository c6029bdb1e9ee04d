package browser_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

// startRun clicks a button of the sync status, and waits for the page of the run.
func (p *page) startRun(button string) {
	p.Helper()
	p.open("/sync")
	p.click("button", button)
	p.wantPath("/sync/runs/*")
}

// awaitEnd waits until the run whose page is open has ended, and the page contains a text.
func (p *page) awaitEnd(words string) {
	p.Helper()
	if p.viewer.scriptless { // the page does not update itself
		p.until("the run has ended", func() error {
			text, err := p.visibleText()
			if err == nil && strings.Contains(text, "in progress") {
				p.open(p.location())
				err = errors.New("it is in progress")
			}
			return err
		})
	}
	p.wantTexts(words)
	p.wantNoTexts("The run is in progress")
}

// blockStart makes a run wait before its first table, and blockHistory within the last, if it changes a stage record.
const (
	blockStart   = "LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE"
	blockHistory = "SELECT FROM tbl_stage_histori_lifecycle WHERE id = %s FOR UPDATE"
)

// TestSync_RunPageUpdatesItself with the progress and the end of a run.
func TestSync_RunPageUpdatesItself(t *testing.T) {
	t.Parallel()
	eachViewer(t, map[string]viewer{"desktop": {}, "dark phone": {phone: true, dark: true}}, func(t *testing.T, _ string, v viewer) {
		s := postgresSite(t)
		p := browse(t, s.Address, v)
		s.exec(s.source, "UPDATE tbl_stage_histori SET catatan = 'Sudah disetujui' WHERE id = 3")
		p.open("/sync")
		p.wantTexts("Healthy", "In sync · checked")
		state := newWindow(t, s.Address, v) // of another user, who does nothing
		state.open("/sync")
		state.awaitStream()

		begin, waits := kit.Lock(s, s.target, blockStart)
		end, waitsAtLast := kit.Lock(s, s.target, strings.ReplaceAll(blockHistory, "%s", "3"))
		p.click("button", "Full run")
		p.wantPath("/sync/runs/2")
		s.Eventually("the run waits to begin", waits)
		p.wantTexts("Full run 2 In progress", "Run 2 in progress")
		state.wantTexts("Run 2 in progress, started", "Cancel run")
		state.hides("button", "Full run")
		p.awaitStream()
		begin()
		s.Eventually("the run waits at its last table", waitsAtLast)
		late := newWindow(t, s.Address, v)
		late.open("/sync/runs/2")
		for _, page := range []*page{p, state, late} {
			page.wantTexts("tbl_produk 20 rows no changes", "tbl_stage_histori")
			page.shows("progressbar", "tbl_produk")
			page.shows("progressbar", "tbl_stage_histori")
		}
		end()
		p.awaitEnd("The run succeeded: 1 row updated.")
		p.shows("link", "Changes of this row")
		late.awaitEnd("The run succeeded: 1 row updated.")
		state.wantTexts("Healthy", "In sync · checked", "Full run Succeeded")
		state.wantNoTexts("In progress")
		state.shows("button", "Full run")
	})
}

// TestSync_StatusPageUpdatesItself when the mirror becomes stale without a run.
func TestSync_StatusPageUpdatesItself(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p := browse(t, s.Address, viewer{})
	p.open("/sync")
	p.wantTexts("Healthy")
	p.awaitStream()
	if _, err := evaluate[bool](p, "document.querySelector('main button').focus() ?? true"); err != nil {
		t.Fatal(err)
	}
	s.exec(s.target, "UPDATE lifecycle_sync_runs SET started_at = started_at - interval '30 days', finished_at = finished_at - interval '30 days'")
	p.wantTexts("Too old", "No run has succeeded for too long")
	if focused, err := evaluate[string](p, "document.activeElement.id"); err != nil || focused != "main" {
		t.Errorf("the focus is at %q, %v", focused, err)
	}
	p.within(".status").wantTexts("Last sync is too old")
}

// TestSync_RunPageReloadsAndCancelsWithoutJavaScript by links.
func TestSync_RunPageReloadsAndCancelsWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p := browse(t, s.Address, viewer{scriptless: true})
	release, waits := kit.Lock(s, s.target, blockStart)
	p.startRun("Full run")
	s.Eventually("the run waits", waits)
	p.wantTexts("Run 2 in progress")
	p.click("link", "Reload")
	p.wantPath("/sync/runs/2*")
	p.wantTexts("Run 2 in progress")
	state := newWindow(t, s.Address, viewer{scriptless: true, phone: true})
	state.open("/sync")
	state.wantTexts("Run 2 in progress", "Reload")
	other := newWindow(t, s.Address, viewer{scriptless: true})
	other.open("/")
	other.within(".status").wantTexts("sync in progress")
	p.click("link", "Cancel run")
	p.wantPath("/sync/runs/2/cancel")
	p.wantTexts("Cancel run 2?", "the copy stays as it was before the run")
	p.click("link", "Let it continue")
	p.wantPath("/sync/runs/2")
	p.click("link", "Cancel run")
	p.click("button", "Cancel run")
	p.wantPath("/sync/runs/2")
	p.awaitEnd("The run was canceled. Nothing was changed.")
	state.awaitEnd("Healthy")
	p.open("/sync/runs/2/cancel")
	p.wantTexts("Run 2 has already ended", "There is nothing to cancel.")
	p.click("link", "See its result")
	release()
	p.click("button", "Run again")
	p.wantPath("/sync/runs/3")
	p.awaitEnd("The run succeeded: no changes.")
}

// TestSync_EveryOutcomeOfARun goes from run to run by the buttons and links of their pages, which a phone opens, too.
func TestSync_EveryOutcomeOfARun(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p, phone := browse(t, s.Address, viewer{}), newWindow(t, s.Address, viewer{phone: true, dark: true})
	ends := func(run int, words string, more ...string) {
		t.Helper()
		p.wantPath(fmt.Sprintf("/sync/runs/%d", run))
		p.awaitEnd(words)
		p.wantTexts(more...)
		phone.open(p.location())
		phone.wantTexts(words)
	}
	s.exec(s.source, "UPDATE tbl_produk SET harga = 7000001 WHERE id = 4")
	p.startRun("Dry run")
	ends(2, "A full run would make these changes: 1 row updated. Nothing was written.", "Planned changes", "tbl_produk row 4", "7000001")
	s.exec(s.source, "UPDATE tbl_produk SET harga = 7000002 WHERE id = 4")
	p.click("button", "Apply exactly these changes")
	ends(3, "Nothing was changed, because the changes no longer match the dry run.", "Refused", "The run would now make these: 1 row updated.", "7000002")
	p.click("button", "Apply exactly these changes")
	ends(4, "The run succeeded: 1 row updated.", "Overwritten and deleted rows", "7000002")

	s.exec(s.target, "UPDATE tbl_produk_lifecycle SET produk = 'Diubah tangan' WHERE id = 2")
	p.startRun("Verify")
	ends(5, "1 row of the copy differs from lifecycle_db; the next full run corrects it.", "1 row edited in the copy: a full run corrects this.")
	p.click("button", "Show the rows with a dry run")
	ends(6, "1 row updated", "tbl_produk row 2", "Diubah tangan")
	p.click("link", "Sync status")
	p.wantTexts("Drift One row was edited in the copy and differs from lifecycle_db")
	p.click("button", "Start a full run")
	ends(7, "The run succeeded: 1 row updated.")
	p.click("link", "Changes of this row")
	p.wantPath("/sync/changes?table=tbl_produk&id=2")
	p.wantTexts("tbl_produk row 2 updated", "Full run 7", "Diubah tangan")
	p.choose("Table", "tbl_segmen")
	p.fill("ID", "1")
	p.click("button", "Show")
	p.wantTexts("No changes in the change log")

	s.exec(s.source, "ALTER TABLE tbl_produk RENAME COLUMN harga TO price")
	p.startRun("Full run")
	ends(8, "The run failed. Nothing was changed.", "What went wrong Tables do not match", "ALTER TABLE tbl_produk ADD COLUMN harga", "then run again.")
	p.click("link", "Run diagnostics")
	p.shows("heading", "Diagnostics")
	p.wantTexts("source.columns", "harga", "Healthy")
	p.click("link", "Run diagnostics again")
	p.click("link", "Sync status")
	p.wantTexts("Failed The last run failed, so the copy is unchanged · Data", "Tables do not match", "harga")
	phone.open("/sync")
	p.open("/")
	p.within(".status").wantTexts("Last sync failed")
	p.click("link", "See what to do")
	p.wantPath("/sync")
	p.expectStatus(http.StatusInternalServerError)
	p.click("button", "Dry run")
	p.wantTexts("Something went wrong", "ALTER TABLE tbl_produk ADD COLUMN harga")
	p.click("link", "Go to Sync")
	s.exec(s.source, "ALTER TABLE tbl_produk RENAME COLUMN price TO harga")
	p.click("button", "Run again")
	ends(9, "The run succeeded: no changes.")

	s.exec(s.source, "UPDATE tbl_produk SET tanggal_launch = 'infinity', deskripsi = repeat('panjang ', 500) WHERE id = 5")
	s.exec(s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES (repeat('TanpaSpasi', 20), 77, 1)")
	p.startRun("Full run")
	ends(10, "held back")
	for _, page := range []*page{p, phone} {
		page.open("/sync")
		page.within(".status").wantTexts("2 rows held back")
		page.within("main").click("link", "Held back")
		page.wantTexts("tanggal_launch has an unsupported value: infinity.", "id_segmen is 77, but tbl_segmen has no such row.")
		page.within("article:first-of-type").click("DisclosureTriangle", "The row in lifecycle_db")
	}
	s.exec(s.source, "UPDATE tbl_produk SET tanggal_launch = NULL WHERE id = 5")
	s.exec(s.source, "DELETE FROM tbl_produk WHERE id_segmen = 77")
	s.exec(s.source, "DELETE FROM tbl_stage_histori")
	p.startRun("Full run")
	ends(11, "The run failed. Nothing was changed.", "Stopped by the mass-delete guard", "12 of 12 rows", "To delete these rows from the copy, type their number")
	p.click("button", "Delete 12 rows from the copy") // the browser asks for it
	p.focuses("textbox Number of rows to delete")
	p.click("button", "Show the deletes (dry run)")
	ends(12, "Exactly the changes shown are made.", "tbl_stage_histori row 12 would be deleted")
	p.fill("Number of rows to delete", "12")
	p.click("button", "Delete 12 rows from the copy")
	ends(13, "12 rows deleted", "1 row released")
	p.click("link", "Sync status")
	p.wantTexts("Healthy In sync · checked")
}

// TestSync_DoubleClickStartsOneRun sends a form twice at once.
func TestSync_DoubleClickStartsOneRun(t *testing.T) {
	t.Parallel()
	p := browse(t, demoSite(t).Address, viewer{})
	p.open("/sync")
	if _, err := evaluate[bool](p, `(button => { for (let i = 0; i < 2; i++) button.click(); return true })(document.querySelector("form[action='/sync/dry-run'] button"))`); err != nil {
		t.Fatal(err)
	}
	p.wantPath("/sync/runs/2")
	p.open("/sync/runs")
	p.wantTexts("2 in total")
}

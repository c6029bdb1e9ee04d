package browser_test

import (
	"errors"
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

// TestSync_RunPageReloadsWithoutJavaScript by a link.
func TestSync_RunPageReloadsWithoutJavaScript(t *testing.T) {
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
	release()
	p.awaitEnd("The run succeeded: no changes.")
	state.awaitEnd("Healthy")
}

// TestSync_CancelsARun after asking.
func TestSync_CancelsARun(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p := browse(t, s.Address, viewer{})
	s.exec(s.source, "UPDATE tbl_produk SET produk = 'Nama baru' WHERE id = 2")
	release, waits := kit.Lock(s, s.target, blockStart)
	p.startRun("Full run")
	s.Eventually("the run waits", waits)
	p.click("link", "Cancel run")
	p.wantPath("/sync/runs/2/cancel")
	p.wantTexts("Cancel run 2?", "the copy stays as it was before the run")
	p.click("link", "Let it continue")
	p.wantPath("/sync/runs/2")
	p.wantTexts("Run 2 in progress")
	p.click("link", "Cancel run")
	p.click("button", "Cancel run")
	p.wantPath("/sync/runs/2")
	p.awaitEnd("The run was canceled. Nothing was changed.")
	p.open("/sync/runs/2/cancel")
	p.wantTexts("Run 2 has already ended", "There is nothing to cancel.")
	p.click("link", "See its result")
	release()
	p.click("button", "Run again")
	p.wantPath("/sync/runs/3")
	p.awaitEnd("The run succeeded: 1 row updated.")
}

// TestSync_FailedRunSaysWhatToDo until it is fixed.
func TestSync_FailedRunSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p := browse(t, s.Address, viewer{})
	s.exec(s.source, "ALTER TABLE tbl_produk RENAME COLUMN harga TO price")
	p.startRun("Full run")
	p.awaitEnd("The run failed. Nothing was changed.")
	p.wantTexts("What went wrong Tables do not match", "harga", "ALTER TABLE tbl_produk ADD COLUMN harga", "Fix every problem in lifecycle_db, then run again.")
	p.click("link", "Run diagnostics")
	p.shows("heading", "Diagnostics")
	p.wantTexts("source.columns", "harga", "Healthy")
	p.click("link", "Sync status")
	p.wantPath("/sync")
	p.wantTexts("Failed The last run failed, so the copy is unchanged · In sync · checked", "Tables do not match", "harga")
	phone := newWindow(t, s.Address, viewer{phone: true, dark: true})
	phone.open("/sync")
	phone.wantTexts("Failed The last run failed")
	phone.open("/sync/runs/2")
	phone.wantTexts("What went wrong")
	p.expectStatus(http.StatusInternalServerError)
	p.click("button", "Dry run")
	p.wantTexts("Something went wrong", "harga", "ALTER TABLE tbl_produk ADD COLUMN harga")
	p.click("link", "Go to Sync")

	s.exec(s.source, "ALTER TABLE tbl_produk RENAME COLUMN price TO harga")
	p.click("button", "Run again")
	p.awaitEnd("The run succeeded: no changes.")
	p.click("link", "Sync status")
	p.wantTexts("Healthy In sync · checked")

	s.exec(s.source, "ALTER TABLE tbl_segmen RENAME TO hidden")
	p.click("button", "Incremental run")
	p.awaitEnd("The run failed. Nothing was changed.")
	p.wantTexts("tbl_segmen")
}

// TestSync_RequiresAdmin hides the links from others, and says why.
func TestSync_RequiresAdmin(t *testing.T) {
	t.Parallel()
	s := demoSite(t, withTokens...)
	p := browse(t, s.Address, viewer{})
	for _, role := range []string{"Staff", "Project Manager"} {
		p.open("/sign-in?next=/products")
		p.fill("Token", s.Token(role))
		p.click("button", "Sign in")
		p.wantPath("/products")
		p.wantTexts(role)
		p.hides("link", "Sync")
		p.expectStatus(http.StatusForbidden)
		p.open("/sync")
		p.shows("heading", "Access denied")
		p.hides("link", "Sync")
		p.click("button", "Sign out")
		p.wantPath("/sign-in")
	}
	p.fill("Token", s.Token("Admin"))
	p.click("button", "Sign in")
	p.wantPath("/")
	p.click("link", "Sync")
	p.wantPath("/sync")
	p.startRun("Verify")
	p.awaitEnd("The copy is in sync with lifecycle_db.")
	p.open("/sync/runs")
	p.wantTexts("2 in total")
}

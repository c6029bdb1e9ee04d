package browser_test

import (
	"net/http"
	"testing"
)

// TestSync_AppliesExactlyTheDryRun applies what a dry run showed.
func TestSync_AppliesExactlyTheDryRun(t *testing.T) {
	t.Parallel()
	eachViewer(t, map[string]viewer{"desktop": {}, "phone": {phone: true}, "without JavaScript": {scriptless: true}}, func(t *testing.T, _ string, v viewer) {
		s := demoSite(t)
		p := browse(t, s.Address, v)
		s.exec(s.source, "UPDATE tbl_produk SET produk = 'Nama baru', harga = 7000001 WHERE id = 4")
		s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id = 3")
		p.startRun("Dry run")
		p.awaitEnd("A full run would make these changes: 1 row updated, 1 row deleted. Nothing was written.")
		p.wantTexts("Planned changes 2 rows", "tbl_produk row 4", "Nama baru", "7000001", "tbl_stage_histori row 3 would be deleted")
		p.click("button", "Apply exactly these changes")
		p.wantPath("/sync/runs/3")
		p.awaitEnd("The run succeeded: 1 row updated, 1 row deleted.")
		p.wantTexts("Overwritten and deleted rows 2 rows", "7000001")
		p.open("/products/4")
		p.wantTexts("Nama baru", "Rp 7.000.001")

		s.exec(s.source, "UPDATE tbl_produk SET harga = 7000002 WHERE id = 4")
		p.startRun("Dry run")
		p.awaitEnd("A full run would make these changes: 1 row updated. Nothing was written.")
		p.wantTexts("7000002")
		s.exec(s.source, "UPDATE tbl_produk SET harga = 7000003 WHERE id = 4")
		p.click("button", "Apply exactly these changes")
		p.wantPath("/sync/runs/5")
		p.awaitEnd("Nothing was changed, because the changes no longer match the dry run.")
		p.wantTexts("Refused", "The run would now make these: 1 row updated.", "7000001", "7000003")
		p.wantNoTexts("7000002")
		p.click("button", "Apply exactly these changes")
		p.wantPath("/sync/runs/6")
		p.awaitEnd("The run succeeded: 1 row updated.")
		p.open("/products/4")
		p.wantTexts("Rp 7.000.003")
		p.startRun("Dry run")
		p.awaitEnd("A full run would change nothing: the copy is in sync with lifecycle_db.")
		p.hides("button", "Apply exactly these changes")
	})
}

// TestSync_MassDeleteNeedsTheNumber of rows, typed by the user.
func TestSync_MassDeleteNeedsTheNumber(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p := browse(t, s.Address, viewer{})
	s.exec(s.source, "DELETE FROM tbl_stage_histori")
	p.startRun("Full run")
	p.awaitEnd("The run failed. Nothing was changed.")
	p.wantTexts("Stopped by the mass-delete guard", "tbl_stage_histori_lifecycle would become empty", "12 of 12 rows", "To delete these rows from the copy, type their number")
	if got := p.value("Number of rows to delete"); got != "" {
		t.Errorf("the number is there already: %q", got)
	}
	p.click("button", "Delete 12 rows from the copy") // the browser asks for it
	p.wantPath("/sync/runs/2")
	p.fill("Number of rows to delete", "dua belas")
	p.expectStatus(http.StatusUnprocessableEntity)
	p.click("button", "Delete 12 rows from the copy")
	p.wantTexts("Enter a whole number, such as 12.", "would become empty")
	phone := newWindow(t, s.Address, viewer{phone: true, dark: true})
	phone.open("/sync/runs/2")
	phone.wantTexts("Number of rows to delete")
	p.fill("Number of rows to delete", "11")
	p.click("button", "Delete 12 rows from the copy")
	p.wantPath("/sync/runs/3")
	p.wantTexts("You allowed 11 deletions, but the run would delete 12 rows")
	p.click("button", "Show the deletes (dry run)")
	p.wantPath("/sync/runs/4")
	p.wantTexts("Planned changes 12 rows", "tbl_stage_histori row 12 would be deleted", "Exactly the changes shown are made.")
	p.fill("Number of rows to delete", "12")
	p.click("button", "Delete 12 rows from the copy")
	p.wantPath("/sync/runs/5")
	p.awaitEnd("The run succeeded: 12 rows deleted.")
	p.open("/sync")
	p.wantTexts("Healthy")
}

// TestSync_FindsAndCorrectsDrift after an UPDATE of the mirror.
func TestSync_FindsAndCorrectsDrift(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p := browse(t, s.Address, viewer{})
	p.startRun("Verify")
	p.awaitEnd("The copy is in sync with lifecycle_db.")
	s.exec(s.target, "UPDATE tbl_produk_lifecycle SET produk = 'Diubah tangan', harga = 1 WHERE id = 2")
	p.startRun("Verify")
	p.awaitEnd("1 row of the copy differs from lifecycle_db; the next full run corrects it.")
	p.wantTexts("Differs", "1 row edited in the copy: a full run corrects this.")
	p.click("button", "Show the rows with a dry run")
	p.wantPath("/sync/runs/4")
	p.wantTexts("tbl_produk row 2", "harga", "Diubah tangan")
	p.click("link", "Sync status")
	p.wantTexts("Drift One row was edited in the copy and differs from lifecycle_db")
	p.click("button", "Start a full run")
	p.wantPath("/sync/runs/5")
	p.awaitEnd("The run succeeded: 1 row updated.")
	p.click("link", "Changes of this row")
	p.wantPath("/sync/changes?table=tbl_produk&id=2")
	p.wantTexts("tbl_produk row 2 updated", "Full run 5", "harga", "Diubah tangan")
	p.choose("Table", "tbl_segmen")
	p.fill("ID", "1")
	p.click("button", "Show")
	p.wantTexts("No changes in the change log")
	p.open("/sync")
	p.wantTexts("Healthy")
}

// TestSync_ExplainsQuarantine of rows that do not fit.
func TestSync_ExplainsQuarantine(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	s.exec(s.source, "UPDATE tbl_produk SET tanggal_launch = 'infinity', deskripsi = '<script>alert(1)</script>' || repeat('panjang ', 500) WHERE id = 5")
	s.exec(s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES (repeat('TanpaSpasi', 20), 77, 1)")
	p := browse(t, s.Address, viewer{})
	p.startRun("Full run")
	p.awaitEnd("held back")
	for _, page := range []*page{p, newWindow(t, s.Address, viewer{phone: true, dark: true})} {
		page.open("/sync")
		page.within(".status").wantTexts("2 rows held back")
		page.within("main").click("link", "Held back")
		page.wantPath("/sync/quarantine")
		page.wantTexts("tanggal_launch has an unsupported value: infinity. Times must be finite and in the years 1 to 9999",
			"id_segmen is 77, but tbl_segmen has no such row.", "Fix them in lifecycle_db")
		page.clickOn("article:first-of-type > details > summary")
		page.open("/sync/doctor")
		page.wantTexts("Both databases and this machine were checked at", "Healthy")
		page.click("link", "Run diagnostics again")
		page.shows("heading", "Diagnostics")
	}
	s.exec(s.source, "UPDATE tbl_produk SET tanggal_launch = '2026-11-25' WHERE id = 5")
	s.exec(s.source, "DELETE FROM tbl_produk WHERE id_segmen = 77")
	p.startRun("Full run")
	p.awaitEnd("1 row released")
	p.open("/sync/quarantine")
	p.wantTexts("No rows are held back.")
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

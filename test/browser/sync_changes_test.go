package browser_test

import (
	"net/http"
	"testing"
)

// TestPreviewIsApplied applies exactly what a dry run has shown, and nothing that was not seen.
func TestPreviewIsApplied(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]viewer{"desk": {}, "phone": {phone: true}, "without JavaScript": {scriptless: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := demoSite(t)
			p := browse(t, s.Address, v)
			s.exec(s.source, "UPDATE tbl_produk SET produk = 'Nama baru', harga = 7000001 WHERE id = 4")
			s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id = 3")
			p.starts("Dry run")
			p.ends("A full run would do this: 1 row updated, 1 row deleted. Nothing was written.")
			p.reads("What would change 2 rows", "tbl_produk row 4", "Nama baru", "7000001", "tbl_stage_histori row 3 would be deleted")
			p.click("button", "Apply exactly this")
			p.at("/sync/runs/3")
			p.ends("It succeeded: 1 row updated, 1 row deleted.")
			p.reads("What was overwritten or removed 2 rows", "7000001")
			p.open("/products/4")
			p.reads("Nama baru", "Rp 7.000.001")

			s.exec(s.source, "UPDATE tbl_produk SET harga = 7000002 WHERE id = 4")
			p.starts("Dry run")
			p.ends("A full run would do this: 1 row updated. Nothing was written.")
			p.reads("7000002")
			s.exec(s.source, "UPDATE tbl_produk SET harga = 7000003 WHERE id = 4")
			p.click("button", "Apply exactly this")
			p.at("/sync/runs/5")
			p.ends("Nothing was changed, because what the run would have changed is no longer what you had seen.")
			p.reads("Refused", "This is what it would change now: 1 row updated.", "7000001", "7000003")
			p.lacks("7000002")
			p.click("button", "Apply exactly this")
			p.at("/sync/runs/6")
			p.ends("It succeeded: 1 row updated.")
			p.open("/products/4")
			p.reads("Rp 7.000.003")
			p.starts("Dry run")
			p.ends("A full run would change nothing: the mirror equals lifecycle_db.")
			p.hides("button", "Apply exactly this")
		})
	}
}

// TestMassDeleteIsTyped lets rows leave only when somebody types how many.
func TestMassDeleteIsTyped(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p := browse(t, s.Address, viewer{})
	s.exec(s.source, "DELETE FROM tbl_stage_histori")
	p.starts("Full run")
	p.ends("It did not succeed. Nothing was changed.")
	p.reads("Stopped by the guard", "tbl_stage_histori_lifecycle would become empty", "12 of 12 stage history records", "Here you allow it by typing that number")
	if got := p.value("Rows that may leave"); got != "" {
		t.Errorf("the number is there already: %q", got)
	}
	p.click("button", "Let exactly so many leave") // the browser asks for it
	p.at("/sync/runs/2")
	p.fill("Rows that may leave", "dua belas")
	p.refused(http.StatusUnprocessableEntity)
	p.click("button", "Let exactly so many leave")
	p.reads("Type a whole number, such as 12.", "would become empty")
	phone := newWindow(t, s.Address, viewer{phone: true, dark: true})
	phone.open("/sync/runs/2")
	phone.reads("Rows that may leave")
	p.fill("Rows that may leave", "11")
	p.click("button", "Let exactly so many leave")
	p.at("/sync/runs/3")
	p.reads("11 rows were allowed to leave the mirror, but 12 would")
	p.click("button", "See which rows would leave")
	p.at("/sync/runs/4")
	p.reads("What would change 12 rows", "tbl_stage_histori row 12 would be deleted", "Only the changes that you have seen are made.")
	p.fill("Rows that may leave", "12")
	p.click("button", "Let exactly so many leave")
	p.at("/sync/runs/5")
	p.ends("It succeeded: 12 rows deleted.")
	p.open("/sync")
	p.reads("In order")
}

// TestHandEditIsFoundAndPutRight is somebody's UPDATE of the mirror.
func TestHandEditIsFoundAndPutRight(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p := browse(t, s.Address, viewer{})
	p.starts("Verify")
	p.ends("The mirror equals lifecycle_db.")
	s.exec(s.target, "UPDATE tbl_produk_lifecycle SET produk = 'Diubah tangan', harga = 1 WHERE id = 2")
	p.starts("Verify")
	p.ends("The mirror differs from lifecycle_db in 1 row; the next full run corrects it.")
	p.reads("Not equal", "1 row changed by hand: somebody wrote to the mirror.")
	p.click("button", "Show the rows by a dry run")
	p.at("/sync/runs/4")
	p.reads("tbl_produk row 2", "harga", "Diubah tangan")
	p.click("link", "State")
	p.reads("Drift Somebody has changed the mirror by hand: 1 row differs from lifecycle_db.")
	p.click("button", "Start a full run")
	p.at("/sync/runs/5")
	p.ends("It succeeded: 1 row updated.")
	p.click("link", "What happened to this row")
	p.at("/sync/changes?table=tbl_produk&id=2")
	p.reads("tbl_produk row 2 changed", "Run 5 (Full run)", "harga", "Diubah tangan")
	p.choose("Table of lifecycle_db", "tbl_segmen (segments)")
	p.fill("Id of the row", "1")
	p.click("button", "Show")
	p.reads("No change is known.")
	p.open("/sync")
	p.reads("In order")
}

// TestQuarantineIsExplained has rows of every kind that cannot stand in the mirror.
func TestQuarantineIsExplained(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	s.exec(s.source, "UPDATE tbl_produk SET tanggal_launch = 'infinity', deskripsi = '<script>alert(1)</script>' || repeat('panjang ', 500) WHERE id = 5")
	s.exec(s.source, "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES (repeat('TanpaSpasi', 20), 77, 1)")
	p := browse(t, s.Address, viewer{})
	p.starts("Full run")
	p.ends("in quarantine")
	for _, page := range []*page{p, newWindow(t, s.Address, viewer{phone: true, dark: true})} {
		page.open("/sync")
		page.within(".standing").reads("without 2 rows in quarantine")
		page.within("main").click("link", "Quarantine")
		page.at("/sync/quarantine")
		page.reads("tanggal_launch holds a value that cannot be shown: infinity. A time must be of the years 1 to 9999",
			"id_segmen is 77, and tbl_segmen has no row with that id.", "Mend them in lifecycle_db")
		page.clickOn("article:first-of-type > details > summary")
		page.open("/sync/doctor")
		page.reads("Both databases and this machine were examined at", "As it should be")
		page.click("link", "Check again")
		page.sees("heading", "Doctor")
	}
	s.exec(s.source, "UPDATE tbl_produk SET tanggal_launch = '2026-11-25' WHERE id = 5")
	s.exec(s.source, "DELETE FROM tbl_produk WHERE id_segmen = 77")
	p.starts("Full run")
	p.ends("1 row released from quarantine")
	p.open("/sync/quarantine")
	p.reads("Nothing is in quarantine.")
}

// TestSecondClick presses a button twice at once: what it starts is started once.
func TestSecondClick(t *testing.T) {
	t.Parallel()
	p := browse(t, demoSite(t).Address, viewer{})
	p.open("/sync")
	if _, err := evaluate[bool](p, `(button => { for (let i = 0; i < 2; i++) button.click(); return true })(document.querySelector("form[action='/sync/dry-run'] button"))`); err != nil {
		t.Fatal(err)
	}
	p.at("/sync/runs/2")
	p.open("/sync/runs")
	p.reads("2 in all")
}

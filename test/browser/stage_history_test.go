package browser_test

import "testing"

// TestStageHistory filters the transitions, goes to them from the matrix, corrects one and deletes it.
func TestStageHistory(t *testing.T) {
	t.Parallel()
	for name, v := range viewers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := demoSite(t)
			p := browse(t, s.Address, v)
			p.open("/")
			p.within("nav[aria-label=Main]").click("link", "Stage history")
			p.reads("45 in total")
			p.choose("Previous stage", "Growth")
			p.choose("New stage", "Maturity")
			p.fill("Since", "2025-09-01")
			p.fill("Until", "2025-12-31")
			p.click("button", "Filter")
			p.reads("2 in total", "Audit Energi Sagara", "Konsultasi Tarif Utpala")
			p.fill("Search", "no such product")
			p.click("button", "Filter")
			p.reads("No matching moves")
			p.click("link", "Reset filters")
			p.at("/stage-history")

			p.click("link", "Stage matrix")
			p.reads("45 moves")
			p.click("link", "14 moves from Growth to Maturity")
			p.reads("14 in total")
			const audit = "Audit Energi Sagara, 20 Sep 2025 15.21 WIB"
			p.click("link", "Edit "+audit)
			p.fill("Note", "Disetujui kemudian")
			p.click("button", "Save")
			p.reads("Stage record saved.", "Disetujui kemudian")
			p.click("link", "Delete "+audit)
			p.sees("heading", "Delete this stage record?")
			p.click("link", "Cancel")
			p.click("link", "Delete "+audit)
			p.reads("This cannot be undone.")
			p.click("button", "Delete stage record")
			p.reads("Stage record deleted;")
			p.lacks("Disetujui kemudian")
		})
	}
}

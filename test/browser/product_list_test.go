package browser_test

import "testing"

// TestProducts_List searches, filters, sorts and pages through the list.
func TestProducts_List(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	eachViewer(t, viewers(), func(t *testing.T, _ string, v viewer) {
		p := browse(t, s.Address, v)
		first := func(what, name string) {
			t.Helper()
			if got := p.texts("main :is(li h2, tbody th)"); len(got) == 0 || got[0] != name {
				t.Errorf("%s the first of the list is %q", what, got)
			}
		}
		p.open("/products")
		p.wantTexts("211 products", "Page 1 of 18")
		p.fill("Search", "tarif")
		p.choose("Segment", "Korporat")
		p.choose("Order", "Price, highest first")
		p.click("button", "Filter")
		p.wantPath("/products?search=tarif&*sort=-harga*")
		p.wantTexts("8 products")
		first("by price", "Konsultasi Tarif Indurasmi Bengkulu")

		p.click("link", "Table")
		p.shows("columnheader", "Price")
		p.click("link", "Price")
		p.wantPath("*sort=harga*")
		first("by price, lowest first,", "Konsultasi Tarif Indurasmi Kupang")
		p.click("link", "Product")
		p.wantPath("*sort=produk*")
		first("by name", "Konsultasi Tarif")

		p.click("link", "Search: tarif : remove this filter")
		p.wantTexts("46 products")
		p.click("link", "Cards")
		p.wantTexts("Page 1 of 4")
		p.click("link", "Next")
		p.wantTexts("Page 2 of 4")
		p.click("link", "Last")
		p.wantTexts("Page 4 of 4")
		p.click("link", "First")
		p.wantTexts("Page 1 of 4")
		p.shows("link", "Export as CSV")

		p.fill("Search", "no such product")
		p.click("button", "Filter")
		p.wantTexts("0 products", "No products found")
		p.click("link", "Reset filters")
		p.wantTexts("211 products")
	})
}

// TestProducts_SavedViews narrows a built-in view, saves, renames and deletes one.
func TestProducts_SavedViews(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	eachViewer(t, viewers(), func(t *testing.T, name string, v viewer) {
		p := browse(t, s.Address, v)
		p.open("/products")
		p.click("link", "Overdue")
		p.wantPath("/products?saved=-1")
		p.wantTexts("38 products")
		p.choose("Segment", "Distribusi")
		p.choose("Stage", "Growth")
		p.click("button", "Filter")
		p.wantPath("/products?*stageId=2*overdue=true*")
		p.wantTexts("Planned stage end: Overdue", "Stage: Growth", "Segment: Distribusi")

		p.click("link", "Save this view")
		p.click("button", "Save")
		p.focuses("textbox Name (required)")
		p.fill("Name (required)", "Late "+name)
		p.click("DisclosureTriangle", "Columns")
		p.click("checkbox", "Price")
		p.click("checkbox", "Planned stage end")
		p.click("button", "Save")
		p.wantPath("/products?saved=*")
		p.wantTexts("View saved.", "Late "+name)
		p.shows("columnheader", "Planned stage end")
		p.hides("columnheader", "Segment")

		p.click("link", "Edit view")
		p.fill("Name (required)", "Renamed "+name)
		p.click("checkbox", "Share with everyone")
		p.click("button", "Save")
		p.wantTexts("View saved.")
		p.click("link", "Edit view")
		p.click("link", "Delete view")
		p.shows("heading", "Delete view Renamed "+name+"?")
		p.click("button", "Delete view")
		p.wantTexts("View deleted.")
		p.wantPath("/products")
	})
}

// TestOverview_LinksToLists filters the overview, and follows its figures to the lists behind them.
func TestOverview_LinksToLists(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	eachViewer(t, viewers(), func(t *testing.T, _ string, v viewer) {
		p := browse(t, s.Address, v)
		p.open("/")
		p.choose("Segment", "Distribusi")
		p.choose("Stage", "Growth")
		p.click("button", "Filter")
		p.wantPath("/?*stageId=2*")
		p.shows("link", "12 products")
		p.click("link", "Stage: Growth : remove this filter")
		p.shows("link", "35 products")

		p.click("link", "6 No price")
		p.wantPath("/products?missing=price&segmentId=*")
		p.wantTexts("6 products", "Segment: Distribusi", "Missing: No price")
		p.back("/?segmentId=*")
		p.click("link", "Reset filters")
		p.wantPath("/")
		p.within(".heat").click("link", "12 products: Distribusi, Growth")
		p.wantPath("/products?segmentId=*&stageId=2")
		p.wantTexts("12 products", "Segment: Distribusi", "Stage: Growth")
	})
}

// TestStageHistory_FiltersCorrectsAndDeletes records, also from the matrix.
func TestStageHistory_FiltersCorrectsAndDeletes(t *testing.T) {
	t.Parallel()
	eachViewer(t, viewers(), func(t *testing.T, _ string, v viewer) {
		s := demoSite(t)
		p := browse(t, s.Address, v)
		p.open("/")
		p.within("nav[aria-label=Main]").click("link", "Stage history")
		p.wantTexts("45 in total")
		p.choose("Previous stage", "Growth")
		p.choose("New stage", "Maturity")
		p.fill("Since", "2025-09-01")
		p.fill("Until", "2025-12-31")
		p.click("button", "Filter")
		p.wantTexts("2 in total", "Audit Energi Sagara", "Konsultasi Tarif Utpala")
		p.fill("Search", "no such product")
		p.click("button", "Filter")
		p.wantTexts("No matching moves")
		p.click("link", "Reset filters")
		p.wantPath("/stage-history")

		p.click("link", "Stage matrix")
		p.wantTexts("45 moves")
		p.click("link", "14 moves from Growth to Maturity")
		p.wantTexts("14 in total")
		const audit = "Audit Energi Sagara, 20 Sep 2025 15:21 WIB"
		p.click("link", "Edit "+audit)
		p.fill("Note", "Disetujui kemudian")
		p.click("button", "Save")
		p.wantTexts("Stage history record saved.", "Disetujui kemudian")
		p.click("link", "Delete "+audit)
		p.shows("heading", "Delete this stage history record?")
		p.click("link", "Cancel")
		p.click("link", "Delete "+audit)
		p.wantTexts("You can undo this.")
		p.click("button", "Delete stage history record")
		p.wantTexts("Stage history record deleted.")
		p.wantNoTexts("Disetujui kemudian")
	})
}

package browser_test

import "testing"

// TestOverviewLeadsToLists narrows the overview down, and follows its figures to the lists behind them.
func TestOverviewLeadsToLists(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	for name, v := range viewers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := browse(t, s.Address, v)
			p.open("/")
			p.choose("Segment", "Distribusi")
			p.choose("Stage", "Growth")
			p.click("button", "Filter")
			p.at("/?*stageId=2*")
			p.sees("link", "12 products")
			p.click("link", "Stage: Growth : remove this filter")
			p.sees("link", "35 products")

			p.click("link", "6 No price")
			p.at("/products?missing=price&segmentId=*")
			p.reads("6 products", "Segment: Distribusi", "Missing: No price")
			p.back("/?segmentId=*")
			p.click("link", "Reset filters")
			p.at("/")
			p.clickOn(".heat tbody tr:nth-child(1) td:nth-child(3) a")
			p.at("/products?segmentId=*&stageId=2")
			p.reads("12 products", "Segment: Distribusi", "Stage: Growth")
		})
	}
}

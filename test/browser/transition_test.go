package browser_test

import (
	"net/http"
	"testing"
)

// TestMovingAProduct records a transition, and another one for a stage in which the product is no longer.
func TestMovingAProduct(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	s.exec(s.source, "UPDATE tbl_produk SET id_stage = 1, deskripsi = 'In Introduction' WHERE id IN (5, 6, 7)")
	s.Command("sync")
	for path, v := range map[string]viewer{"/products/5": {}, "/products/6": {phone: true, dark: true}, "/products/7": {phone: true, scriptless: true}} {
		t.Run(path[1:], func(t *testing.T) {
			t.Parallel()
			p, other := browse(t, s.Address, v), newWindow(t, s.Address, viewer{})
			p.open(path)
			other.open(path)
			p.reads("Current stage: Introduction")
			p.choose("New stage (required)", "Growth")
			p.fill("Note", "Naik kelas")
			p.click("DisclosureTriangle", "Performance metrics")
			p.fill("Metric 1", "pendapatan")
			p.refused(http.StatusUnprocessableEntity)
			p.click("button", "Move product")
			p.reads("This metric has a name but no value")
			p.fill("Value 1", "12,50")
			p.click("button", "Move product")
			p.reads("Product moved.")
			p.within(".timeline").reads("Growth from Introduction", "Naik kelas", "pendapatan", "12,50")

			other.choose("New stage (required)", "Maturity")
			other.fill("Note", "Saya juga")
			other.refused(http.StatusConflict)
			other.click("button", "Move product")
			other.reads("The product is not in the previous stage", "in stage “Introduction” when you opened the form, and is now in “Growth”")
			if got := other.value("Note"); got != "Saya juga" {
				t.Errorf("the notes are %q now", got)
			}
			other.click("button", "Move product")
			other.within(".timeline").reads("Maturity from Growth", "Saya juga", "Growth from Introduction")
		})
	}
}

package browser_test

import (
	"strings"
	"testing"
)

// TestProductList searches, filters, sorts and turns the pages of the list, and takes it along as a file.
func TestProductList(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	for name, v := range viewers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := browse(t, s.Address, v)
			first := func(what, name string) {
				t.Helper()
				if got := p.texts("main :is(li h2, tbody th)"); len(got) == 0 || got[0] != name {
					t.Errorf("%s the first of the list is %q", what, got)
				}
			}
			p.open("/products")
			p.reads("211 products", "Page 1 of 18")
			p.fill("Search", "tarif")
			p.choose("Segment", "Korporat")
			p.choose("Order", "Price, highest first")
			p.click("button", "Filter")
			p.at("/products?search=tarif&*sort=-harga*")
			p.reads("8 products")
			first("by price", "Konsultasi Tarif Indurasmi Bengkulu")

			p.click("link", "Table")
			p.sees("columnheader", "Price")
			p.click("link", "Price")
			p.at("*sort=harga*")
			first("by price, lowest first,", "Konsultasi Tarif Indurasmi Kupang")
			p.click("link", "Product")
			p.at("*sort=produk*")
			first("by name", "Konsultasi Tarif")

			p.click("link", "Search: tarif : remove this filter")
			p.reads("46 products")
			p.click("link", "Cards")
			p.reads("Page 1 of 4")
			p.click("link", "Next")
			p.reads("Page 2 of 4")
			p.click("link", "Last")
			p.reads("Page 4 of 4")
			p.click("link", "First")
			p.reads("Page 1 of 4")
			name, csv := p.download("link", "Export as CSV")
			if rows := strings.Count(csv, "\n"); !strings.HasSuffix(name, ".csv") || rows != 1+46 {
				t.Errorf("%s has %d rows", name, rows)
			}

			p.fill("Search", "no such product")
			p.click("button", "Filter")
			p.reads("0 products", "No products found")
			p.click("link", "Reset filters")
			p.reads("211 products")
		})
	}
}

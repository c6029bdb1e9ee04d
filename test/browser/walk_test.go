package browser_test

import (
	"strings"
	"testing"
)

// TestLongTextsFit visits every page where names and texts are as long as they may be, and nothing in them can be
// broken. That no page is wider than its window is checked in every test.
func TestLongTextsFit(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	s.exec(s.source, "UPDATE tbl_produk SET produk = $1, pelanggan = $1, deskripsi = $2, harga = 9223372036854775807, updated_at = '2026-11-24 10:00:00' WHERE id = 1",
		strings.Repeat("W", 255), strings.Repeat("panjang", 700))
	s.exec(s.source, `UPDATE tbl_stage_histori SET id_produk = 1, catatan = $1, performance_metrics = '{"`+strings.Repeat("nama", 50)+`": "`+strings.Repeat("nilai", 50)+`"}'`,
		strings.Repeat("catatan", 100))
	s.exec(s.source, "UPDATE tbl_segmen SET segmen = $1 WHERE id = 1", strings.Repeat("M", 100))
	s.exec(s.source, "UPDATE tbl_stage SET stage = $1 WHERE id = 1", strings.Repeat("M", 100))
	s.Command("sync")
	for name, v := range viewers() {
		if v.scriptless || v == (viewer{}) {
			continue // other scenarios check these
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := browse(t, s.Address, v)
			for _, path := range pictured {
				p.open(strings.Replace(path, "?view=table", "?view=table&sort=-harga", 1))
			}
			p.open("/products?sort=-harga")
			p.open("/stage-history?productId=1")
		})
	}
}

// TestNavigationOnAPhone reaches every section from the navigation.
func TestNavigationOnAPhone(t *testing.T) {
	t.Parallel()
	p := browse(t, demoSite(t).Address, viewer{phone: true})
	p.open("/")
	for name, heading := range map[string]string{"Stage history": "Stage history", "Sync": "Sync status", "Products": "Products", "Overview": "Overview"} {
		p.within("nav[aria-label=Main]").click("link", name)
		p.sees("heading", heading)
	}
}

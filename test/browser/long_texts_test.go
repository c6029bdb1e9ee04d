package browser_test

import (
	"strings"
	"testing"
)

// TestLongTexts shows texts of 65,536 characters without a space: cut off in lists, in full on the product's page. Every page
// is as wide as the window.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	long := strings.Repeat("panjang", 65_536/7+1)[:65_536]
	s.exec(s.source, "UPDATE tbl_produk SET produk = $1, deskripsi = $1, pelanggan = $1", long)
	s.exec(s.source, "UPDATE tbl_segmen SET segmen = $1", long)
	s.exec(s.source, "UPDATE tbl_stage SET stage = $1", long)
	s.exec(s.source, "UPDATE tbl_stage_histori SET catatan = $1", long)
	s.exec(s.source, "UPDATE tbl_produk SET id_stage = 99 WHERE id = 2")
	s.Command("sync")
	p := browse(t, s.Address, viewer{phone: true})
	for _, path := range []string{"/", "/products", "/products?view=table", "/stage-history", "/sync/quarantine", "/sync/changes?table=tbl_produk&id=1", "/sync/runs"} {
		p.open(path)
		if size, err := evaluate[int](p, "document.documentElement.outerHTML.length"); err != nil || size > 500_000 {
			t.Errorf("%s has %d characters, %v", path, size, err)
		}
	}
	p.open("/products/1")
	if has, err := evaluate[bool](p, `document.querySelector("main").textContent.split("`+"panjang"+`".repeat(9362)).length > 2`); err != nil || !has {
		t.Errorf("the product's page lacks the full texts: %v", err)
	}
}

package browser_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"lifecycle-sync/test/kit"
)

// viewers are the ways to look at pages that each scenario is tried in. Dark and narrow windows are tried together, and also
// each alone where make test-long runs the tests.
func viewers() map[string]viewer {
	all := map[string]viewer{"desktop": {}, "dark phone": {phone: true, dark: true}, "without JavaScript": {scriptless: true}}
	if kit.IsLong() {
		all["dark"], all["phone"] = viewer{dark: true}, viewer{phone: true}
	}
	return all
}

// eachViewer runs a scenario for one of several viewers, a different one every day. make test-long runs it for all of them at
// the same time.
func eachViewer(t *testing.T, all map[string]viewer, scenario func(t *testing.T, name string, v viewer)) {
	t.Helper()
	for _, name := range kit.Daily(t, 1, slices.Sorted(maps.Keys(all))...) {
		t.Run(strings.TrimPrefix(name, "/"), func(t *testing.T) {
			t.Parallel()
			scenario(t, name, all[name])
		})
	}
}

// TestFrame_FirstVisit opens the program as it is after go run ., and reaches every section from the navigation.
func TestFrame_FirstVisit(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	eachViewer(t, viewers(), func(t *testing.T, _ string, v viewer) {
		p := browse(t, s.Address, v)
		p.open("/")
		p.wantTexts("In sync · checked", "211 products")
		p.shows("heading", "Overview")
		p.pressKeys(kb.Tab)
		if got := p.focused(); got != "link Skip to the content" {
			t.Errorf("the first key leads to %s", got)
		}
		p.pressKeys(kb.Enter)
		p.wantPath("/#main")
		for name, heading := range map[string]string{"Stage history": "Stage history", "Sync": "Sync status", "Products": "Products", "Overview": "Overview"} {
			p.within("nav[aria-label=Main]").click("link", name)
			p.shows("heading", heading)
		}
		p.expectStatus(http.StatusNotFound)
		p.open("/nothing")
		p.shows("heading", "Page not found")
		p.click("link", "Go to the overview")
		p.wantPath("/")
	})
}

// TestFrame_WorksWithKeyboard searches for a product and changes it without a mouse; the focus is always visible.
func TestFrame_WorksWithKeyboard(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	p := browse(t, s.Address, viewer{})
	p.open("/")
	p.tabTo("link Products")
	p.pressKeys(kb.Enter)
	p.wantPath("/products")
	p.pressKeys(kb.Tab)
	p.focuses("link Skip to the content")
	p.pressKeys(kb.Enter)
	p.tabTo("searchbox Search")
	p.pressKeys("kubikel", kb.Enter)
	p.wantPath("/products?search=kubikel*")
	p.tabTo("link Table")
	p.pressKeys(kb.Enter)
	p.wantPath("*view=table*")
	p.tabTo("link Kubikel Cerdas")
	p.pressKeys(kb.Enter)
	p.tabTo("link Edit")
	p.pressKeys(kb.Enter)
	p.tabTo("combobox Segment (required)")
	p.pressKeys("Kor")
	p.tabTo("textbox Customer")
	p.pressKeys("PT Tombol", kb.Enter)
	p.wantTexts("Product saved.", "Korporat", "PT Tombol")
}

// tabTo presses the tab key until an element, by its role and name, has the focus. The focus must always be visible.
func (p *page) tabTo(element string) {
	p.Helper()
	for range 60 {
		p.pressKeys(kb.Tab)
		visible, err := evaluate[bool](p, `(() => {
			const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
			return e === document.body || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.bottom > 0 && box.top < innerHeight;
		})()`)
		focused := p.focused()
		if err != nil || !visible {
			p.Errorf("the focus on %s is not visible (%v)", focused, err)
		}
		if focused == element {
			return
		}
	}
	p.Fatalf("the tab key does not lead to %s", element)
}

// focuses waits until an element, by its role and name, has the focus.
func (p *page) focuses(element string) {
	p.Helper()
	p.until("the focus is on "+element, func() error {
		if got := p.focused(); got != element {
			return errors.New("it is on " + got)
		}
		return nil
	})
	p.check()
}

// TestSession_SignsInAndOut with and without JavaScript.
func TestSession_SignsInAndOut(t *testing.T) {
	t.Parallel()
	s := demoSite(t, withTokens...)
	eachViewer(t, map[string]viewer{"desktop": {}, "phone without JavaScript": {phone: true, scriptless: true}}, func(t *testing.T, _ string, v viewer) {
		p := browse(t, s.Address, v)
		p.open("/?segmentId=1")
		p.wantPath("/sign-in?next=%2F%3FsegmentId%3D1")
		p.wantNoTexts("Products", "In sync")
		p.fill("Token", "nonsense")
		p.expectStatus(http.StatusUnprocessableEntity)
		p.click("button", "Sign in")
		p.wantTexts("The token is invalid")
		p.fill("Token", s.Token("Admin"))
		p.click("button", "Sign in")
		p.wantPath("/?segmentId=1")
		p.shows("link", "Sync")
		if cookie, err := evaluate[string](p, "document.cookie"); err != nil || cookie != "" {
			t.Errorf("a script can read %q (%v)", cookie, err)
		}
		p.click("button", "Sign out")
		p.wantPath("/sign-in")
		p.wantTexts("You are signed out.")
		p.open("/")
		p.wantPath("/sign-in?next=%2F")

		p.fill("Token", s.Token("Staff"))
		p.click("button", "Sign in")
		p.wantPath("/")
		p.shows("link", "Products")
		p.hides("link", "Sync")
		p.wantTexts("In sync")
	})
}

// TestFrame_LongTextsFit opens every page with the longest names and texts, which cannot be broken. Every test checks that
// no page is wider than its window.
func TestFrame_LongTextsFit(t *testing.T) {
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

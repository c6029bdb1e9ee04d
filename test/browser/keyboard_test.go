package browser_test

import (
	"errors"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestKeyboardAlone searches for a product and changes it without a mouse, seeing all the time where the focus is.
func TestKeyboardAlone(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	p := browse(t, s.Address, viewer{})
	p.open("/")
	p.tabTo("link Products")
	p.strike(kb.Enter)
	p.at("/products")
	p.strike(kb.Tab)
	p.focuses("link Skip to the content")
	p.strike(kb.Enter)
	p.tabTo("searchbox Search")
	p.strike("kubikel", kb.Enter)
	p.at("/products?search=kubikel*")
	p.tabTo("link Table")
	p.strike(kb.Enter)
	p.at("*view=table*")
	p.tabTo("link Kubikel Cerdas")
	p.strike(kb.Enter)
	p.tabTo("link Edit")
	p.strike(kb.Enter)
	p.tabTo("combobox Segment (required)")
	p.strike("Kor")
	p.tabTo("textbox Customer")
	p.strike("PT Tombol", kb.Enter)
	p.reads("Product saved.", "Korporat", "PT Tombol")
}

// tabTo strikes the tab key until a thing, by its role and name, has the focus. Whatever has it on the way shows it.
func (p *page) tabTo(thing string) {
	p.Helper()
	for range 60 {
		p.strike(kb.Tab)
		visible, err := evaluate[bool](p, `(() => {
			const e = document.activeElement, style = getComputedStyle(e), box = e.getBoundingClientRect();
			return e === document.body || style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && box.bottom > 0 && box.top < innerHeight;
		})()`)
		focused := p.focused()
		if err != nil || !visible {
			p.Errorf("nobody sees that %s has the focus (%v)", focused, err)
		}
		if focused == thing {
			return
		}
	}
	p.Fatalf("the tab key does not lead to %s", thing)
}

// focuses waits until a thing, by its role and name, has the focus.
func (p *page) focuses(thing string) {
	p.Helper()
	p.until("the focus is on "+thing, func() error {
		if got := p.focused(); got != thing {
			return errors.New("it is on " + got)
		}
		return nil
	})
	p.check()
}

package browser_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"lifecycle-sync/test/kit"
)

// viewers are the ways to look at pages that each scenario is tried in. Dark and narrow windows are tried together, and also
// each alone where make test-long runs the tests.
func viewers() map[string]viewer {
	all := map[string]viewer{"desk": {}, "phone in the dark": {phone: true, dark: true}, "without JavaScript": {scriptless: true}}
	if kit.IsLong() {
		all["dark"], all["phone"] = viewer{dark: true}, viewer{phone: true}
	}
	return all
}

// TestFirstVisit is what somebody finds who has said go run . and opens the address.
func TestFirstVisit(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	for name, v := range viewers() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := browse(t, s.Address, v)
			p.open("/")
			p.reads("In sync · checked", "211 products")
			p.sees("heading", "Overview")
			p.strike(kb.Tab)
			if got := p.focused(); got != "link Skip to the content" {
				t.Errorf("the first key leads to %s", got)
			}
			p.strike(kb.Enter)
			p.at("/#main")
			p.refused(http.StatusNotFound)
			p.open("/nothing")
			p.sees("heading", "Page not found")
			p.click("link", "Go to the overview")
			p.at("/")
		})
	}
}

// TestEveryPageSaysHowTheMirrorStands makes a run fail, and the next one wait.
func TestEveryPageSaysHowTheMirrorStands(t *testing.T) {
	t.Parallel()
	s := postgresSite(t)
	p := browse(t, s.Address, viewer{})
	standing := func() string { return p.within(".status").text() }
	says := func(text string) {
		t.Helper()
		p.until("every page says "+text, func() error {
			if p.open("/"); !strings.Contains(standing(), text) {
				return errors.New("it says " + standing())
			}
			return nil
		})
	}
	p.open("/")
	p.reads("In sync · checked")

	s.exec(s.source, "CREATE TABLE kept AS SELECT * FROM tbl_produk")
	s.exec(s.source, "DELETE FROM tbl_produk")
	if code, _, stderr := s.Run("sync"); code != 1 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	says("Last sync failed")
	p.sees("link", "See what to do")

	s.exec(s.source, "INSERT INTO tbl_produk OVERRIDING SYSTEM VALUE SELECT * FROM kept")
	release, awaited := kit.Lock(s, s.source, "LOCK TABLE tbl_stage_histori IN ACCESS EXCLUSIVE MODE")
	ended := make(chan int, 1)
	go func() {
		code, _, _ := s.Run("sync")
		ended <- code
	}()
	s.Eventually("the run waits", awaited)
	says("sync in progress")
	release()
	if code := <-ended; code != 0 {
		t.Fatalf("exit %d", code)
	}
	p.until("the run is over", func() error {
		if p.open("/"); strings.Contains(standing(), "in progress") {
			return errors.New(standing())
		}
		return nil
	})
	says("In sync · checked")
}

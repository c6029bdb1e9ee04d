package browser_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"lifecycle-sync/test/kit"
)

// page is a window with a page, as a person has it before them: things are found by what they are called, and one
// waits until they are there. A step that does not come true fails the test, with a picture.
type page struct {
	testing.TB
	ctx       context.Context //nolint:containedctx // chromedp's handle of the window
	address   string          // host:port
	viewer    viewer
	scope     string // a CSS selector: only what is within is found; "" is everything
	watch     *watch
	checked   map[string]bool // by the HTML: states that were checked
	report    func(problem string)
	artifacts string // the folder for a picture of a failure, which outlives the window
}

// patience is how long a step may take to come true.
const patience = 30 * time.Second

// until waits until a step succeeds.
func (p *page) until(what string, step func() error) {
	p.Helper()
	var err error
	kit.Eventually(p, what, func() bool {
		err = step()
		return err == nil
	}, kit.Text(func() string { return fmt.Sprintf("%v\non %s:\n%s", err, p.location(), p.text()) }))
}

// open goes to a path of the program, and waits until the page is loaded.
func (p *page) open(path string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate("http://"+p.address+path)); err != nil {
		p.Fatalf("%s: %v", path, err)
	}
	p.check()
}

// within is the page, of which only a part is looked at: that of a CSS selector.
func (p *page) within(selector string) *page {
	part := *p
	part.scope = selector
	return &part
}

// reads waits until the page shows a text, whatever white space is in it.
func (p *page) reads(texts ...string) {
	p.Helper()
	for _, text := range texts {
		p.until(fmt.Sprintf("%q is there", text), func() error {
			shown, err := p.shown()
			if err == nil && !strings.Contains(shown, spaced(text)) {
				err = errors.New("it is not")
			}
			return err
		})
	}
	p.check()
}

// lacks waits until the page does not show a text.
func (p *page) lacks(texts ...string) {
	p.Helper()
	for _, text := range texts {
		p.until(fmt.Sprintf("%q is not there", text), func() error {
			shown, err := p.shown()
			if err == nil && strings.Contains(shown, spaced(text)) {
				err = errors.New("it is")
			}
			return err
		})
	}
	p.check()
}

// text is what the page shows now, in one line.
func (p *page) text() string {
	shown, err := p.shown()
	if err != nil {
		return err.Error()
	}
	return shown
}

func (p *page) shown() (string, error) {
	shown, err := evaluate[string](p, p.root()+`.innerText`)
	return spaced(shown), err
}

// texts are those of everything that a CSS selector picks out.
func (p *page) texts(selector string) []string {
	p.Helper()
	texts, err := evaluate[[]string](p, `[...`+p.root()+`.querySelectorAll(`+quoted(selector)+`)].map(e => e.innerText)`)
	if err != nil {
		p.Fatal(selector, ": ", err)
	}
	for i, text := range texts {
		texts[i] = spaced(text)
	}
	return texts
}

// spaced puts one blank where there is any white space.
func spaced(text string) string { return strings.Join(strings.Fields(text), " ") }

// root is the part that is looked at, as JavaScript.
func (p *page) root() string {
	if p.scope == "" {
		return "document.body"
	}
	return "document.querySelector(" + quoted(p.scope) + ")"
}

// at waits until the page is that of a path with its query; * stands for anything.
func (p *page) at(path string) {
	p.Helper()
	wanted := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(path), `\*`, ".*") + "$")
	p.until("at "+path, func() error {
		if at := p.location(); !wanted.MatchString(at) {
			return errors.New("at " + at)
		}
		return nil
	})
	p.check()
}

// location is the page's path with its query and fragment.
func (p *page) location() string {
	at, err := evaluate[string](p, "location.href")
	if err != nil {
		return err.Error()
	}
	u, err := url.Parse(at)
	if err != nil {
		return at
	}
	u.Scheme, u.Host = "", ""
	return u.String()
}

// refused says that one of the answers to come, to whatever is asked next, has a status from 400 on. Without it that is
// a problem; with it, that none has.
func (p *page) refused(status int64) { p.watch.expect(status) }

// listens waits until the server tells the page what happens from now on.
func (p *page) listens() {
	p.Helper()
	p.until("the page listens", func() error {
		if !p.watch.listens() {
			return errors.New("it does not")
		}
		return nil
	})
}

// back goes back, as the browser's button does; say where to, since the page may be there at once or be loaded.
func (p *page) back(to string) {
	p.Helper()
	p.check()
	if _, err := evaluate[chromedp.Void](p, "history.back()"); err != nil {
		p.Fatal("back: ", err)
	}
	p.at(to)
}

// leave takes a last look: a test that failed keeps a picture, where go test -artifacts says.
func (p *page) leave() {
	if !p.Failed() {
		p.check()
		if missed := p.watch.missed(); len(missed) > 0 {
			p.Errorf("nothing was refused with %d", missed)
		}
	}
	if !p.Failed() {
		return
	}
	picture := filepath.Join(p.artifacts, fmt.Sprintf("%d.png", time.Now().UnixNano()))
	p.picture(picture)
	p.Logf("the page then, if go test has -artifacts: %s", picture)
}

// picture writes the whole page to a file.
func (p *page) picture(path string) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(path, png, 0o600)
	}
	if err != nil {
		p.Error("no picture: ", err)
	}
}

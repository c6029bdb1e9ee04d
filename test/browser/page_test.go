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

// page is a window with a page: elements are found by their accessible names, and each step
// waits until they are there. A step that does not succeed fails the test, with a picture.
type page struct {
	testing.TB
	ctx       context.Context //nolint:containedctx // chromedp's handle of the window
	address   string          // host:port
	viewer    viewer
	scope     string // a CSS selector: only what is within is found; "" for everything
	watch     *watch
	report    func(problem string)
	artifacts string // the folder for a picture of a failure, which outlives the window
}

// until waits until a step succeeds.
func (p *page) until(name string, step func() error) {
	p.Helper()
	var err error
	kit.Eventually(p, name, func() bool {
		err = step()
		return err == nil
	}, kit.Text(func() string { return fmt.Sprintf("%v\non %s:\n%s", err, p.location(), p.text()) }))
}

// open goes to a path of the program, and waits until the page is loaded.
func (p *page) open(path string) {
	p.Helper()
	if err := chromedp.Do(p.ctx, chromedp.Navigate("http://"+p.address+path)); err != nil {
		p.Fatalf("%s: %v", path, err)
	}
	p.check()
}

// within is the page restricted to the part of a CSS selector.
func (p *page) within(selector string) *page {
	part := *p
	part.scope = selector
	return &part
}

// wantTexts waits until the page contains texts, ignoring white space.
func (p *page) wantTexts(texts ...string) {
	p.Helper()
	p.want(true, texts)
}

// wantNoTexts waits until the page does not show a text.
func (p *page) wantNoTexts(texts ...string) {
	p.Helper()
	p.want(false, texts)
}

func (p *page) want(isThere bool, texts []string) {
	p.Helper()
	for _, text := range texts {
		p.until(fmt.Sprintf("%q is there: %t", text, isThere), func() error {
			content, err := p.visibleText()
			if err == nil && strings.Contains(content, normalizeSpace(text)) != isThere {
				err = errors.New("it is not so")
			}
			return err
		})
	}
	p.check()
}

// text returns the visible text of the page in one line, or the error.
func (p *page) text() string {
	text, err := p.visibleText()
	if err != nil {
		return err.Error()
	}
	return text
}

func (p *page) visibleText() (string, error) {
	text, err := evaluate[string](p, p.root()+`.innerText`)
	return normalizeSpace(text), err
}

// texts are the texts of all elements of a CSS selector.
func (p *page) texts(selector string) []string {
	p.Helper()
	texts, err := evaluate[[]string](p, `[...`+p.root()+`.querySelectorAll(`+jsString(selector)+`)].map(e => e.innerText)`)
	if err != nil {
		p.Fatal(selector, ": ", err)
	}
	for i, text := range texts {
		texts[i] = normalizeSpace(text)
	}
	return texts
}

// normalizeSpace replaces white space by single blanks.
func normalizeSpace(text string) string { return strings.Join(strings.Fields(text), " ") }

// root returns the part to search as a JavaScript expression.
func (p *page) root() string {
	if p.scope == "" {
		return "document.body"
	}
	return "document.querySelector(" + jsString(p.scope) + ")"
}

// wantPath waits until the page has a path with a query; * matches anything.
func (p *page) wantPath(path string) {
	p.Helper()
	pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(path), `\*`, ".*") + "$")
	p.until("at "+path, func() error {
		if location := p.location(); !pattern.MatchString(location) {
			return errors.New("at " + location)
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

// expectStatus says that one of the next responses has a status from 400 on. An unexpected one is a problem, and so is
// one that does not come.
func (p *page) expectStatus(status int64) { p.watch.expect(status) }

// awaitStream waits until the page receives the server's events.
func (p *page) awaitStream() {
	p.Helper()
	p.until("the page receives events", func() error {
		if !p.watch.hasStream() {
			return errors.New("it does not")
		}
		return nil
	})
}

// back goes back, as the browser's button does, to a path.
func (p *page) back(path string) {
	p.Helper()
	p.check()
	if err := chromedp.Do(p.ctx, chromedp.NavigateBack()); err != nil {
		p.Fatal("back: ", err)
	}
	p.wantPath(path)
}

// finish checks the page a last time. After a failure it stores a screenshot in the folder of go test -artifacts.
func (p *page) finish() {
	if !p.Failed() {
		p.check()
		if missed := p.watch.unmet(); len(missed) > 0 {
			p.Errorf("no response with status %d", missed)
		}
	}
	if !p.Failed() {
		return
	}
	picture := filepath.Join(p.artifacts, fmt.Sprintf("%d.png", time.Now().UnixNano()))
	p.picture(picture)
	p.Logf("picture of the page, with go test -artifacts: %s", picture)
}

// picture writes the whole page to a file.
func (p *page) picture(path string) {
	p.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(path, png, 0o600)
	}
	if err != nil {
		p.Error("no picture: ", err)
	}
}

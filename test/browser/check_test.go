package browser_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"

	"lifecycle-sync/test/kit"
)

// rules are those of axe that a page must keep: WCAG 2.2, A and AA. The size of targets is a rule of 2.2 that axe has
// switched off unless asked.
const rules = `{resultTypes: ["violations"], rules: {"target-size": {enabled: true}},
	runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}`

// check waits until the page is loaded and holds it, as it stands, to what every page must keep: nothing went wrong in
// the console or the network, no policy was violated, nothing is to be scrolled sideways, and axe finds nothing. A state
// that was checked before is not checked again.
func (p *page) check() {
	p.Helper()
	p.until("the page can be checked", func() error {
		state, err := evaluate[struct {
			Ready     bool
			URL, HTML string
			Hidden    int
		}](p, `({ready: document.readyState === "complete", url: location.href, html: document.documentElement.outerHTML,
			hidden: document.documentElement.scrollWidth - document.documentElement.clientWidth})`)
		if err != nil {
			return err
		}
		if !state.Ready {
			return errors.New("the page is still loading")
		}
		for _, problem := range p.watch.drain() {
			p.report(state.URL + ": " + problem)
		}
		if p.checked[state.HTML] {
			return nil
		}
		violations, err := p.violations()
		if err != nil {
			return err
		}
		p.checked[state.HTML] = true
		if state.Hidden > 0 {
			p.report(fmt.Sprintf("%s: the page is %d pixels wider than the window", state.URL, state.Hidden))
		}
		for _, v := range violations {
			p.report(state.URL + ": " + v.String())
		}
		return nil
	})
}

// violation is a rule of axe that the page breaks.
type violation struct {
	ID, Impact, Help string
	Nodes            []struct{ HTML, FailureSummary string }
}

func (v violation) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "accessibility: %s (%s): %s", v.ID, v.Impact, v.Help)
	for _, node := range v.Nodes {
		fmt.Fprintf(&text, "\n\t%s\n\t\t%s", node.HTML, strings.ReplaceAll(node.FailureSummary, "\n", "\n\t\t"))
	}
	return text.String()
}

// violations runs axe. It is evaluated, which a content security policy does not hinder, unlike an element. Without
// JavaScript it does not run.
func (p *page) violations() ([]violation, error) {
	if p.viewer.scriptless {
		return nil, nil
	}
	source, err := os.ReadFile(filepath.Join(kit.NodeModules(p, "package-lock.json"), "axe-core/axe.min.js"))
	if err != nil {
		return nil, err
	}
	if isLoaded, err := evaluate[bool](p, `typeof axe === "object"`); err != nil {
		return nil, err
	} else if !isLoaded {
		if err := chromedp.Do(p.ctx, chromedp.Evaluate[chromedp.Void](string(source)+";0")); err != nil {
			return nil, err
		}
	}
	return evaluate[[]violation](p, `axe.run(document, `+rules+`).then(found => found.violations)`, chromedp.EvalAwaitPromise)
}

package browser_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"

	"lifecycle-sync/test/kit"
)

// rules are those of axe that a page must keep: WCAG 2.2, A and AA. The size of targets is a rule of 2.2 that axe has
// switched off unless asked.
const rules = `{resultTypes: ["violations"], rules: {"target-size": {enabled: true}},
	runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}`

// check waits until the page is loaded and holds it, as it stands, to what every page must keep: nothing went wrong in
// the console or the network, no policy was violated, nothing is to be scrolled sideways, and axe finds nothing.
func (p *page) check() {
	p.Helper()
	p.until("the page can be checked", func() error {
		state, err := evaluate[struct {
			Ready  bool
			URL    string
			Hidden int
			Kinds  []int
		}](p, `({ready: document.readyState === "complete", url: location.href, kinds: `+elementKinds+`,
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
		if state.Hidden > 0 {
			p.report(fmt.Sprintf("%s: the page is %d pixels wider than the window", state.URL, state.Hidden))
		}
		if p.viewer.scriptless || accessible.has(p.viewer, state.Kinds) {
			return nil
		}
		violations, err := p.violations()
		if err != nil {
			return err
		}
		for _, v := range violations {
			p.report(state.URL + ": " + v.String())
		}
		if len(violations) == 0 {
			accessible.add(p.viewer, state.Kinds)
		}
		return nil
	})
}

// elementKinds evaluates to the kinds of elements of a page, as hashes: an element's kind is its name, its attributes, its
// ancestors and the page's stylesheets, but not its texts.
const elementKinds = `(() => {
	const kinds = new Set()
	const hash = (seed, text) => {
		for (let i = 0; i < text.length; i++) seed = Math.imul(seed ^ text.charCodeAt(i), 16777619)
		return seed
	}
	const add = (element, parent) => {
		const attributes = [...element.attributes].map(({name, value}) =>
			name + (["class", "role", "type", "lang"].includes(name) ? "=" + value : value ? "" : "="))
		const kind = hash(parent, element.localName + attributes.sort() + (element.textContent.trim() ? "" : " empty"))
		kinds.add(kind)
		for (const child of element.children) add(child, kind)
	}
	const styles = [...document.querySelectorAll("link[rel=stylesheet]")].map(link => link.getAttribute("href").replace(/\?.*/, ""))
	add(document.documentElement, hash(2166136261, styles.join()))
	return [...kinds]
})()`

// accessible remembers, for all tests, what axe found nothing wrong with, because axe takes longer than everything else.
var accessible = kindsByViewer{seen: map[viewer]map[int]bool{}}

// kindsByViewer is a set of kinds of elements for each viewer.
type kindsByViewer struct {
	mu   sync.Mutex
	seen map[viewer]map[int]bool
}

// has reports whether all kinds are in the set.
func (k *kindsByViewer) has(v viewer, kinds []int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return !slices.ContainsFunc(kinds, func(kind int) bool { return !k.seen[v][kind] })
}

// add adds kinds to the set.
func (k *kindsByViewer) add(v viewer, kinds []int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.seen[v] == nil {
		k.seen[v] = map[int]bool{}
	}
	for _, kind := range kinds {
		k.seen[v][kind] = true
	}
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

// violations runs axe. It is evaluated, which a content security policy does not hinder, unlike an element.
func (p *page) violations() ([]violation, error) {
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

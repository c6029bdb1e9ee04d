package browser_test

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// sees waits until there is one thing of a role and name, as "heading" and "Products".
func (p *page) sees(role, name string) {
	p.Helper()
	p.until(fmt.Sprintf("%s %q is there", role, name), func() error {
		_, err := p.one(role, name)
		return err
	})
	p.check()
}

// hides waits until there is nothing of a role and name.
func (p *page) hides(role, name string) {
	p.Helper()
	p.until(fmt.Sprintf("%s %q is not there", role, name), func() error {
		all, err := p.things()
		if err == nil && slices.ContainsFunc(all, func(t thing) bool { return t.role == role && t.name == name }) {
			err = errors.New("it is")
		}
		return err
	})
	p.check()
}

// click clicks on the one thing of a role and name, as "link" or "button" and what stands on it.
func (p *page) click(role, name string) {
	p.Helper()
	p.press(fmt.Sprintf("click on %s %q", role, name), func() (thing, error) { return p.one(role, name) })
}

// clickOn clicks on what a CSS selector picks out.
func (p *page) clickOn(selector string) {
	p.Helper()
	p.press("click on "+selector, func() (thing, error) { return p.css(selector) })
}

// tick clicks on the box or the round button of a label.
func (p *page) tick(label string) {
	p.Helper()
	p.press(fmt.Sprintf("tick %q", label), func() (thing, error) { return p.field(label) })
}

// press presses the mouse's button in the middle of a thing, once it is there and nothing lies over it. The page is
// checked before, since it may go.
func (p *page) press(what string, find func() (thing, error)) {
	p.Helper()
	p.until(what, func() error {
		_, err := find()
		return err
	})
	p.check()
	var x, y float64
	p.until(what, func() error {
		t, err := find()
		if err == nil {
			x, y, err = p.middle(t)
		}
		return err
	})
	if err := p.do(chromedp.MouseClickXY(x, y)); err != nil {
		p.Fatalf("%s: %v", what, err)
	}
}

// middle is where to click on a thing.
func (p *page) middle(t thing) (x, y float64, err error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if _, err := chromedp.Call(ctx, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: t.node}); err != nil {
		return 0, 0, err
	}
	quads, err := chromedp.Call(ctx, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: t.node})
	if err != nil {
		return 0, 0, err
	}
	if len(quads.Quads) == 0 {
		return 0, 0, errors.New("it has no place on the page")
	}
	corners := quads.Quads[0]
	for i := 0; i < len(corners); i += 2 {
		x, y = x+corners[i]/4, y+corners[i+1]/4
	}
	const hit = `function(x, y) { const top = document.elementFromPoint(x, y); return this === top || this.contains(top) ? "" : String(top?.outerHTML).slice(0, 200) }`
	over, err := call[string](p, t, hit, x, y)
	if err == nil && over != "" {
		err = errors.New("over it lies " + over)
	}
	return x, y, err
}

// fill replaces what stands in the field of a label, by typing.
func (p *page) fill(label, text string) {
	p.Helper()
	p.until(fmt.Sprintf("fill %q", label), func() error {
		field, err := p.field(label)
		if err != nil {
			return err
		}
		typed, err := call[bool](p, field, `function() { this.focus(); this.select?.(); return /^(text|search|number|password|email|url|tel|textarea)$/.test(this.type) }`)
		if err != nil {
			return err
		}
		if !typed { // how a date is typed is the system's taste
			_, err = call[chromedp.Void](p, field, set, text)
			return err
		}
		if text == "" {
			_, err = call[chromedp.Void](p, field, set, "")
			return err
		}
		_, err = chromedp.Call(p.ctx, input.InsertText, input.InsertTextParams{Text: text})
		return err
	})
}

// set is how a value comes into a control that is not typed in.
const set = `function(value) {
	this.value = value;
	this.dispatchEvent(new Event("input", {bubbles: true}));
	this.dispatchEvent(new Event("change", {bubbles: true}));
}`

// choose picks an option, by what it shows, in the list of a label.
func (p *page) choose(label, option string) {
	p.Helper()
	p.until(fmt.Sprintf("choose %q in %q", option, label), func() error {
		field, err := p.field(label)
		if err != nil {
			return err
		}
		options, err := call[[]string](p, field, `function() { return [...this.options].map(o => o.label) }`)
		if err != nil {
			return err
		}
		for i, o := range options {
			if spaced(o) == option {
				_, err = call[chromedp.Void](p, field, `function(i) { (`+set+`).call(this, this.options[i].value) }`, i)
				return err
			}
		}
		return fmt.Errorf("there are %q", options)
	})
}

// value is what stands in the field of a label.
func (p *page) value(label string) (value string) {
	p.Helper()
	p.until(fmt.Sprintf("the value of %q", label), func() error {
		field, err := p.field(label)
		if err == nil {
			value, err = call[string](p, field, `function() { return this.value }`)
		}
		return err
	})
	return value
}

// strike strikes keys, as kb.Tab and kb.Enter, wherever the focus is.
func (p *page) strike(keys ...string) {
	p.Helper()
	p.check()
	for _, key := range keys {
		if err := p.do(chromedp.KeyEvent(key)); err != nil {
			p.Fatalf("key %q: %v", key, err)
		}
	}
}

// focused is the role and name of what has the focus, as "link Products".
func (p *page) focused() string {
	p.Helper()
	t, err := p.css(":focus")
	if err != nil {
		return ""
	}
	all, err := p.things()
	if err != nil {
		return ""
	}
	for _, other := range all {
		if other.node == t.node {
			return other.role + " " + other.name
		}
	}
	return ""
}

func (p *page) do(steps ...chromedp.Action[chromedp.Void]) error {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

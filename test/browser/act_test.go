package browser_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// shows waits until there is one element of a role and name, as "heading" and "Products".
func (p *page) shows(role, name string) {
	p.Helper()
	p.until(fmt.Sprintf("%s %q is there", role, name), func() error {
		_, err := p.findOne(role, name)
		return err
	})
	p.check()
}

// hides waits until there is no element with a role and name.
func (p *page) hides(role, name string) {
	p.Helper()
	p.until(fmt.Sprintf("%s %q is not there", role, name), func() error {
		all, err := p.elements()
		if err == nil && slices.ContainsFunc(all, func(t element) bool { return t.role == role && t.name == name }) {
			err = errors.New("it is")
		}
		return err
	})
	p.check()
}

// click clicks on the one element with a role and name, such as "link" or "button" and its text.
func (p *page) click(role, name string) {
	p.Helper()
	p.press(fmt.Sprintf("click on %s %q", role, name), func() (element, error) { return p.findOne(role, name) })
}

// clickOn clicks on the element of a CSS selector.
func (p *page) clickOn(selector string) {
	p.Helper()
	p.press("click on "+selector, func() (element, error) { return p.css(selector) })
}

// tick clicks on a labelled check box or radio button.
func (p *page) tick(label string) {
	p.Helper()
	p.press(fmt.Sprintf("tick %q", label), func() (element, error) { return p.field(label) })
}

// press clicks in the middle of an element, once it is there and nothing covers it. The page is checked before, since the
// click may leave it.
func (p *page) press(step string, find func() (element, error)) {
	p.Helper()
	p.until(step, func() error {
		_, err := find()
		return err
	})
	p.check()
	var x, y float64
	p.until(step, func() error {
		t, err := find()
		if err == nil {
			x, y, err = p.middle(t)
		}
		return err
	})
	if err := p.do(chromedp.MouseClickXY(x, y)); err != nil {
		p.Fatalf("%s: %v", step, err)
	}
}

// middle returns the position to click on an element.
func (p *page) middle(t element) (x, y float64, err error) {
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	if _, err := chromedp.Call(ctx, dom.ScrollIntoViewIfNeeded, dom.ScrollIntoViewIfNeededParams{BackendNodeID: t.node}); err != nil {
		return 0, 0, err
	}
	quads, err := chromedp.Call(ctx, dom.GetContentQuads, dom.GetContentQuadsParams{BackendNodeID: t.node})
	if err != nil {
		return 0, 0, err
	}
	if len(quads.Quads) == 0 {
		return 0, 0, errors.New("it is not rendered")
	}
	corners := quads.Quads[0]
	for i := 0; i < len(corners); i += 2 {
		x, y = x+corners[i]/4, y+corners[i+1]/4
	}
	const hit = `function(x, y) { const top = document.elementFromPoint(x, y); return this === top || this.contains(top) ? "" : String(top?.outerHTML).slice(0, 200) }`
	over, err := call[string](p, t, hit, x, y)
	if err == nil && over != "" {
		err = errors.New("it is covered by " + over)
	}
	return x, y, err
}

// fill replaces the text of a labelled field, by typing.
func (p *page) fill(label, text string) {
	p.Helper()
	p.until(fmt.Sprintf("fill %q", label), func() error {
		field, err := p.field(label)
		if err != nil {
			return err
		}
		isTextField, err := call[bool](p, field, `function() { this.focus(); this.select?.(); return /^(text|search|number|password|email|url|tel|textarea)$/.test(this.type) }`)
		if err != nil {
			return err
		}
		if !isTextField { // typing a date depends on the system
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

// set sets the value of a control without typing.
const set = `function(value) {
	this.value = value;
	this.dispatchEvent(new Event("input", {bubbles: true}));
	this.dispatchEvent(new Event("change", {bubbles: true}));
}`

// choose selects an option of a labelled select, by its text.
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
			if normalizeSpace(o) == option {
				_, err = call[chromedp.Void](p, field, `function(i) { (`+set+`).call(this, this.options[i].value) }`, i)
				return err
			}
		}
		return fmt.Errorf("there are %q", options)
	})
}

// value returns the value of a labelled field.
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

// pressKeys presses keys, as kb.Tab and kb.Enter, wherever the focus is.
func (p *page) pressKeys(keys ...string) {
	p.Helper()
	p.check()
	for _, key := range keys {
		if err := p.do(chromedp.KeyEvent(key)); err != nil {
			p.Fatalf("key %q: %v", key, err)
		}
	}
}

// focused returns the role and name of the focused element, such as "link Products".
func (p *page) focused() string {
	p.Helper()
	t, err := p.css(":focus")
	if err != nil {
		return ""
	}
	all, err := p.elements()
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
	ctx, cancel := context.WithTimeout(p.ctx, stepTimeout)
	defer cancel()
	return chromedp.Do(ctx, steps...)
}

// file writes a file to the disk of the browser.
func (p *page) file(name, content string) (path string) {
	p.Helper()
	path = filepath.Join(p.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.Fatal(err)
	}
	return path
}

// attach selects a file in a labelled field.
func (p *page) attach(label, name, content string) {
	p.Helper()
	path := p.file(name, content)
	p.until("attach "+name+" to "+label, func() error {
		field, err := p.field(label)
		if err == nil {
			_, err = chromedp.Call(p.ctx, dom.SetFileInputFiles, dom.SetFileInputFilesParams{Files: []string{path}, BackendNodeID: field.node})
		}
		return err
	})
}

// drop drags a file onto the element of a CSS selector.
func (p *page) drop(selector, name, content string) {
	p.Helper()
	drag := &input.DragData{Items: []*input.DragDataItem{}, Files: []string{p.file(name, content)}, DragOperationsMask: 1}
	p.until("drop "+name, func() error {
		target, err := p.css(selector)
		if err != nil {
			return err
		}
		x, y, err := p.middle(target)
		for _, step := range []input.DispatchDragEventType{input.DispatchDragEventTypeDragEnter, input.DispatchDragEventTypeDragOver, input.DispatchDragEventTypeDrop} {
			if err == nil {
				_, err = chromedp.Call(p.ctx, input.DispatchDragEvent, input.DispatchDragEventParams{Type: step, X: x, Y: y, Data: drag})
			}
		}
		return err
	})
}

// download clicks on the one element with a role and name, and returns the downloaded file.
func (p *page) download(role, name string) (file, content string) {
	p.Helper()
	dir := p.TempDir()
	behavior := browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	}
	if _, err := chromedp.Call(p.ctx, browser.SetDownloadBehavior, behavior); err != nil {
		p.Fatal("downloads: ", err)
	}
	p.click(role, name)
	p.until("the download of "+name, func() error {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			return err
		}
		if len(files) != 1 || filepath.Ext(files[0]) == ".crdownload" {
			return errors.New("it is not there yet")
		}
		text, err := os.ReadFile(files[0])
		file, content = filepath.Base(files[0]), string(text)
		return err
	})
	return file, content
}

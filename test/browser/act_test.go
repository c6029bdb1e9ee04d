package browser_test

import (
	"errors"
	"fmt"

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
		found, err := p.find(func(e element) bool { return e.role == role && e.name == name })
		if err == nil && len(found) > 0 {
			err = errors.New("it is")
		}
		return err
	})
	p.check()
}

// click clicks in the middle of the one element with a role and name, such as "link" or "radio" and its text, once nothing
// covers it. The page is checked before, since the click may leave it.
func (p *page) click(role, name string) {
	p.Helper()
	p.shows(role, name)
	p.until(fmt.Sprintf("click on %s %q", role, name), func() error {
		target, err := p.findOne(role, name)
		if err != nil {
			return err
		}
		at, err := call[struct {
			X, Y float64
			Over string
		}](p, target, `function() {
			this.scrollIntoView({block: "center", inline: "center"});
			const box = this.getClientRects()[0];
			if (!box) return {over: "nothing: it is not rendered"};
			const x = box.x + box.width / 2, y = box.y + box.height / 2, top = document.elementFromPoint(x, y);
			return {x, y, over: this.contains(top) ? "" : String(top?.outerHTML).slice(0, 200)};
		}`)
		if err == nil && at.Over != "" {
			err = errors.New("it is covered by " + at.Over)
		}
		if err != nil {
			return err
		}
		return chromedp.Do(p.ctx, chromedp.MouseClickXY(at.X, at.Y))
	})
}

// inField calls a function with a labelled form control as this. A text that it returns is why it failed.
func (p *page) inField(label, function string, args ...any) {
	p.Helper()
	p.until(fmt.Sprintf("%q in %q", args, label), func() error {
		field, err := p.field(label)
		if err != nil {
			return err
		}
		problem, err := call[string](p, field, `function(...args) { return (`+function+`).apply(this, args) || "" }`, args...)
		if err == nil && problem != "" {
			err = errors.New(problem)
		}
		return err
	})
}

// fill replaces the value of a labelled field, as typing does. How people type a date depends on the system.
func (p *page) fill(label, text string) {
	p.Helper()
	p.inField(label, `function(text) {
		this.focus();
		this.select();
		if (this.type !== "date" && document.execCommand(text ? "insertText" : "delete", false, text)) return;
		this.value = text;
		this.dispatchEvent(new Event("change", {bubbles: true}));
	}`, text)
}

// choose selects an option of a labelled select, by its text.
func (p *page) choose(label, option string) {
	p.Helper()
	p.inField(label, `function(text) {
		const texts = [...this.options].map(option => option.label.replace(/\s+/g, " ").trim());
		if (!texts.includes(text)) return "there are " + texts;
		this.selectedIndex = texts.indexOf(text);
		this.dispatchEvent(new Event("change", {bubbles: true}));
	}`, option)
}

// attach selects a file in a labelled field.
func (p *page) attach(label, name, content string) {
	p.Helper()
	p.inField(label, `function(name, content) {
		const data = new DataTransfer();
		data.items.add(new File([content], name));
		this.files = data.files;
		this.dispatchEvent(new Event("change", {bubbles: true}));
	}`, name, content)
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

// drop drags a file onto the form that accepts files, which must say that it takes it.
func (p *page) drop(name, content string) {
	p.Helper()
	taken, err := evaluate[bool](p, `(() => {
		const dataTransfer = new DataTransfer(), form = document.querySelector("form[data-upload]");
		dataTransfer.items.add(new File([`+jsString(content)+`], `+jsString(name)+`));
		return ["dragenter", "dragover", "drop"].every(type => !form.dispatchEvent(new DragEvent(type, {dataTransfer, bubbles: true, cancelable: true})));
	})()`)
	if err != nil || !taken {
		p.Fatalf("the form does not take %s (%v)", name, err)
	}
}

// pressKeys presses keys, as kb.Tab and kb.Enter, wherever the focus is.
func (p *page) pressKeys(keys ...string) {
	p.Helper()
	p.check()
	for _, key := range keys {
		if err := chromedp.Do(p.ctx, chromedp.KeyEvent(key)); err != nil {
			p.Fatalf("key %q: %v", key, err)
		}
	}
}

// focused returns the role and name of the focused element, such as "link Products".
func (p *page) focused() string {
	p.Helper()
	found, err := p.find(func(e element) bool { return e.focused && e.role != "RootWebArea" })
	if err != nil || len(found) != 1 {
		return ""
	}
	return found[0].role + " " + found[0].name
}

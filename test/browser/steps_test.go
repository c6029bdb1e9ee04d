package browser_test

import (
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// TestSteps_Work takes every kind of step that scenarios use.
func TestSteps_Work(t *testing.T) {
	t.Parallel()
	eachViewer(t, viewers(), func(t *testing.T, _ string, v viewer) {
		p := browse(t, serve(t, map[string]string{
			"/": document(`
				<nav aria-label="Pages"><a href="/">First</a> <a href="/second">Second</a></nav>
				<p id="mode">no script</p>
				<form action="/second"><fieldset><legend>Product</legend>
					<label>Name <input name="name" value="old"></label>
					<label for="note">Note</label><textarea id="note" name="note"></textarea>
					<label>Launch <input type="date" name="launch"></label>
					<label>Segment <select name="segment"><option value="1">DPS</option><option value="2">DSS</option></select></label>
					<label>File <input type="file" name="file"></label>
					<label><input type="checkbox" name="sure"> I am sure</label>
					<button>Save</button></fieldset></form>
				<p class="wide">far below</p><button id="below">Below</button>
				<link rel="stylesheet" href="/style.css"><script src="/script.js"></script>`),
			"/second":    document(`<p>Saved&nbsp;it</p><a href="/">Back</a>`),
			"/style.css": `.wide { margin-top: 3000px } @media (prefers-color-scheme: dark) { body { background: #111; color: #eee } a { color: #9cf } }`,
			"/script.js": `document.getElementById("mode").textContent = (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light") + " " + innerWidth;
				document.getElementById("below").onclick = () => setTimeout(() => document.getElementById("mode").textContent = "clicked", 50)`,
		}), v)
		p.open("/")
		p.wantTexts(map[viewer]string{{}: "light 1280", {dark: true}: "dark 1280", {phone: true}: "light 390", {phone: true, dark: true}: "dark 390", {scriptless: true}: "no script"}[v])
		p.shows("heading", "Test")
		p.wantNoTexts("Saved it")
		if !v.scriptless {
			p.click("button", "Below")
			p.wantTexts("clicked")
		}
		p.fill("Name", "new")
		p.fill("Note", "several\nlines")
		p.fill("Launch", "2026-11-25")
		p.choose("Segment", "DSS")
		p.attach("File", "a.txt", "content")
		p.tick("I am sure")
		if got := p.value("Note"); got != "several\nlines" {
			t.Errorf("the note is %q", got)
		}
		p.click("button", "Save")
		p.wantPath("/second?name=new&note=several%0D%0Alines&launch=2026-11-25&segment=2&file=a.txt&sure=on")
		p.wantTexts("Saved it")
		p.back("/")
		p.within("nav").click("link", "Second")
		p.wantPath("/sec*")
		p.pressKeys(kb.Tab)
		if got := p.focused(); got != "link Back" {
			t.Errorf("the focus is on %q", got)
		}
		p.pressKeys(kb.Enter)
		p.wantPath("/")
		p.clickOn("nav a[href='/second']")
		p.wantPath("/second")
		p.expectStatus(404)
		p.open("/nothing")
	})
}

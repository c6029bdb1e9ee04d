package browser_test

import (
	"net/http"
	"testing"
)

// TestAttachments adds files to a product by a form and by dropping them, downloads and deletes one.
func TestAttachments(t *testing.T) {
	t.Parallel()
	s := demoSite(t)
	for path, v := range map[string]viewer{"/products/5": {}, "/products/6": {phone: true, dark: true}, "/products/7": {phone: true, scriptless: true}} {
		t.Run(path[1:], func(t *testing.T) {
			t.Parallel()
			p := browse(t, s.Address, v)
			p.open(path)
			p.within("#files-section").reads("No files")
			p.attach("Add files", "surat <b>.txt", "Halo\n")
			p.click("button", "Upload")
			p.reads("Files added.")
			p.sees("link", "surat _b_.txt")

			p.attach("Add files", "kosong.pdf", "ini bukan PDF")
			if v.scriptless {
				p.refused(http.StatusUnprocessableEntity)
			} else {
				p.refused(http.StatusUnsupportedMediaType)
				p.records("progress")
			}
			p.click("button", "Upload")
			p.reads("The content of the file kosong.pdf does not match its name")
			if v.scriptless {
				p.reads("No file was added", "Choose all files again: none was stored.")
				p.attach("Add files", "kopi.pdf", pdf)
				p.click("button", "Upload")
			} else {
				p.at(path)
				p.recorded("progress")
				p.drop("form[data-upload]", "kopi.pdf", pdf)
			}
			p.reads("Files added.")
			p.lacks("kosong.pdf")

			if name, content := p.download("link", "surat _b_.txt"); name != "surat _b_.txt" || content != "Halo\n" {
				t.Errorf("%s is %q", name, content)
			}
			p.click("link", "Delete kopi.pdf")
			p.sees("heading", "Delete kopi.pdf?")
			p.click("button", "Delete file")
			p.reads("File deleted.")
			p.hides("link", "kopi.pdf")
			p.sees("link", "surat _b_.txt")
		})
	}
}

// records has the page remember whether a thing was ever visible, from now on.
func (p *page) records(selector string) {
	p.Helper()
	_, err := evaluate[bool](p, `new MutationObserver(() => window.wasVisible ||= document.querySelector(`+quoted(selector)+`).checkVisibility())
		.observe(document.body, {attributes: true, childList: true, subtree: true}), true`)
	if err != nil {
		p.Fatal(err)
	}
}

// recorded fails unless it was.
func (p *page) recorded(selector string) {
	p.Helper()
	if visible, err := evaluate[bool](p, `window.wasVisible === true`); err != nil || !visible {
		p.Errorf("%s was never there (%v)", selector, err)
	}
}

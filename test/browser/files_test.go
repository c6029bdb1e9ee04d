package browser_test

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// file is a file of a content, on the disk of whoever sits at the page.
func (p *page) file(name, content string) (path string) {
	p.Helper()
	path = filepath.Join(p.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		p.Fatal(err)
	}
	return path
}

// attach puts a file into the field of a label.
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

// drop drags a file from the desktop onto what a CSS selector picks out.
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

// download clicks on the one thing of a role and name, and returns the file that comes of it.
func (p *page) download(role, name string) (file, content string) {
	p.Helper()
	dir := p.TempDir()
	to := browser.SetDownloadBehaviorParams{
		Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir, BrowserContextID: chromedp.FromContext(p.ctx).BrowserContextID,
	}
	if _, err := chromedp.Call(p.ctx, browser.SetDownloadBehavior, to); err != nil {
		p.Fatal("downloads: ", err)
	}
	p.click(role, name)
	p.until("the download of "+name, func() error {
		found, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			return err
		}
		if len(found) != 1 || filepath.Ext(found[0]) == ".crdownload" {
			return errors.New("it is not there yet")
		}
		text, err := os.ReadFile(found[0])
		file, content = filepath.Base(found[0]), string(text)
		return err
	})
	return file, content
}

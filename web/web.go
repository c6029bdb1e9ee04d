// Package web has the console's templates, styles and scripts, embedded and parsed when the program starts. Every
// page works without its scripts.
package web

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"strings"

	"lifecycle-sync/web/messages"
)

//go:embed templates assets
var files embed.FS

// Console is the console's templates and assets.
type Console struct {
	frame  *template.Template            // what is around every page
	pages  map[string]*template.Template // main parts by name: "products/list" for templates/products/list.html
	assets map[string]Asset
}

// New parses the templates, whose texts come from a printer. It panics when one is invalid, which stops every test
// and every start.
func New(texts *messages.Printer) *Console {
	c := &Console{pages: map[string]*template.Template{}, assets: assets()}
	shared := template.New("").Funcs(renderer{texts}.functions()).Funcs(template.FuncMap{"asset": c.address})
	shared = template.Must(shared.ParseFS(files, "templates/parts/*.html"))
	c.frame = template.Must(template.Must(shared.Clone()).ParseFS(files, "templates/frame.html")).Lookup("frame.html")
	names, err := fs.Glob(files, "templates/*/*.html")
	if err != nil {
		panic(err) // the pattern is right
	}
	for _, path := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(path, "templates/"), ".html")
		if strings.HasPrefix(name, "parts/") {
			continue
		}
		page := template.Must(template.Must(shared.Clone()).ParseFS(files, path))
		c.pages[name] = page.Lookup(path[strings.LastIndex(path, "/")+1:])
	}
	return c
}

// Main writes the main part of a page.
func (c *Console) Main(w io.Writer, page string, data any) error {
	t, ok := c.pages[page]
	if !ok {
		return fmt.Errorf("there is no page %q", page)
	}
	return t.Execute(w, data)
}

// Frame writes a whole page: its main part, and what is around it.
func (c *Console) Frame(w io.Writer, data any) error { return c.frame.Execute(w, data) }

// address is where a browser finds an asset: another address whenever its content is another, so that it
// can be kept for good.
func (c *Console) address(name string) (string, error) {
	asset, ok := c.assets[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return "/assets/" + name + "?v=" + asset.Tag, nil
}

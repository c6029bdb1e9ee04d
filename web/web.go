// Package web has the console's templates, styles and scripts, embedded and parsed when the program starts. Every
// page works without its scripts.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
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
	for _, file := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")
		if strings.HasPrefix(name, "parts/") {
			continue
		}
		page := template.Must(template.Must(shared.Clone()).ParseFS(files, file))
		c.pages[name] = page.Lookup(path.Base(file))
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

// address is the address of an asset. It changes with the content, so that browsers can cache it forever.
func (c *Console) address(name string) (string, error) {
	asset, ok := c.assets[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %q", name)
	}
	return "/assets/" + name + "?v=" + asset.Tag, nil
}

// Asset is a style sheet, script or image. Tag differs when the content does.
type Asset struct {
	Type, Tag string
	Content   []byte
}

// Asset returns an asset by its name.
func (c *Console) Asset(name string) (Asset, bool) {
	asset, ok := c.assets[name]
	return asset, ok
}

func assets() map[string]Asset {
	entries, err := files.ReadDir("assets")
	if err != nil {
		panic(err) // it was there when this was compiled
	}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"} // on every machine
	all := map[string]Asset{}
	for _, entry := range entries {
		content, err := files.ReadFile("assets/" + entry.Name())
		if err != nil {
			panic(err)
		}
		kind, known := types[path.Ext(entry.Name())]
		if !known {
			panic("no media type for " + entry.Name())
		}
		sum := sha256.Sum256(content)
		all[entry.Name()] = Asset{Type: kind, Tag: base64.RawURLEncoding.EncodeToString(sum[:9]), Content: content}
	}
	return all
}

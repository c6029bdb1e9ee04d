// Package web has the console's templates, styles and scripts, embedded and parsed when the program starts. Every
// page works without its scripts.
package web

import (
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

//go:embed templates assets
var files embed.FS

// Console is the console's templates in one language.
type Console struct {
	frame *template.Template            // what is around every page
	pages map[string]*template.Template // main parts by name: "products/list" for templates/products/list.html
}

// New parses the templates, whose texts come from a printer. It panics when one is invalid, which stops every test
// and every start.
func New(printer *messages.Printer, assets Assets) *Console {
	c := &Console{pages: map[string]*template.Template{}}
	shared := template.New("").Funcs(renderer{printer}.functions()).Funcs(template.FuncMap{"asset": assets.address})
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
func (a Assets) address(name string) (string, error) {
	asset, ok := a[name]
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

// Assets are all assets by name.
type Assets map[string]Asset

// NewAssets reads the embedded assets.
func NewAssets() Assets {
	entries, err := files.ReadDir("assets")
	if err != nil {
		panic(err) // it was there when this was compiled
	}
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"} // on every machine
	all := Assets{}
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

// renderer has the functions that templates call besides Go's own.
type renderer struct{ *messages.Printer }

func (r renderer) functions() template.FuncMap {
	return template.FuncMap{
		"t": r.t, "text": r.text, "label": r.label, "texts": r.Texts,
		"number": r.Number, "decimal": r.Decimal, "rupiah": r.Rupiah, "tenths": r.Tenths, "bytes": r.Bytes, "duration": r.Duration, "date": r.Date,
		"time": r.time, "bdi": bdi, "code": code, "named": messages.ShortName, "short": messages.Shortened, "reference": r.reference, "or_dash": orDash,
		"stage_kind": stageKind,
		"new_key":    rand.Text, // of a form on a page that is not cached
	}
}

// t renders the message of a code with parameters, given as pairs of name and value. HTML among the values stays HTML.
func (r renderer) t(code string, pairs ...any) (any, error) {
	params, isHTML := models.Params{}, false
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("%s: a parameter's name is %v", code, pairs[i])
		}
		params[name] = pairs[i+1]
		if _, html := pairs[i+1].(template.HTML); html {
			isHTML = true
		}
	}
	if !isHTML {
		return r.Text(models.NewText(code, params)), nil
	}
	for name, value := range params {
		switch v := value.(type) {
		case template.HTML:
			params[name] = string(v)
		case string:
			params[name] = template.HTMLEscapeString(v)
		}
	}
	return template.HTML(r.Text(models.NewText(code, params))), nil //nolint:gosec // the messages have no markup, and the values are escaped
}

// text renders a text, or one that may be nil.
func (r renderer) text(v any) string {
	switch t := v.(type) {
	case models.Text:
		return r.Text(t)
	case *models.Text:
		if t != nil {
			return r.Text(*t)
		}
	}
	return ""
}

// label is the name of a form's field.
func (r renderer) label(field string) string { return r.Text(messages.FieldLabel(field)) }

// reference names a row that another one refers to, or says that it refers to none of its kind: stage, segment or category.
func (r renderer) reference(kind string, id *int64, name *string) string {
	if id == nil {
		return r.Text(models.NewText("console_missing."+kind, nil))
	}
	return messages.ShortName(name, *id)
}

// time writes a time for people and machines.
func (r renderer) time(v any) template.HTML {
	at, ok := messages.Instant(v)
	if !ok {
		return messages.Missing
	}
	return template.HTML(`<time datetime="` + at.UTC().Format(time.RFC3339) + `">` + template.HTMLEscapeString(r.Time(at)) + `</time>`) //nolint:gosec // escaped
}

// bdi sets a name apart from the direction of the text around it.
func bdi(name string) template.HTML {
	return template.HTML("<bdi>" + template.HTMLEscapeString(name) + "</bdi>") //nolint:gosec // escaped
}

// code marks a name of the databases.
func code(name string) template.HTML {
	return template.HTML("<code>" + template.HTMLEscapeString(name) + "</code>") //nolint:gosec // escaped
}

// orDash is a text, shortened, or a dash for nil and blanks.
func orDash(text *string) string {
	if text == nil || strings.TrimSpace(*text) == "" {
		return messages.Missing
	}
	return messages.Shortened(*text)
}

// stageKind returns the style of a stage: every lifecycle stage has one colour and glyph on all pages. Others have none.
func stageKind(name string) string {
	kind := strings.ToLower(strings.TrimSpace(name))
	if slices.Contains([]string{"introduction", "growth", "maturity", "decline"}, kind) {
		return kind
	}
	return ""
}

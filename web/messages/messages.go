// Package messages is the message catalogue: every text that people read, by code, one TOML file per topic and
// language. Code passes a models.Text; a Printer turns it into a sentence where it is shown.
//
// A placeholder is {{.name}}, or {{number .name}}, {{duration .name}}, {{bytes .name}}, {{time .name}} or
// {{date .name}} to format the value. A parameter named count selects the plural form. A missing value is "–".
package messages

import (
	"embed"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"lifecycle-sync/models"
)

// The languages of the catalogue.
const (
	English    = "en" // also of the command line, logs and --json
	Indonesian = "id"
)

// Languages lists the languages of the catalogue.
func Languages() []string { return []string{Indonesian, English} }

//go:embed *.toml
var files embed.FS

// Catalogue holds the messages of all languages.
type Catalogue struct{ bundle *i18n.Bundle }

// New reads the embedded catalogue. It panics on an invalid file, which stops every test and every start.
func New() *Catalogue {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("toml", toml.Unmarshal)
	names, err := fs.Glob(files, "*.toml")
	if err != nil {
		panic(err)
	}
	for _, name := range names {
		if _, err := bundle.LoadMessageFileFS(files, name); err != nil {
			panic(name + ": " + err.Error())
		}
	}
	return &Catalogue{bundle: bundle}
}

// Printer renders texts in one language and time zone.
type Printer struct {
	*Format

	localizer *i18n.Localizer
	parser    *parser
	static    sync.Map // rendered texts without parameters, by code
}

// Printer returns the printer for a language of the catalogue.
func (c *Catalogue) Printer(tag string, zone *time.Location) *Printer {
	return c.printer(NewFormat(tag, zone))
}

// Terminal returns the printer of the command line, logs and --json: English, with times in ISO 8601 to the second.
func (c *Catalogue) Terminal(zone *time.Location) *Printer {
	format := NewFormat(English, zone)
	format.iso = true
	return c.printer(format)
}

func (c *Catalogue) printer(format *Format) *Printer {
	return &Printer{Format: format, localizer: i18n.NewLocalizer(c.bundle, format.Language), parser: newParser(format)}
}

// Text renders a text, "" for none. A code that is not in the catalogue renders as itself.
func (p *Printer) Text(t models.Text) string {
	if t.IsZero() {
		return ""
	}
	if len(t.Params) > 0 {
		return p.render(t)
	}
	known, ok := p.static.Load(t.Code)
	if !ok {
		known, _ = p.static.LoadOrStore(t.Code, p.render(t))
	}
	return known.(string) //nolint:forcetypeassert // nothing else is stored
}

func (p *Printer) render(t models.Text) string {
	data := make(map[string]any, len(t.Params))
	for name, value := range t.Params {
		data[name] = p.plain(value)
	}
	config := i18n.LocalizeConfig{MessageID: t.Code, TemplateData: data, PluralCount: pluralCount(t.Params["count"]), TemplateParser: p.parser}
	text, err := p.localizer.Localize(&config)
	if err != nil && config.PluralCount != nil { // the message has one form for every number
		config.PluralCount = nil
		text, err = p.localizer.Localize(&config)
	}
	if notFound := new(i18n.MessageNotFoundErr); err != nil && (text == "" || !errors.As(err, &notFound)) {
		return t.String()
	}
	return strings.ReplaceAll(text, "<no value>", Missing)
}

// Texts renders several texts: sentences one after the other, phrases with semicolons between them.
func (p *Printer) Texts(texts models.Texts) string {
	var joined strings.Builder
	for i, t := range texts {
		switch {
		case i == 0:
		case strings.HasSuffix(joined.String(), "."):
			joined.WriteString(" ")
		default:
			joined.WriteString("; ")
		}
		joined.WriteString(p.Text(t))
	}
	return joined.String()
}

// Remedy renders a remedy with its command, "" for none.
func (p *Printer) Remedy(r *models.Remedy) string {
	switch {
	case r == nil:
		return ""
	case r.Command == "":
		return p.Text(r.Text)
	case r.IsZero():
		return r.Command
	default:
		return p.Text(r.Text) + " " + r.Command
	}
}

// Message renders what happened, without the remedy. Any error is rendered as models.AsError sees it.
func (p *Printer) Message(err error) string {
	e := models.AsError(err)
	lines := []string{p.Text(e.Text)}
	for _, problem := range e.Problems {
		lines = append(lines, "- "+p.Problem(problem))
	}
	return strings.Join(lines, "\n")
}

// Problem renders a problem with its remedy.
func (p *Printer) Problem(problem models.Problem) string {
	return strings.TrimSpace(p.Text(problem.Text) + " " + p.Remedy(problem.Remedy))
}

// RemedyOf renders the remedy of an error, "" for none.
func (p *Printer) RemedyOf(err error) string { return p.Remedy(models.AsError(err).Remedy) }

// Error renders what happened and what to do.
func (p *Printer) Error(err error) string {
	return strings.TrimSpace(p.Message(err) + " " + p.RemedyOf(err))
}

// plain turns texts and lists into strings; formatted values stay as they are.
func (p *Printer) plain(value any) any {
	switch v := value.(type) {
	case models.FieldName:
		return p.label(string(v))
	case models.Text:
		return p.Text(v)
	case *models.Text:
		if v == nil {
			return nil
		}
		return p.Text(*v)
	case map[string]any: // a stored Text
		code, _ := v["code"].(string)
		params, _ := v["params"].(map[string]any)
		return p.Text(models.Text{Code: code, Params: params})
	case []string:
		return strings.Join(v, ", ")
	case models.Texts:
		return p.Texts(v)
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			parts[i] = text(p.plain(item))
		}
		return strings.Join(parts, ", ")
	default:
		return value
	}
}

// label returns the label of a field, or its name if it has none. It is not kept, because clients may send any name.
func (p *Printer) label(field string) string {
	label := FieldLabel(field)
	if text := p.render(label); text != label.Code {
		return text
	}
	return field
}

// Named is a row's name, or its number if it has none: #7.
func Named(name *string, id int64) string {
	if name == nil || strings.TrimSpace(*name) == "" {
		return "#" + strconv.FormatInt(id, 10)
	}
	return *name
}

// maxLength is the maximum length in characters of a text in a list, or of a name, on a page: more than a form accepts.
const maxLength = 300

// Shortened returns a text that ends in an ellipsis if it is too long for a list. Browsers need seconds for the layout of a
// page with many texts of tens of thousands of characters, of which they show a few lines.
func Shortened(text string) string {
	if utf8.RuneCountInString(text) <= maxLength {
		return text
	}
	return string([]rune(text)[:maxLength]) + "…"
}

// ShortName is Named for lists.
func ShortName(name *string, id int64) string { return Shortened(Named(name, id)) }

// FieldLabel is the name of a form's field for people.
func FieldLabel(field string) models.Text {
	if f, ok := models.ProductFieldOf(field); ok {
		return models.NewText(f.Label, nil)
	}
	return models.NewText("console_fields."+field, nil)
}

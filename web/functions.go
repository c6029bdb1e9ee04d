package web

import (
	"fmt"
	"html/template"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// renderer has the functions that templates call besides Go's own.
type renderer struct{ *messages.Printer }

func (r renderer) functions() template.FuncMap {
	return template.FuncMap{
		"t": r.t, "text": r.text, "label": r.label, "texts": r.Texts,
		"number": r.Number, "decimal": r.Decimal, "rupiah": r.Rupiah, "tenths": r.Tenths, "bytes": r.Bytes, "duration": r.Duration, "date": r.Date,
		"time": r.time, "bdi": bdi, "code": code, "named": messages.Named, "reference": r.reference, "or_dash": orDash,
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
	return messages.Named(name, *id)
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

// orDash is a text, or a dash for nil and blanks.
func orDash(text *string) string {
	if text == nil || strings.TrimSpace(*text) == "" {
		return messages.Missing
	}
	return *text
}

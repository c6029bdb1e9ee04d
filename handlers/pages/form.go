package pages

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/web/messages"
)

// Names of fields that several forms have.
const (
	WasPrefix    = "was_"    // before a field's name: its value when the form was opened
	VersionField = "version" // the row version that the form was made from
)

// Field is a field of a form. Its label comes from the catalogue, by its name.
type Field struct {
	Name     string
	Hint     models.Text
	Kind     models.FieldKind // or datetime-local
	Value    string
	Was      string // the value when the form was opened, sent along if KeepWas is set
	KeepWas  bool
	Required bool
	Wide     bool // spans the form's width
	Max      int  // characters, 0 for no limit
	Options  []Option
	Blank    models.Text // the option of a select for no choice
	Error    models.Text
}

// Form is what a form holds, by field.
type Form struct {
	Values   map[string]string
	Was      map[string]string // the values when the form was opened; nil for a form that changes nothing that exists
	Problems *Problems
}

// SentForm returns a form that changes a row as it was sent, with normalized texts. Fields that were not sent are left out.
func SentForm(sent map[string]string, names []string, normalized func(name, text string) string) Form {
	f := Form{Values: map[string]string{}, Was: map[string]string{}}
	for _, name := range names {
		if value, entered := sent[name]; entered {
			f.Values[name] = normalized(name, value)
		}
		if was, known := sent[WasPrefix+name]; known {
			f.Was[name] = normalized(name, was)
		}
	}
	return f
}

// Changed are the values that differ from those when the form was opened. The others are neither checked nor written.
func (f Form) Changed() map[string]string {
	changed := maps.Clone(f.Values)
	maps.DeleteFunc(changed, func(name, value string) bool {
		was, known := f.Was[name]
		return known && was == value
	})
	return changed
}

// Fill fills in the fields that the form has. It returns the labels of the others, whose texts are too long for it.
func (f Form) Fill(fields []Field) (filled []Field, tooLong models.Texts) {
	for _, field := range fields {
		value, entered := f.Values[field.Name]
		was, known := f.Was[field.Name]
		if f.Was != nil && !known && !entered {
			tooLong = append(tooLong, field.Label())
			continue
		}
		field.Value, field.Was, field.KeepWas, field.Error = value, was, known, f.Problems.At(field.Name)
		filled = append(filled, field)
	}
	return filled, tooLong
}

// Option is a choice in a form: a row's name, or a text.
type Option struct {
	Value, Name string
	Text        models.Text
}

// Label is the field's name for people.
func (f Field) Label() models.Text { return messages.FieldLabel(f.Name) }

// Choices are the options, with the value itself if it is not among them.
func (f Field) Choices() []Option {
	isValue := func(o Option) bool { return o.Value == f.Value }
	switch {
	case f.Value == "" || slices.ContainsFunc(f.Options, isValue):
		return f.Options
	case len(f.Options) == 0:
		return []Option{{Value: f.Value, Name: f.Value}} // the list cannot be read
	default:
		other := Option{Value: f.Value, Text: models.NewText("console.not_in_list", models.Params{"value": f.Value})}
		return append([]Option{other}, f.Options...)
	}
}

// Problems are what is wrong with a form.
type Problems struct {
	Heading models.Text
	List    []Problem
}

// Problem is one mistake. Field is "" if it belongs to none.
type Problem struct {
	Field string
	Text  models.Text
}

// Titled returns the title of the form's page, which says first that something is wrong.
func (p *Problems) Titled(title models.Text) models.Text {
	if p == nil {
		return title
	}
	return models.NewText("console.error_title", models.Params{"title": title})
}

// At returns what is wrong with a field.
func (p *Problems) At(name string) models.Text {
	if p != nil {
		for _, one := range p.List {
			if one.Field == name {
				return one.Text
			}
		}
	}
	return models.Text{}
}

// Problems returns what is wrong with a form that has the given fields, and the status with which the form is shown
// again. It is nil for an error that is shown without the form. A server error is logged.
func (s *Site) Problems(c *fiber.Ctx, err error, fields ...string) (int, *Problems) {
	status, f := handlers.Failed(s.texts, err)
	field := "" // the field of an error that names none
	switch status {
	case http.StatusBadRequest:
		status = http.StatusUnprocessableEntity
	case http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		status, field = http.StatusUnprocessableEntity, request.FilesField
	case http.StatusConflict, http.StatusServiceUnavailable, http.StatusInternalServerError:
	default:
		return status, nil
	}
	handlers.LogFault(s.log, c, status, err)
	found := &Problems{Heading: models.NewText("console.not_saved", nil)}
	for _, e := range models.AsError(err).Fields {
		found.add(fields, e.Field, fieldText(e, fields))
	}
	if found.List == nil {
		found.add(fields, field, models.NewText(models.LegacyText, models.Params{"text": f.Message})) // with its remedy
	}
	if status == http.StatusInternalServerError {
		found.Heading = models.NewText("console.maybe_not_saved", nil)
		found.add(nil, "", models.NewText("console.send_again", nil))
	}
	return status, found
}

func (p *Problems) add(fields []string, field string, text models.Text) {
	if !slices.Contains(fields, field) {
		field = ""
	}
	p.List = append(p.List, Problem{field, text})
}

// fieldText returns what is wrong with a field, with the field's label in place of its name if it is in the form.
func fieldText(e models.FieldError, fields []string) models.Text {
	if _, named := e.Text.Params["field"]; !named || !slices.Contains(fields, e.Field) {
		return e.Text
	}
	params := maps.Clone(e.Text.Params)
	params["field"] = messages.FieldLabel(e.Field)
	return models.NewText(e.Text.Code, params)
}

// NewKey returns the idempotency key of a form.
func NewKey() string { return rand.Text() }

// RenewKey returns the key with which a form that failed can be sent again, and the error to show. A form whose key
// was already used, with other entries, gets another key.
func RenewKey(key string, err error) (string, error) {
	if _, used := errors.AsType[outbox.KeyReusedError](err); !used {
		return key, err
	}
	return NewKey(), models.NewError(models.Conflict, "console.form_sent_before", nil).WithRemedy("console.form_sent_before_remedy", nil)
}

// IsClass reports whether an error has a class.
func IsClass(err error, class models.Class) bool {
	return err != nil && models.AsError(err).Class == class
}

// UnixLines returns a text with the line ends that are stored; browsers send others.
func UnixLines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// ParseLocalTime reads the time of a datetime-local field, without or with seconds, and returns it as the API takes it, ""
// for none. Errors: validation_failed.
func ParseLocalTime(field, text string, zone *time.Location) (string, error) {
	if text == "" {
		return "", nil
	}
	at, err := time.ParseInLocation("2006-01-02T15:04", text, zone)
	if err != nil {
		at, err = time.ParseInLocation("2006-01-02T15:04:05", text, zone)
	}
	if err != nil {
		return "", request.Invalid(field, "timestamp", "request.date_and_time", nil)
	}
	return at.UTC().Format(time.RFC3339), nil
}

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

// Field names shared by several forms.
const (
	OriginalPrefix = "was_"    // prefix of the field with the original value
	VersionField   = "version" // the row version when the form was opened
)

// Field is a form field. Its label is looked up by its name in the message catalogue.
type Field struct { //nolint:recvcheck // templates call methods of values
	Name         string
	Hint         models.Text
	Kind         models.FieldKind // or datetime-local
	Value        string
	Original     string // the value when the form was opened; sent if SendOriginal is set
	SendOriginal bool
	Required     bool
	Wide         bool // spans the form's width
	Max          int  // characters, 0 for no limit
	Options      []Option
	Blank        models.Text // the option of a select for no choice
	Error        models.Text
}

// Form holds the values of a form by field.
type Form struct {
	Values    map[string]string
	Originals map[string]string // the values when the form was opened; nil for a form that creates a row
	Problems  *Problems
}

// SubmittedForm returns a submitted form with normalized texts. Fields that were not sent are omitted.
func SubmittedForm(fields map[string]string, names []string, normalize func(name, text string) string) Form {
	f := Form{Values: map[string]string{}, Originals: map[string]string{}}
	for _, name := range names {
		if value, ok := fields[name]; ok {
			f.Values[name] = normalize(name, value)
		}
		if original, ok := fields[OriginalPrefix+name]; ok {
			f.Originals[name] = normalize(name, original)
		}
	}
	return f
}

// ChangedValues returns the values that the user changed. Others are neither validated nor written.
func (f Form) ChangedValues() map[string]string {
	values := maps.Clone(f.Values)
	maps.DeleteFunc(values, func(name, value string) bool {
		original, ok := f.Originals[name]
		return ok && original == value
	})
	return values
}

// Fill fills in the fields. Fields whose texts are too long for the form are left out; their labels are in tooLong.
func (f Form) Fill(fields []Field) (shownFields []Field, tooLong models.Texts) {
	for _, field := range fields {
		value, hasValue := f.Values[field.Name]
		original, hasOriginal := f.Originals[field.Name]
		if f.Originals != nil && !hasOriginal && !hasValue {
			tooLong = append(tooLong, field.Label())
			continue
		}
		field.Value, field.Original, field.SendOriginal, field.Error = value, original, hasOriginal, f.Problems.At(field.Name)
		shownFields = append(shownFields, field)
	}
	return shownFields, tooLong
}

// Option is an option of a select. It shows Name or Text.
type Option struct {
	Value, Name string
	Text        models.Text
}

// Label returns the field's label.
func (f Field) Label() models.Text { return messages.FieldLabel(f.Name) }

// Choices returns the options, and the current value if it is not one of them.
func (f Field) Choices() []Option {
	isValue := func(o Option) bool { return o.Value == f.Value }
	switch {
	case f.Value == "" || slices.ContainsFunc(f.Options, isValue):
		return f.Options
	case len(f.Options) == 0:
		return []Option{{Value: f.Value, Name: f.Value}} // the options could not be loaded
	default:
		custom := Option{Value: f.Value, Text: models.NewText("console.not_in_list", models.Params{"value": f.Value})}
		return append([]Option{custom}, f.Options...)
	}
}

// Problems is the list of errors of a form.
type Problems struct {
	Heading models.Text
	List    []Problem
}

// Problem is one error. Field is "" if it belongs to no field of the form.
type Problem struct {
	Field string
	Text  models.Text
}

// PageTitle returns the title of the form's page, prefixed if there are errors.
func (p *Problems) PageTitle(title models.Text) models.Text {
	if p == nil {
		return title
	}
	return models.NewText("console.error_title", models.Params{"title": title})
}

// At returns the error of a field, or the zero Text.
func (p *Problems) At(name string) models.Text {
	if p != nil {
		for _, problem := range p.List {
			if problem.Field == name {
				return problem.Text
			}
		}
	}
	return models.Text{}
}

// Problems returns the errors of a form with the given fields, and the status for redisplaying it. It returns nil for an
// error that needs the error page instead. It logs server errors.
func (s *Site) Problems(c *fiber.Ctx, err error, fields ...string) (int, *Problems) {
	status, f := handlers.NewFailure(handlers.PrinterOf(c), err)
	field := "" // for errors without a field
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
	problems := &Problems{Heading: models.NewText("console.not_saved", nil)}
	for _, e := range models.AsError(err).Fields {
		problems.add(fields, e.Field, e.Text)
	}
	if problems.List == nil {
		problems.add(fields, field, models.NewText(models.LegacyText, models.Params{"text": f.Message})) // includes the remedy
	}
	if status == http.StatusInternalServerError {
		problems.Heading = models.NewText("console.maybe_not_saved", nil)
		problems.add(nil, "", models.NewText("console.send_again", nil))
	}
	return status, problems
}

func (p *Problems) add(fields []string, field string, text models.Text) {
	if !slices.Contains(fields, field) {
		field = ""
	}
	p.List = append(p.List, Problem{field, text})
}

// NewKey returns a new idempotency key for a form.
func NewKey() string { return rand.Text() }

// RenewKey returns the key for resubmitting a failed form, and the error to show. If the key was already used with other
// values, it returns a new key.
func RenewKey(key string, err error) (string, error) {
	if _, isReused := errors.AsType[outbox.KeyReusedError](err); !isReused {
		return key, err
	}
	return NewKey(), models.NewError(models.Conflict, "console.form_sent_before", nil).WithRemedy("console.form_sent_before_remedy", nil)
}

// IsClass reports whether an error has a class.
func IsClass(err error, class models.Class) bool {
	return err != nil && models.AsError(err).Class == class
}

// UnixLines converts the CRLF line ends that browsers send to LF.
func UnixLines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// ParseLocalTime parses the value of a datetime-local field, with or without seconds, and returns it as RFC 3339 in UTC, ""
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

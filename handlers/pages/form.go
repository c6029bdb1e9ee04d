package pages

import (
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/outbox"
)

// Field is a field of a form.
type Field struct {
	Name, Label, Hint string
	Kind              string // text, number, date, datetime-local, textarea or select
	Value, Was        string // Was is the value when the form was opened, kept where KeepWas is set
	KeepWas           bool
	Required          bool
	Wide              bool // a row of its own
	Longest           int  // characters, 0 where there is no limit
	Options           []Option
	Blank             string // what a select says when nothing is chosen
	Error             string
}

// Option is a choice in a form.
type Option struct {
	Value, Text string
	Chosen      bool // only of a filter
}

// Described are the ids of what explains the field.
func (f Field) Described() string {
	var ids []string
	if f.Error != "" {
		ids = append(ids, f.Name+"-error")
	}
	if f.Hint != "" {
		ids = append(ids, f.Name+"-hint")
	}
	return strings.Join(ids, " ")
}

// Choices are the options, and the value itself when it is not among them.
func (f Field) Choices() []Option {
	for _, o := range f.Options {
		if o.Value == f.Value {
			return f.Options
		}
	}
	if f.Value == "" {
		return f.Options
	}
	if len(f.Options) == 0 {
		return []Option{{Value: f.Value, Text: f.Value}} // the list cannot be read at the moment
	}
	return append([]Option{{Value: f.Value, Text: f.Value + " (not in the list)"}}, f.Options...)
}

// Problems are what is wrong with a form.
type Problems struct {
	Heading string
	List    []Problem
}

// Problem is one mistake. Field is "" where it belongs to none.
type Problem struct{ Field, Text string }

// Titled is the title of the form's page, which tells first of all that something is wrong.
func (p *Problems) Titled(title string) string {
	if p == nil {
		return title
	}
	return "Error: " + title
}

// At is what is wrong with a field.
func (p *Problems) At(name string) string {
	if p == nil {
		return ""
	}
	for _, one := range p.List {
		if one.Field == name {
			return one.Text
		}
	}
	return ""
}

// Problems says an error in the words of a form, whose fields have labels by their names, and with which
// status the form is shown again. It is nil for errors that are shown without the form. A fault of the server is logged.
func (s *Site) Problems(c *fiber.Ctx, err error, labels map[string]string) (int, *Problems) {
	status, f := handlers.Failed(s.texts, err)
	of := "" // what the mistake is of where the error does not say
	switch status {
	case http.StatusBadRequest:
		status = http.StatusUnprocessableEntity
	case http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType:
		status, of = http.StatusUnprocessableEntity, request.FilesField
	case http.StatusConflict, http.StatusServiceUnavailable, http.StatusInternalServerError:
	default:
		return status, nil
	}
	handlers.LogFault(s.log, c, status, err)
	found := &Problems{Heading: "Nothing was saved"}
	if status == http.StatusInternalServerError {
		found.Heading = "It may not have been saved"
		f.Message += " What you have entered is still here: send it again, and when that does not help, copy it and ask whoever looks after this program."
	}
	fields := models.AsError(err).Fields
	if len(fields) == 0 {
		fields = []models.FieldError{{Field: of, LegacyMessage: f.Message}}
	}
	for _, e := range fields {
		one := Problem{Text: inWords(e.LegacyMessage, labels)}
		if !e.Text.IsZero() {
			one.Text = s.texts.Text(labelled(e.Text, labels))
		}
		if labels[e.Field] != "" {
			one.Field = e.Field
		}
		found.List = append(found.List, one)
	}
	return status, found
}

// labelled replaces the name of a text's field by its label.
func labelled(t models.Text, labels map[string]string) models.Text {
	name, _ := t.Params["field"].(string)
	label := labels[name]
	if label == "" {
		return t
	}
	params := maps.Clone(t.Params)
	params["field"] = label
	return models.NewText(t.Code, params)
}

// inWords names the field that a message begins with by its label.
func inWords(message string, labels map[string]string) string {
	name, rest, _ := strings.Cut(message, " ")
	if label := labels[name]; label != "" {
		return label + " " + rest
	}
	return message
}

// NewKey is a key for a form, so that sending it twice does once what it asks for.
func NewKey() string { return rand.Text() }

// RenewKey is what becomes of a form that failed: the key for it to be sent again, and the error. When it was
// sent before with other entries, as after going back to it, it gets another key, and the error says so.
func RenewKey(key string, err error, outcome string) (string, error) {
	if _, used := errors.AsType[outbox.KeyReusedError](err); !used {
		return key, err
	}
	return NewKey(), &models.Error{Class: models.Conflict, LegacyMessage: "You have sent this form before, with other entries, and " + outcome,
		LegacyRemedy: "Send it again if you mean this, too."}
}

// IsClass reports whether an error is of a class.
func IsClass(err error, class models.Class) bool {
	return err != nil && models.AsError(err).Class == class
}

// Names of fields that several forms have.
const (
	WasPrefix    = "was_"    // before a field's name: its value when the form was opened
	VersionField = "version" // the row version that the form was made from
)

// UnixLines returns a text with the line ends that are stored; browsers send others.
func UnixLines(text string) string { return strings.ReplaceAll(text, "\r\n", "\n") }

// ParseLocalTime reads the time of a datetime-local field, without or with seconds.
func ParseLocalTime(text string, zone *time.Location) (time.Time, error) {
	at, err := time.ParseInLocation("2006-01-02T15:04", text, zone)
	if err != nil {
		at, err = time.ParseInLocation("2006-01-02T15:04:05", text, zone)
	}
	return at, err
}

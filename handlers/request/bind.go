package request

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// fieldNames returns the names of a struct's fields as a client sends them: their json tags, in order.
func fieldNames(form any) (names []string) {
	t := reflect.TypeOf(form)
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("json"))
	}
	return names
}

// bindJSON parses values into the fields of the struct that form points to, by their json tags. It returns an error for
// each value that is null or has another type.
func bindJSON(values map[string]json.RawMessage, form any) (invalid []models.FieldError) {
	target := reflect.ValueOf(form).Elem()
	for i, name := range fieldNames(target.Interface()) {
		value, isSent := values[name]
		if !isSent {
			continue
		}
		field := target.Field(i)
		if string(value) != "null" && json.Unmarshal(value, field.Addr().Interface()) == nil {
			continue
		}
		switch field.Kind() {
		case reflect.Bool:
			invalid = append(invalid, models.NewFieldError(name, "boolean", "request.boolean", nil))
		case reflect.Int64:
			invalid = append(invalid, models.NewFieldError(name, "integer", "request.whole_number_from", models.Params{"min": 0}))
		default:
			invalid = append(invalid, models.NewFieldError(name, "type", "request.text", nil))
		}
	}
	return invalid
}

// bindText parses texts into the fields of the struct that form points to, by their json tags; "" is NULL. It returns an
// error for each text that is not of its field's type.
func bindText(sent map[string]string, form any) (invalid []models.FieldError) {
	target := reflect.ValueOf(form).Elem()
	for i, name := range fieldNames(target.Interface()) {
		text := sent[name]
		if text == "" {
			continue
		}
		switch field := target.Field(i).Addr().Interface().(type) {
		case **string:
			*field = &text
		case **int64:
			id, err := models.ParseID(text)
			if *field = &id; err != nil {
				invalid = append(invalid, models.NewFieldError(name, "integer", "request.whole_number", models.Params{"min": 1, "max": math.MaxInt32}))
			}
		case **time.Time:
			at, err := parseInstant(text)
			if *field = &at; err != nil {
				invalid = append(invalid, models.NewFieldError(name, "timestamp", "request.timestamp", nil))
			}
		case *models.JSON:
			if strings.TrimSpace(text) == "" {
				continue
			}
			var err error
			if *field, err = parseMetrics(text); err != nil {
				invalid = append(invalid, models.AsError(err).Fields...)
			}
		default:
			panic(name + " has a type that no form has")
		}
	}
	return invalid
}

// parseInstant parses an RFC 3339 timestamp of the years 1 to 9999, to the microsecond.
func parseInstant(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if t = t.UTC().Truncate(time.Microsecond); err == nil && (t.Year() < 1 || t.Year() > 9999) {
		err = strconv.ErrRange
	}
	return t, err
}

// ReadFields reads a body that is a multipart form or, without files, a JSON object, as texts. In JSON a number is taken
// as written, and null is an empty field. Errors: as ReadForm and ReadObject.
func ReadFields(c *fiber.Ctx, limits FormLimits, files Uploads, known ...string) (Form, error) {
	if kind, _ := mediaType(c); kind != fiber.MIMEApplicationJSON {
		form, err := ReadForm(c, limits, files, known...)
		if kind != fiber.MIMEMultipartForm && err != nil {
			return Form{}, unsupported(fiber.MIMEMultipartForm, fiber.MIMEApplicationJSON)
		}
		return form, err
	}
	object, err := ReadObject(c, known)
	if err != nil {
		return Form{}, err
	}
	texts, err := textsOf(object, known)
	return Form{Fields: texts}, err
}

// jsonKind says which JSON values a field takes.
type jsonKind int

const (
	scalar   jsonKind = iota // a text or a number
	freeText                 // a text: a number is a mistake
	document                 // an object
)

func kindOf(name string) jsonKind {
	if name == MetricsField {
		return document
	}
	if f, _ := models.ProductFieldOf(name); name == "catatan" || f.Kind == models.FieldText || f.Kind == models.FieldTextarea {
		return freeText
	}
	return scalar
}

// textsOf returns the values of an object as a form would send them; null is "". Errors: validation_failed with the
// fields of another kind, in the order of names.
func textsOf(object map[string]json.RawMessage, names []string) (map[string]string, error) {
	texts := map[string]string{}
	var invalid []models.FieldError
	for _, name := range names {
		value, isSent := object[name]
		if !isSent {
			continue
		}
		text, kind, fits := string(value), kindOf(name), false
		switch value[0] {
		case 'n': // null
			text, fits = "", true
		case '"':
			fits = kind != document && json.Unmarshal(value, &text) == nil
		case '{':
			fits = kind == document
		case '[', 't', 'f':
		default:
			fits = kind == scalar
		}
		if !fits {
			invalid = append(invalid, wrongKind(name, kind))
		}
		texts[name] = text
	}
	if invalid != nil {
		return nil, models.NewInvalid(invalid...)
	}
	return texts, nil
}

func wrongKind(name string, want jsonKind) models.FieldError {
	switch want {
	case document:
		return models.NewFieldError(name, "type", "request.json_object", nil)
	case freeText:
		return models.NewFieldError(name, "type", "request.text", nil)
	case scalar:
	}
	return models.NewFieldError(name, "type", "request.text_or_number", nil)
}

package request

import (
	"encoding/json"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

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

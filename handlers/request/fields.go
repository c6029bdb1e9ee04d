package request

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/gofiber/fiber/v2"
)

// ReadFields reads a body that is a form or, without files, a JSON object. Of JSON, a number is taken as
// it is written where the field is one, and null is what an empty field of a form is. Errors: as ReadForm and ReadObject.
func ReadFields(c *fiber.Ctx, limits FormLimits, files Uploads, known ...string) (Form, error) {
	if kind, _ := mediaType(c); kind != fiber.MIMEApplicationJSON {
		read, err := ReadForm(c, limits, files, known...)
		if kind != fiber.MIMEMultipartForm && err != nil {
			return Form{}, unsupported(fiber.MIMEMultipartForm, fiber.MIMEApplicationJSON)
		}
		return read, err
	}
	object, err := ReadObject(c, known)
	if err != nil {
		return Form{}, err
	}
	read := Form{Fields: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		text, err := Scalar(name, object[name])
		if err != nil {
			return Form{}, err
		}
		read.Fields[name] = text
	}
	return read, nil
}

// Scalar is what a form would send for a value in JSON.
func Scalar(name string, value json.RawMessage) (text string, err error) {
	switch value[0] {
	case 'n': // null
		return "", nil
	case '"':
		err = json.Unmarshal(value, &text)
		return text, err
	case '{', '[', 't', 'f':
		return "", Invalid(name, "type", "request.text_or_number", nil)
	default:
		if isFreeText(name) {
			return "", Invalid(name, "type", "request.text", nil)
		}
		return string(value), nil
	}
}

// isFreeText reports whether a field holds any text, so that a number in JSON is a mistake.
func isFreeText(name string) bool {
	return slices.Contains([]string{"produk", "deskripsi", "pelanggan", "catatan"}, name)
}

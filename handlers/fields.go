package handlers

import (
	"encoding/json"
	"maps"
	"slices"

	"github.com/gofiber/fiber/v2"
)

// readFields reads a body that is a form or, without files, a JSON object. Of JSON, a number is taken as
// it is written where the field is one, and null is what an empty field of a form is. Errors: as readForm and readJSON.
func readFields(c *fiber.Ctx, limits FormLimits, files uploads, known ...string) (form, error) {
	if kind, _ := mediaType(c); kind != fiber.MIMEApplicationJSON {
		read, err := readForm(c, limits, files, known...)
		if kind != fiber.MIMEMultipartForm && err != nil {
			return form{}, notOf("a form (multipart/form-data) or JSON (application/json)")
		}
		return read, err
	}
	object, err := readObject(c, known)
	if err != nil {
		return form{}, err
	}
	read := form{Fields: map[string]string{}}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		text, err := scalar(name, object[name])
		if err != nil {
			return form{}, err
		}
		read.Fields[name] = text
	}
	return read, nil
}

// scalar is what a form would send for a value in JSON.
func scalar(name string, value json.RawMessage) (text string, err error) {
	switch value[0] {
	case 'n': // null
		return "", nil
	case '"':
		err = json.Unmarshal(value, &text)
		return text, err
	case '{', '[', 't', 'f':
		return "", invalid(name, "type", "%s must be a text or a number", name)
	default:
		if isFreeText(name) {
			return "", invalid(name, "type", "%s must be a text", name)
		}
		return string(value), nil
	}
}

// isFreeText reports whether a field holds any text, so that a number in JSON is a mistake.
func isFreeText(name string) bool {
	return slices.Contains([]string{"produk", "deskripsi", "pelanggan", "catatan"}, name)
}

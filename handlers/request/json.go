package request

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

const (
	jsonLimit = 1 << 20 // bytes
	jsonDepth = 500     // levels; the databases allow some more
)

// readObject reads a JSON object of at most limit bytes with known keys. Its values stay as written, so numbers keep
// every digit. An optional body may be missing; the object is then empty. Errors: unsupported_type, too_large,
// validation_failed with the field.
func readObject(c *fiber.Ctx, limit int64, isOptional bool, known []string) (map[string]json.RawMessage, error) {
	kind, parameters := mediaType(c)
	charset := parameters["charset"]
	isJSON := kind == fiber.MIMEApplicationJSON && (charset == "" || strings.EqualFold(charset, "utf-8"))
	if !isJSON && !isOptional {
		return nil, unsupported(c, fiber.MIMEApplicationJSON)
	}
	text, err := io.ReadAll(bodyOf(c, limit))
	switch {
	case err != nil:
		return nil, unreadable(c, err, "request.truncated")
	case isOptional && len(bytes.TrimSpace(text)) == 0:
		return map[string]json.RawMessage{}, nil
	case !isJSON:
		return nil, unsupported(c, fiber.MIMEApplicationJSON)
	default:
		return parseFields(text, known)
	}
}

// parseFields parses a JSON object with known keys, each once. Errors: validation_failed.
func parseFields(text []byte, known []string) (map[string]json.RawMessage, error) {
	if !json.Valid(text) || !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return nil, models.NewError(models.Invalid, "request.not_an_object", nil)
	}
	object := map[string]json.RawMessage{}
	decoder := json.NewDecoder(bytes.NewReader(text))
	_, err := decoder.Token() // {
	for err == nil && decoder.More() {
		token, _ := decoder.Token()
		name, _ := token.(string)
		var value json.RawMessage
		err = decoder.Decode(&value)
		if _, seen := object[name]; seen {
			return nil, Invalid(name, "duplicate", "request.duplicate", nil)
		}
		if !slices.Contains(known, name) {
			return nil, unknownField(name, known)
		}
		if err == nil {
			err = checkValue(name, value)
		}
		object[name] = value
	}
	return object, err
}

// checkValue checks that the databases can store the JSON value of a field, and that all parsers read it alike. Errors:
// validation_failed.
func checkValue(name string, value []byte) error {
	if !isText(string(value)) || unstorable.Match(paired.ReplaceAll(value, nil)) {
		return Invalid(name, "encoding", "request.encoding", nil)
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber() // 1e400 is no float64
	if key, tooDeep := inspect(decoder, 0); tooDeep {
		return Invalid(name, "too_deep", "request.too_deep", models.Params{"limit": jsonDepth})
	} else if key != "" {
		return Invalid(name, "duplicate", "request.duplicate_key", models.Params{"key": clip(key)})
	}
	return nil
}

// unstorable are escapes of NUL and of surrogates. It finds unpaired ones after the removal of paired, which are pairs,
// and backslashes that could be mistaken for the beginning of an escape.
var (
	unstorable = regexp.MustCompile(`(?i)\\u(0000|d[89a-f])`)
	paired     = regexp.MustCompile(`\\\\|(?i:\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})`)
)

// inspect returns a key that the next value of a decoder has twice in one object, "" for none, and reports whether the
// value is nested too deep. The value is valid JSON, above is the number of levels around it.
func inspect(decoder *json.Decoder, above int) (duplicate string, tooDeep bool) {
	opening, _ := decoder.Token()
	if _, isNested := opening.(json.Delim); !isNested {
		return "", false
	}
	if above == jsonDepth {
		return "", true
	}
	keys := map[json.Token]bool{}
	for decoder.More() {
		if opening == json.Delim('{') {
			key, _ := decoder.Token()
			if duplicate, _ = key.(string); keys[key] {
				return duplicate, false
			}
			keys[key] = true
		}
		if duplicate, tooDeep = inspect(decoder, above+1); duplicate != "" || tooDeep {
			return duplicate, tooDeep
		}
	}
	_, _ = decoder.Token() // closes it
	return "", false
}

// The JSON values that a field accepts, named by the text of the error for others.
const (
	textOrNumber = "request.text_or_number"
	onlyText     = "request.text" // a number is a mistake
	onlyObject   = "request.json_object"
)

func acceptedValues(name string) string {
	if name == MetricsField {
		return onlyObject
	}
	if f, _ := models.ProductFieldOf(name); name == "catatan" || f.Kind == models.FieldText || f.Kind == models.FieldTextarea {
		return onlyText
	}
	return textOrNumber
}

// readTexts reads a JSON object with known keys as a form would send it: a number is taken as written, and null is "".
// Errors: unsupported_type, too_large, validation_failed with the fields of another type, in the order of names.
func readTexts(c *fiber.Ctx, names []string) (map[string]string, error) {
	object, err := readObject(c, jsonLimit, false, names)
	if err != nil {
		return nil, err
	}
	texts := map[string]string{}
	var invalid []models.FieldError
	for _, name := range names {
		value, isSent := object[name]
		if !isSent {
			continue
		}
		text, accepted, fits := string(value), acceptedValues(name), false
		switch value[0] {
		case 'n': // null
			text, fits = "", true
		case '"':
			fits = accepted != onlyObject && json.Unmarshal(value, &text) == nil
		case '{':
			fits = accepted == onlyObject
		case '[', 't', 'f':
		default:
			fits = accepted == textOrNumber
		}
		if !fits {
			invalid = append(invalid, models.NewFieldError(name, "type", accepted, nil))
		}
		texts[name] = text
	}
	if invalid != nil {
		return nil, models.NewInvalid(invalid...)
	}
	return texts, nil
}

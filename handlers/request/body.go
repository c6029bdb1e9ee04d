// Package request parses and validates requests: paths, queries, headers, forms with files, and JSON. Errors name the
// invalid fields. The API and the console share it.
package request

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"mime"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

// Most clients read the response only after they have sent the whole body. So of a rejected request this much more is
// read before the connection is closed.
const (
	drainTimeout = 2 * time.Second
	drainLimit   = 64 << 20 // bytes
)

// noBudget lets a body be read up to its limit.
const noBudget = math.MaxInt64

// limited reads a request's body. Errors: too_large beyond the limit; io.ErrUnexpectedEOF if the body ends before its
// Content-Length.
type limited struct {
	from      io.Reader
	limit     int64
	read      int64
	announced int64 // Content-Length, -1 for none
	budget    int64 // bytes that may still be read, as for the headers of a part
}

// bodyOf returns a request's body with a limit in bytes.
func bodyOf(c *fiber.Ctx, limit int64) *limited {
	from := c.Context().RequestBodyStream()
	if from == nil {
		from = bytes.NewReader(c.Context().Request.Body())
	}
	return &limited{from: from, limit: limit, announced: int64(max(c.Context().Request.Header.ContentLength(), -1)), budget: noBudget}
}

// Read implements io.Reader.
func (b *limited) Read(p []byte) (int, error) {
	if b.budget == 0 {
		return 0, errBudget
	}
	n, err := b.from.Read(p[:min(int64(len(p)), max(b.limit-b.read+1, 0), b.budget)])
	b.read, b.budget = b.read+int64(n), b.budget-int64(n)
	switch {
	case b.read > b.limit:
		return 0, models.NewError(models.TooLarge, "request.too_large", models.Params{"limit": b.limit})
	case errors.Is(err, io.EOF) && b.announced > b.read:
		return n, io.ErrUnexpectedEOF
	default:
		return n, err
	}
}

var errBudget = errors.New("over the read budget")

// unreadable drains a body that could not be read, and returns the error: the client's mistake, with the text code, unless
// err is more specific.
func unreadable(c *fiber.Ctx, err error, code string) error {
	drain(c)
	if own, ok := errors.AsType[*models.Error](err); ok {
		return own
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return fiber.ErrRequestTimeout
	}
	return models.NewError(models.Invalid, code, nil).WithCause(err)
}

// drain reads the rest of a rejected body within limits, so that the client sees the response, and closes the connection
// if there is more.
func drain(c *fiber.Ctx) {
	stream := c.Context().RequestBodyStream()
	if stream == nil {
		return
	}
	_ = c.Context().SetReadDeadline(time.Now().Add(drainTimeout)) // fails if the client has disconnected
	if n, err := io.CopyN(io.Discard, stream, drainLimit); err == nil && n == drainLimit || err != nil && !errors.Is(err, io.EOF) {
		c.Context().SetConnectionClose()
	}
}

// mediaType returns the media type of a request's body with its parameters, "" for an unreadable or compressed one.
func mediaType(c *fiber.Ctx) (string, map[string]string) {
	if encoding := c.Get(fiber.HeaderContentEncoding); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return "", nil
	}
	kind, parameters, err := mime.ParseMediaType(c.Get(fiber.HeaderContentType))
	if err != nil {
		return "", nil
	}
	return kind, parameters
}

// unsupported drains the body and returns the error that its type is not one of types.
func unsupported(c *fiber.Ctx, types ...string) error {
	drain(c)
	return models.NewError(models.UnsupportedType, "request.unsupported_type", models.Params{"types": types})
}

// isText reports whether the databases can store a text: UTF-8 without NUL.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// Invalid returns the error for one invalid field; text is a code of the message catalogue, which gets the
// parameter "field".
func Invalid(field, code, text string, params models.Params) error {
	return models.NewInvalid(models.NewFieldError(field, code, text, params))
}

func unknownField(name string, known []string) error {
	return Invalid(clip(name), "unknown", "request.unknown_field", models.Params{"known": known})
}

// clip shortens client input so that a message can repeat it.
func clip(s string) string {
	const limit = 40
	s = strings.ToValidUTF8(s, "�")
	if runes := []rune(s); len(runes) > limit {
		return string(runes[:limit]) + "…"
	}
	return s
}

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

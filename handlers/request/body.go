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

// Most clients read the response only after they have sent the whole body. So up to this much more of a rejected request
// is read before the connection is closed.
const (
	drainTimeout = 2 * time.Second
	drainLimit   = 64 << 20 // bytes
)

// unlimitedBudget leaves only the body limit in effect.
const unlimitedBudget = math.MaxInt64

// limitedBody reads a request's body up to a limit. Errors: too_large beyond the limit; io.ErrUnexpectedEOF if the body is
// shorter than its Content-Length.
type limitedBody struct {
	source        io.Reader
	limit         int64
	read          int64
	contentLength int64 // Content-Length, -1 for none
	budget        int64 // bytes that may still be read, for example for a part's headers
}

// bodyOf returns a request's body with a limit in bytes.
func bodyOf(c *fiber.Ctx, limit int64) *limitedBody {
	source := c.Context().RequestBodyStream()
	if source == nil {
		source = bytes.NewReader(c.Context().Request.Body())
	}
	return &limitedBody{source: source, limit: limit, contentLength: int64(max(c.Context().Request.Header.ContentLength(), -1)), budget: unlimitedBudget}
}

// Read implements io.Reader.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.budget == 0 {
		return 0, errBudget
	}
	n, err := b.source.Read(p[:min(int64(len(p)), max(b.limit-b.read+1, 0), b.budget)])
	b.read, b.budget = b.read+int64(n), b.budget-int64(n)
	switch {
	case b.read > b.limit:
		return 0, models.NewError(models.TooLarge, "request.too_large", models.Params{"limit": b.limit})
	case errors.Is(err, io.EOF) && b.contentLength > b.read:
		return n, io.ErrUnexpectedEOF
	default:
		return n, err
	}
}

var errBudget = errors.New("read budget exceeded")

// bodyReadError drains a body that could not be read. It returns err if it is already specific, otherwise a validation error
// with the given text code.
func bodyReadError(c *fiber.Ctx, err error, code string) error {
	drain(c)
	if specific, ok := errors.AsType[*models.Error](err); ok {
		return specific
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if netErr, ok := errors.AsType[net.Error](err); ok && netErr.Timeout() {
		return fiber.ErrRequestTimeout
	}
	return models.NewError(models.Invalid, code, nil).WithCause(err)
}

// drain reads the rest of a rejected body within limits, so that the client reads the response, and closes the connection
// if the body is longer.
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

// unsupportedTypeError drains the body and returns unsupported_type, listing the accepted types.
func unsupportedTypeError(c *fiber.Ctx, types ...string) error {
	drain(c)
	return models.NewError(models.UnsupportedType, "request.unsupported_type", models.Params{"types": types})
}

// isText reports whether the databases can store a text: UTF-8 without NUL.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// Invalid returns the error for one invalid field; text is a message code, whose parameter "field" is set.
func Invalid(field, code, text string, params models.Params) error {
	return models.NewInvalid(models.NewFieldError(field, code, text, params))
}

func unknownField(name string, allowed []string) error {
	return Invalid(clip(name), "unknown", "request.unknown_field", models.Params{"field": clip(name), "known": allowed})
}

// clip truncates client input for use in a message.
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
	jsonDepth = 500     // levels; the databases allow slightly more
)

// readObject reads a JSON object of at most limit bytes with known keys. Its values are not decoded, so numbers keep
// every digit. An optional body may be missing; the object is then empty. Errors: unsupported_type, too_large,
// validation_failed with the field.
func readObject(c *fiber.Ctx, limit int64, isOptional bool, allowed []string) (map[string]json.RawMessage, error) {
	kind, parameters := mediaType(c)
	charset := parameters["charset"]
	isJSON := kind == fiber.MIMEApplicationJSON && (charset == "" || strings.EqualFold(charset, "utf-8"))
	if !isJSON && !isOptional {
		return nil, unsupportedTypeError(c, fiber.MIMEApplicationJSON)
	}
	text, err := io.ReadAll(bodyOf(c, limit))
	switch {
	case err != nil:
		return nil, bodyReadError(c, err, "request.truncated")
	case isOptional && len(bytes.TrimSpace(text)) == 0:
		return map[string]json.RawMessage{}, nil
	case !isJSON:
		return nil, unsupportedTypeError(c, fiber.MIMEApplicationJSON)
	default:
		return parseFields(text, allowed)
	}
}

// parseFields parses a JSON object with known keys, each once. Errors: validation_failed.
func parseFields(text []byte, allowed []string) (map[string]json.RawMessage, error) {
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
		if _, isDuplicate := object[name]; isDuplicate {
			return nil, Invalid(name, "duplicate", "request.duplicate", nil)
		}
		if !slices.Contains(allowed, name) {
			return nil, unknownField(name, allowed)
		}
		if err == nil {
			err = checkValue(name, value)
		}
		object[name] = value
	}
	return object, err
}

// checkValue checks that the databases can store the JSON value of a field, and that it is unambiguous. Errors:
// validation_failed.
func checkValue(name string, value []byte) error {
	if !isText(string(value)) || unstorableEscapes.Match(escapePairs.ReplaceAll(value, nil)) {
		return Invalid(name, "encoding", "request.encoding", nil)
	}
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber() // 1e400 is no float64
	if key, tooDeep := inspectValue(decoder, 0); tooDeep {
		return Invalid(name, "too_deep", "request.too_deep", models.Params{"limit": jsonDepth})
	} else if key != "" {
		return Invalid(name, "duplicate", "request.duplicate_key", models.Params{"key": clip(key)})
	}
	return nil
}

// unstorableEscapes matches escapes of NUL and of surrogates. Valid surrogate pairs and escaped backslashes, which
// escapePairs matches, must be removed first.
var (
	unstorableEscapes = regexp.MustCompile(`(?i)\\u(0000|d[89a-f])`)
	escapePairs       = regexp.MustCompile(`\\\\|(?i:\\ud[89ab][0-9a-f]{2}\\ud[c-f][0-9a-f]{2})`)
)

// inspectValue returns a duplicate key of an object in the decoder's next value, "" for none, and reports whether the value
// is nested too deeply. The value must be valid JSON; depth is the number of enclosing levels.
func inspectValue(decoder *json.Decoder, depth int) (duplicate string, tooDeep bool) {
	opening, _ := decoder.Token()
	if _, isNested := opening.(json.Delim); !isNested {
		return "", false
	}
	if depth == jsonDepth {
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
		if duplicate, tooDeep = inspectValue(decoder, depth+1); duplicate != "" || tooDeep {
			return duplicate, tooDeep
		}
	}
	_, _ = decoder.Token() // closing delimiter
	return "", false
}

// The kinds of JSON values that a field accepts; each is the message code of the error for other kinds.
const (
	textOrNumber = "request.text_or_number"
	textOnly     = "request.text" // rejects numbers
	objectOnly   = "request.json_object"
)

func acceptedValues(name string) string {
	if name == MetricsField {
		return objectOnly
	}
	if f, _ := models.ProductFieldOf(name); name == "catatan" || f.Kind == models.FieldText || f.Kind == models.FieldTextarea {
		return textOnly
	}
	return textOrNumber
}

// readTexts reads a JSON object with known keys as form fields: numbers as written, null as "". Errors: unsupported_type,
// too_large, validation_failed with the fields of the wrong type, in the order of names.
func readTexts(c *fiber.Ctx, names []string) (map[string]string, error) {
	object, err := readObject(c, jsonLimit, false, names)
	if err != nil {
		return nil, err
	}
	return textsOf(object, names)
}

// textsOf returns the values of a JSON object as form fields, as readTexts does. Errors: validation_failed.
func textsOf(object map[string]json.RawMessage, names []string) (map[string]string, error) {
	texts := map[string]string{}
	var invalid []models.FieldError
	for _, name := range names {
		value, isSent := object[name]
		if !isSent {
			continue
		}
		text, kind, ok := string(value), acceptedValues(name), false
		switch value[0] {
		case 'n': // null
			text, ok = "", true
		case '"':
			ok = kind != objectOnly && json.Unmarshal(value, &text) == nil
		case '{':
			ok = kind == objectOnly
		case '[', 't', 'f':
		default:
			ok = kind == textOrNumber
		}
		if !ok {
			invalid = append(invalid, models.NewFieldError(name, "type", kind, nil))
		}
		texts[name] = text
	}
	if invalid != nil {
		return nil, models.NewInvalid(invalid...)
	}
	return texts, nil
}

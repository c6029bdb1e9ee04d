package request

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
)

const (
	jsonLimit = 1 << 20 // bytes
	jsonDepth = 500     // levels; the databases allow some more
)

// ReadObject reads a JSON object with known keys. Its values stay as written, so numbers keep every digit. Errors:
// unsupported_type, too_large, validation_failed with the field.
func ReadObject(c *fiber.Ctx, known []string) (map[string]json.RawMessage, error) {
	object, err := parseObject(c, known)
	if err != nil {
		drain(c)
	}
	return object, err
}

// ReadObjectIfAny is ReadObject for an optional body of at most limit bytes; without one the object is empty.
func ReadObjectIfAny(c *fiber.Ctx, limit int64, known []string) (map[string]json.RawMessage, error) {
	text, err := io.ReadAll(bodyOf(c, limit))
	if err != nil {
		drain(c)
		return nil, unreadable(err, "request.truncated")
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return map[string]json.RawMessage{}, nil
	}
	if kind, parameters := mediaType(c); kind != fiber.MIMEApplicationJSON || !isUTF8(parameters["charset"]) {
		return nil, unsupported(fiber.MIMEApplicationJSON)
	}
	return ObjectOf(text, known)
}

func parseObject(c *fiber.Ctx, known []string) (map[string]json.RawMessage, error) {
	if kind, parameters := mediaType(c); kind != fiber.MIMEApplicationJSON || !isUTF8(parameters["charset"]) {
		return nil, unsupported(fiber.MIMEApplicationJSON)
	}
	text, err := io.ReadAll(bodyOf(c, jsonLimit))
	if err != nil {
		return nil, unreadable(err, "request.truncated")
	}
	return ObjectOf(text, known)
}

func isUTF8(charset string) bool { return charset == "" || strings.EqualFold(charset, "utf-8") }

// ObjectOf parses a JSON object with known keys, each once. Errors: validation_failed.
func ObjectOf(text []byte, known []string) (map[string]json.RawMessage, error) {
	if !json.Valid(text) || !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return nil, models.NewError(models.Invalid, "request.not_an_object", nil)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil { // {
		return nil, err
	}
	object := map[string]json.RawMessage{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		_, seen := object[name]
		switch {
		case !slices.Contains(known, name):
			return nil, unknownField(name, known)
		case seen:
			return nil, Invalid(name, "duplicate", "request.duplicate", nil)
		case !isText(string(value)) || badEscape(value):
			return nil, encodingError(name)
		}
		if twice, tooDeep := inspect(value); tooDeep {
			return nil, Invalid(name, "too_deep", "request.too_deep", models.Params{"limit": jsonDepth})
		} else if twice != "" {
			return nil, Invalid(name, "duplicate", "request.duplicate_key", models.Params{"key": clip(twice)})
		}
		object[name] = value
	}
	return object, nil
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

// badEscape reports whether valid JSON has an escaped NUL or an unpaired surrogate.
func badEscape(value []byte) bool {
	for i := bytes.IndexByte(value, '\\'); i >= 0 && i < len(value); {
		if value[i] != '\\' {
			i++
			continue
		}
		if value[i+1] != 'u' {
			i += 2
			continue
		}
		r := hex4(value[i+2:])
		i += 6
		switch {
		case r == 0:
			return true
		case utf16.IsSurrogate(r):
			if i+6 > len(value) || value[i] != '\\' || value[i+1] != 'u' || utf16.DecodeRune(r, hex4(value[i+2:])) == '�' {
				return true
			}
			i += 6
		}
	}
	return false
}

func hex4(b []byte) rune {
	n, err := strconv.ParseUint(string(b[:4]), 16, 32)
	if err != nil {
		return 0
	}
	return rune(n)
}

// inspect returns a key that a valid JSON value has twice in one object, "" for none, and reports whether the value is
// nested too deep.
func inspect(value []byte) (twice string, tooDeep bool) {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	var open []map[string]bool // the keys of each open level; nil for an array
	isKey := false
	for {
		token, err := decoder.Token()
		if err != nil { // the end
			return "", false
		}
		delim, _ := token.(json.Delim)
		switch {
		case delim == '{' || delim == '[':
			var keys map[string]bool
			if delim == '{' {
				keys = map[string]bool{}
			}
			if open = append(open, keys); len(open) > jsonDepth {
				return "", true
			}
		case delim != 0:
			open = open[:len(open)-1]
		case isKey:
			key, _ := token.(string)
			if open[len(open)-1][key] {
				return key, false
			}
			open[len(open)-1][key] = true
			isKey = false
			continue
		}
		isKey = len(open) > 0 && open[len(open)-1] != nil
	}
}

package request

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

// Checker validates requests by the rules in their structs' tags.
type Checker struct{ validate *validator.Validate }

// NewChecker returns a checker. It has the built-in rules plus the rule `digest`.
func NewChecker() Checker {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(fieldName)
	err := v.RegisterValidation("digest", func(fl validator.FieldLevel) bool { return mirror.IsDigest(fl.Field().String()) })
	if err != nil { // only for an empty rule name
		panic(err)
	}
	return Checker{v}
}

// fieldName returns the JSON name of a struct field.
func fieldName(f reflect.StructField) string { return f.Tag.Get("json") }

// fieldNames returns the JSON names of a struct's fields, in order.
func fieldNames(form any) (names []string) {
	for f := range reflect.TypeOf(form).Fields() {
		names = append(names, fieldName(f))
	}
	return names
}

// check validates the struct that form points to; if only is set, just those fields. parseErrors are the errors of parsing
// its fields. The result has the order of the struct's fields. Errors: validation_failed.
func (ch Checker) check(form any, parseErrors []models.FieldError, only ...string) error {
	violations, _ := errors.AsType[validator.ValidationErrors](ch.validate.Struct(form))
	var invalid []models.FieldError
	for f := range reflect.TypeOf(form).Elem().Fields() {
		name := fieldName(f)
		if i := slices.IndexFunc(parseErrors, func(e models.FieldError) bool { return e.Field == name }); i >= 0 {
			invalid = append(invalid, parseErrors[i])
		} else if i := slices.IndexFunc(violations, func(b validator.FieldError) bool { return b.Field() == name }); i >= 0 && (only == nil || slices.Contains(only, name)) {
			invalid = append(invalid, fieldError(name, violations[i]))
		}
	}
	if invalid == nil {
		return nil
	}
	return models.NewInvalid(invalid...)
}

// fieldError returns the error for a rule violation.
func fieldError(name string, violation validator.FieldError) models.FieldError {
	switch violation.Tag() {
	case "required":
		return models.NewFieldError(name, "required", "request.required", nil)
	case "max":
		return models.NewFieldError(name, "too_long", "request.too_long", models.Params{"max": violation.Param()})
	case "min":
		return models.NewFieldError(name, "integer", "request.whole_number_from", models.Params{"min": violation.Param()})
	case "oneof":
		return models.NewFieldError(name, "unknown", "request.one_of", models.Params{"choices": strings.Fields(violation.Param())})
	case "digest":
		return models.NewFieldError(name, "unknown", "request.digest", nil)
	case "excluded_unless":
		return models.NewFieldError(name, "combination", "request.digest_combination", nil)
	default:
		return models.NewFieldError(name, violation.Tag(), "request.invalid", nil)
	}
}

// bindJSON parses values into the fields of the struct that form points to, by their json tags. It returns an error for
// each value that is null or has the wrong type.
func bindJSON(values map[string]json.RawMessage, form any) (invalid []models.FieldError) {
	for f, target := range reflect.ValueOf(form).Elem().Fields() {
		name := fieldName(f)
		value, isSent := values[name]
		if !isSent || string(value) != "null" && json.Unmarshal(value, target.Addr().Interface()) == nil {
			continue
		}
		switch target.Kind() {
		case reflect.Bool:
			invalid = append(invalid, models.NewFieldError(name, "boolean", "request.boolean", nil))
		case reflect.Int64:
			invalid = append(invalid, models.NewFieldError(name, "integer", "request.whole_number_from", models.Params{"min": 0}))
		case reflect.Slice:
			invalid = append(invalid, models.NewFieldError(name, "type", "request.texts", nil))
		default:
			invalid = append(invalid, models.NewFieldError(name, "type", "request.text", nil))
		}
	}
	return invalid
}

// bindText parses texts into the fields of the struct that form points to, by their json tags; "" is NULL. It returns an
// error for each text that cannot be parsed.
func bindText(texts map[string]string, form any) (invalid []models.FieldError) {
	for f, target := range reflect.ValueOf(form).Elem().Fields() {
		name := fieldName(f)
		text := texts[name]
		if text == "" {
			continue
		}
		var err error
		switch field := target.Addr().Interface().(type) {
		case **string:
			*field = &text
		case **int64:
			id, ok := positiveNumber(text, math.MaxInt32)
			if *field = &id; !ok {
				invalid = append(invalid, notWholeNumberError(name, math.MaxInt32))
			}
		case **time.Time:
			at, err := parseInstant(text)
			if *field = &at; err != nil {
				invalid = append(invalid, models.NewFieldError(name, "timestamp", "request.timestamp", nil))
			}
		case **models.Date:
			day, ok := parseDay(text)
			if *field = &day; !ok {
				invalid = append(invalid, models.NewFieldError(name, "date", "request.date", nil))
			}
		case *models.JSON:
			if *field, err = parseObject(name, text); err != nil {
				invalid = append(invalid, models.AsError(err).Fields...)
			}
		default:
			panic("unsupported form field type: " + name)
		}
	}
	return invalid
}

// parseDay parses a date in the years 1 to 9999.
func parseDay(text string) (models.Date, bool) {
	day, err := models.ParseDate(text)
	return day, err == nil && day.Time().Year() > 0
}

// parseInstant parses an RFC 3339 timestamp in the years 1 to 9999, truncated to microseconds.
func parseInstant(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if t = t.UTC().Truncate(time.Microsecond); err == nil && (t.Year() < 1 || t.Year() > 9999) {
		err = strconv.ErrRange
	}
	return t, err
}

// parseObject parses the text of a field that holds a JSON object; blanks and null are NULL. Errors: validation_failed.
func parseObject(name, text string) (models.JSON, error) {
	switch text = strings.TrimSpace(text); {
	case text == "", text == "null":
		return nil, nil
	case text[0] != '{' || !json.Valid([]byte(text)):
		return nil, Invalid(name, "type", "request.json_object", nil)
	default:
		return models.JSON(text), checkValue(name, []byte(text))
	}
}

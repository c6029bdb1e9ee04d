package request

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"

	"lifecycle-sync/models"
)

// Checker holds what was filled in, always texts, against the rules in its struct's tags.
type Checker struct{ validate *validator.Validate }

// NewChecker knows, beside the validator's own rules: filled (not only blanks), id, rupiah, day and
// instant.
func NewChecker() Checker {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("json") }) // the client's names
	for tag, holds := range map[string]func(text string) bool{
		"filled":  func(text string) bool { return strings.TrimSpace(text) != "" },
		"id":      func(text string) bool { id, err := strconv.ParseUint(text, 10, 31); return err == nil && id > 0 },
		"rupiah":  func(text string) bool { _, ok := rupiah(text); return ok },
		"day":     isDay,
		"instant": func(text string) bool { _, ok := parseInstant(text); return ok },
	} {
		err := v.RegisterValidation(tag, func(fl validator.FieldLevel) bool { return holds(fl.Field().String()) })
		if err != nil { // a tag without a name
			panic(err)
		}
	}
	return Checker{v}
}

// Check returns what is wrong with a pointer to a struct; with fields, with those only. Errors:
// validation_failed.
func (ch Checker) Check(filled any, fields ...string) error {
	err := ch.validate.Struct(filled)
	if fields != nil {
		err = ch.validate.StructPartial(filled, fields...)
	}
	wrong, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return err
	}
	problems := make([]models.FieldError, len(wrong))
	for i, w := range wrong {
		problems[i] = problemOf(w)
	}
	return models.NewInvalid(problems...)
}

func problemOf(w validator.FieldError) models.FieldError {
	name := w.Field()
	switch w.Tag() {
	case "required", "filled":
		return models.FieldError{Field: name, Code: "required", LegacyMessage: name + " is required"}
	case "max":
		return models.FieldError{Field: name, Code: "too_long", LegacyMessage: fmt.Sprintf("%s may have at most %s characters", name, w.Param())}
	case "id":
		return models.FieldError{Field: name, Code: "integer", LegacyMessage: name + " must be a whole number from 1 to 2147483647"}
	case "rupiah":
		return models.FieldError{Field: name, Code: "integer", LegacyMessage: name + " must be a whole number of rupiah, from 0 to 9223372036854775807"}
	case "day":
		return models.FieldError{Field: name, Code: "date", LegacyMessage: name + " must be a date in the form YYYY-MM-DD"}
	case "instant":
		return models.FieldError{Field: name, Code: "timestamp", LegacyMessage: name + " must be a time as 2026-03-01T08:30:00+07:00 (RFC 3339)"}
	default:
		return models.FieldError{Field: name, Code: w.Tag(), LegacyMessage: name + " is not right"}
	}
}

var wholeNumber = regexp.MustCompile(`^([0-9]{1,19})(\.0{1,20})?$`)

// rupiah reads a whole number from 0, which may have a fraction of noughts. It never rounds.
func rupiah(text string) (int64, bool) {
	parts := wholeNumber.FindStringSubmatch(text)
	if parts == nil {
		return 0, false
	}
	n, err := strconv.ParseInt(parts[1], 10, 64)
	return n, err == nil
}

// isDay reports whether a text is a day of the years that RFC 3339 can say.
func isDay(text string) bool {
	d, err := models.ParseDate(text)
	return err == nil && d.Time().Year() > 0
}

// parseInstant reads an RFC 3339 timestamp of the years that one can say, to the microsecond.
func parseInstant(text string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339Nano, text)
	t = t.UTC().Truncate(time.Microsecond)
	return t, err == nil && t.Year() >= 1 && t.Year() <= 9999
}

// The following read texts that were checked before; "" is none, and so is what is not right.

// SomeText is a text.
func SomeText(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// SomeID is the id of a row.
func SomeID(text string) *int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// SomeRupiah is a whole number of rupiah.
func SomeRupiah(text string) *int64 {
	n, ok := rupiah(text)
	if !ok {
		return nil
	}
	return &n
}

// SomeDay is a date.
func SomeDay(text string) *models.Date {
	d, err := models.ParseDate(text)
	if err != nil {
		return nil
	}
	return &d
}

// SomeInstant is a time.
func SomeInstant(text string) *time.Time {
	t, ok := parseInstant(text)
	if !ok {
		return nil
	}
	return &t
}

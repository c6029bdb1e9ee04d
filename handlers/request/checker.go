package request

import (
	"errors"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
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
		"digest":  mirror.IsDigest,
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

// check validates the struct that form points to. Fields that could not be parsed are reported as unparsed says.
// The errors have the order of the struct's fields. Errors: validation_failed.
func (ch Checker) check(form any, unparsed []models.FieldError) error {
	byField := map[string]models.FieldError{}
	wrong, _ := errors.AsType[validator.ValidationErrors](ch.validate.Struct(form))
	for _, w := range wrong {
		byField[w.Field()] = problemOf(w)
	}
	for _, u := range unparsed {
		byField[u.Field] = u
	}
	var invalid []models.FieldError
	for _, name := range fieldNames(reflect.ValueOf(form).Elem().Interface()) {
		if e, ok := byField[name]; ok {
			invalid = append(invalid, e)
		}
	}
	if invalid == nil {
		return nil
	}
	return models.NewInvalid(invalid...)
}

func problemOf(w validator.FieldError) models.FieldError {
	name := w.Field()
	switch w.Tag() {
	case "required", "filled":
		return models.NewFieldError(name, "required", "request.required", nil)
	case "max":
		return models.NewFieldError(name, "too_long", "request.too_long", models.Params{"max": w.Param()})
	case "id":
		return models.NewFieldError(name, "integer", "request.whole_number", models.Params{"min": 1, "max": math.MaxInt32})
	case "rupiah":
		return models.NewFieldError(name, "integer", "request.rupiah", nil)
	case "day":
		return models.NewFieldError(name, "date", "request.date", nil)
	case "min":
		return models.NewFieldError(name, "integer", "request.whole_number_from", models.Params{"min": w.Param()})
	case "oneof":
		return models.NewFieldError(name, "unknown", "request.one_of", models.Params{"choices": strings.Fields(w.Param())})
	case "digest":
		return models.NewFieldError(name, "unknown", "request.digest", nil)
	case "excluded_unless":
		return models.NewFieldError(name, "combination", "request.digest_combination", nil)
	case "instant":
		return models.NewFieldError(name, "timestamp", "request.timestamp", nil)
	default:
		return models.NewFieldError(name, w.Tag(), "request.invalid", nil)
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

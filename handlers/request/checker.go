package request

import (
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

// Checker validates requests by the rules in their structs' tags.
type Checker struct{ validate *validator.Validate }

// NewChecker returns a checker. Beside the validator's own rules it knows digest.
func NewChecker() Checker {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("json") }) // the client's names
	err := v.RegisterValidation("digest", func(fl validator.FieldLevel) bool { return mirror.IsDigest(fl.Field().String()) })
	if err != nil { // a rule without a name
		panic(err)
	}
	return Checker{v}
}

// check validates the struct that form points to; with only, just those fields. unparsed are the fields whose values
// could not be parsed. The errors have the order of the struct's fields. Errors: validation_failed.
func (ch Checker) check(form any, unparsed []models.FieldError, only ...string) error {
	wrong, _ := errors.AsType[validator.ValidationErrors](ch.validate.Struct(form))
	var invalid []models.FieldError
	for _, name := range fieldNames(reflect.ValueOf(form).Elem().Interface()) {
		isOf := func(e models.FieldError) bool { return e.Field == name }
		if i := slices.IndexFunc(unparsed, isOf); i >= 0 {
			invalid = append(invalid, unparsed[i])
			continue
		}
		i := slices.IndexFunc(wrong, func(w validator.FieldError) bool { return w.Field() == name })
		if i >= 0 && (only == nil || slices.Contains(only, name)) {
			invalid = append(invalid, fieldError(name, wrong[i]))
		}
	}
	if invalid == nil {
		return nil
	}
	return models.NewInvalid(invalid...)
}

// fieldError explains a rule that a field breaks.
func fieldError(name string, broken validator.FieldError) models.FieldError {
	switch broken.Tag() {
	case "required":
		return models.NewFieldError(name, "required", "request.required", nil)
	case "max":
		return models.NewFieldError(name, "too_long", "request.too_long", models.Params{"max": broken.Param()})
	case "min":
		return models.NewFieldError(name, "integer", "request.whole_number_from", models.Params{"min": broken.Param()})
	case "oneof":
		return models.NewFieldError(name, "unknown", "request.one_of", models.Params{"choices": strings.Fields(broken.Param())})
	case "digest":
		return models.NewFieldError(name, "unknown", "request.digest", nil)
	case "excluded_unless":
		return models.NewFieldError(name, "combination", "request.digest_combination", nil)
	default:
		return models.NewFieldError(name, broken.Tag(), "request.invalid", nil)
	}
}

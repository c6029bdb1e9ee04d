package request

import (
	"encoding/json"
	"reflect"

	"lifecycle-sync/models"
)

// fieldNames returns the names of a struct's fields as a client sends them: their json tags, in order.
func fieldNames(form any) (names []string) {
	t := reflect.TypeOf(form)
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("json"))
	}
	return names
}

// bindJSON parses values into the fields of the struct that into points to, by their json tags, and returns those
// that are null or have another type.
func bindJSON(values map[string]json.RawMessage, into any) (unparsed []models.FieldError) {
	target := reflect.ValueOf(into).Elem()
	for i, name := range fieldNames(target.Interface()) {
		value, isSent := values[name]
		if !isSent {
			continue
		}
		if field := target.Field(i); string(value) == "null" || json.Unmarshal(value, field.Addr().Interface()) != nil {
			unparsed = append(unparsed, wrongType(name, field.Type()))
		}
	}
	return unparsed
}

// wrongType returns the error for a JSON value that is not of a field's type.
func wrongType(name string, want reflect.Type) models.FieldError {
	switch want.Kind() { //nolint:exhaustive // the others are texts
	case reflect.Bool:
		return models.NewFieldError(name, "boolean", "request.boolean", nil)
	case reflect.Int64:
		return models.NewFieldError(name, "integer", "request.whole_number_from", models.Params{"min": 0})
	default:
		return models.NewFieldError(name, "type", "request.text", nil)
	}
}

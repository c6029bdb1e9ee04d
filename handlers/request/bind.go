package request

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

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

// bindJSON parses values into the fields of the struct that form points to, by their json tags. It returns an error for
// each value that is null or has another type.
func bindJSON(values map[string]json.RawMessage, form any) (invalid []models.FieldError) {
	target := reflect.ValueOf(form).Elem()
	for i, name := range fieldNames(target.Interface()) {
		value, isSent := values[name]
		if !isSent {
			continue
		}
		field := target.Field(i)
		if string(value) != "null" && json.Unmarshal(value, field.Addr().Interface()) == nil {
			continue
		}
		switch field.Kind() { //nolint:exhaustive // the others are texts
		case reflect.Bool:
			invalid = append(invalid, models.NewFieldError(name, "boolean", "request.boolean", nil))
		case reflect.Int64:
			invalid = append(invalid, models.NewFieldError(name, "integer", "request.whole_number_from", models.Params{"min": 0}))
		default:
			invalid = append(invalid, models.NewFieldError(name, "type", "request.text", nil))
		}
	}
	return invalid
}

// bindText parses texts into the fields of the struct that form points to, by their json tags; "" is NULL. It returns an
// error for each text that is not of its field's type.
func bindText(sent map[string]string, form any) (invalid []models.FieldError) {
	target := reflect.ValueOf(form).Elem()
	for i, name := range fieldNames(target.Interface()) {
		text := sent[name]
		if text == "" {
			continue
		}
		switch field := target.Field(i).Addr().Interface().(type) {
		case **string:
			*field = &text
		case **int64:
			id, err := models.ParseID(text)
			if *field = &id; err != nil {
				invalid = append(invalid, models.NewFieldError(name, "integer", "request.whole_number", models.Params{"min": 1, "max": math.MaxInt32}))
			}
		case **time.Time:
			at, err := parseInstant(text)
			if *field = &at; err != nil {
				invalid = append(invalid, models.NewFieldError(name, "timestamp", "request.timestamp", nil))
			}
		case *models.JSON:
			if strings.TrimSpace(text) == "" {
				continue
			}
			var err error
			if *field, err = parseMetrics(text); err != nil {
				invalid = append(invalid, models.AsError(err).Fields...)
			}
		default:
			panic(name + " has a type that no form has")
		}
	}
	return invalid
}

// parseInstant parses an RFC 3339 timestamp of the years 1 to 9999, to the microsecond.
func parseInstant(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if t = t.UTC().Truncate(time.Microsecond); err == nil && (t.Year() < 1 || t.Year() > 9999) {
		err = strconv.ErrRange
	}
	return t, err
}

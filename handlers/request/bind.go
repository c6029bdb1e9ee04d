package request

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"lifecycle-sync/models"
)

// texts are the fields of a form or of a JSON object, "" for NULL, parsed and validated as they are read, like a Query.
type texts struct {
	values  map[string]string
	invalid []models.FieldError
}

func (t *texts) add(e models.FieldError) { t.invalid = append(t.invalid, e) }

// text reads a text.
func (t *texts) text(name string) *string {
	if text := t.values[name]; text != "" {
		return &text
	}
	return nil
}

// id reads a row's id.
func (t *texts) id(name string) *int64 {
	if t.values[name] == "" {
		return nil
	}
	id, ok := positiveNumber(t.values[name], math.MaxInt32)
	if !ok {
		t.add(notWholeNumberError(name, math.MaxInt32))
	}
	return &id
}

// requiredID reads a row's id that may not be NULL.
func (t *texts) requiredID(name string) int64 {
	id := t.id(name)
	if id == nil {
		t.add(requiredError(name))
		return 0
	}
	return *id
}

// time reads an RFC 3339 timestamp.
func (t *texts) time(name string) *time.Time {
	if t.values[name] == "" {
		return nil
	}
	at, err := parseInstant(t.values[name])
	if err != nil {
		t.add(models.NewFieldError(name, "timestamp", "request.timestamp", nil))
	}
	return &at
}

// object reads a JSON object; blanks and null are NULL.
func (t *texts) object(name string) models.JSON {
	text := strings.TrimSpace(t.values[name])
	if text == "" || text == "null" {
		return nil
	}
	if text[0] != '{' || !json.Valid([]byte(text)) {
		t.add(models.NewFieldError(name, "type", "request.json_object", nil))
	} else if err := checkValue(name, []byte(text)); err != nil {
		t.invalid = append(t.invalid, models.AsError(err).Fields...)
	}
	return models.JSON(text)
}

// err returns all errors of the fields that were read, in that order. Errors: validation_failed.
func (t *texts) err() error { return invalidFields(t.invalid) }

// invalidFields returns the error for invalid fields, nil for none.
func invalidFields(invalid []models.FieldError) error {
	if len(invalid) == 0 {
		return nil
	}
	return models.NewInvalid(invalid...)
}

func requiredError(name string) models.FieldError {
	return models.NewFieldError(name, "required", "request.required", nil)
}

// parseInstant parses an RFC 3339 timestamp in the years 1 to 9999, truncated to microseconds.
func parseInstant(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if t = t.UTC().Truncate(time.Microsecond); err == nil && (t.Year() < 1 || t.Year() > 9999) {
		err = strconv.ErrRange
	}
	return t, err
}

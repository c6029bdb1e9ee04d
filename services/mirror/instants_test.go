package mirror_test

import (
	"encoding/json"
	"time"
	"unicode/utf8"

	"lifecycle-sync/models"
)

// layouts are the forms in which the tests write times; whatever else stands in a column is none.
var layouts = []string{
	"2006-01-02 15:04:05.999999-07", // PostgreSQL's own
	"2006-01-02 15:04:05.999999-07:00",
	"2006-01-02T15:04:05.999999Z07:00",
	"2006-01-02 15:04:05.999999",
	time.DateOnly,
}

// instant reads a timestamp or date, if RFC 3339 can say it.
func instant(c models.Column, text string) (time.Time, bool) {
	if c.Kind == models.KindDate {
		t, err := time.Parse(time.DateOnly, text)
		return t, err == nil && t.Year() >= 1
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil && t.Nanosecond()%1000 == 0 {
			return t, t.UTC().Year() >= 1 && t.UTC().Year() <= 9999
		}
	}
	return time.Time{}, false
}

// document reports whether text is a JSON document.
func document(text []byte) bool { return json.Valid(text) && utf8.Valid(text) }

package models

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// Date is a calendar day without a time or zone. It reads and writes "YYYY-MM-DD", the form that
// PostgreSQL's date, an HTML date input and RFC 3339's full-date share.
type Date struct{ t time.Time }

// NewDate returns the given day.
func NewDate(year int, month time.Month, day int) Date {
	return Date{time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

// DateIn returns the day of a moment in a time zone.
func DateIn(t time.Time, zone *time.Location) Date { return NewDate(t.In(zone).Date()) }

// ParseDate reads "YYYY-MM-DD"; anything else, a day that does not exist included, is an error.
func ParseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return Date{}, fmt.Errorf("%q is not a date in the form YYYY-MM-DD", s)
	}
	return Date{t}, nil
}

// PlaceholderDates are days that other programs store instead of no date. In statistics they count as missing, as do dates
// after LastPlausibleDate.
func PlaceholderDates() []Date { return []Date{NewDate(1900, 1, 1), NewDate(1970, 1, 1)} }

// LastPlausibleDate is the last day that counts as a date in statistics.
func LastPlausibleDate() Date { return NewDate(2100, 12, 31) }

// String returns "YYYY-MM-DD".
func (d Date) String() string { return d.t.Format(time.DateOnly) }

// In returns the beginning of the day in a time zone.
func (d Date) In(zone *time.Location) time.Time {
	year, month, day := d.t.Date()
	return time.Date(year, month, day, 0, 0, 0, 0, zone)
}

// Time returns midnight UTC of the day.
func (d Date) Time() time.Time { return d.t }

// MarshalJSON writes the day as a JSON string.
func (d Date) MarshalJSON() ([]byte, error) { return []byte(`"` + d.String() + `"`), nil }

// UnmarshalJSON reads a JSON string "YYYY-MM-DD".
func (d *Date) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return fmt.Errorf("%s is not a date in the form \"YYYY-MM-DD\"", b)
	}
	parsed, err := ParseDate(string(b[1 : len(b)-1]))
	*d = parsed
	return err
}

// Value sends the day to a database as text.
func (d Date) Value() (driver.Value, error) { return d.String(), nil }

// Scan reads what PostgreSQL (a time) and SQLite (text) hand out for a date column.
func (d *Date) Scan(src any) error {
	switch v := src.(type) {
	case time.Time:
		*d = NewDate(v.Date())
		return nil
	case string:
		parsed, err := ParseDate(v)
		*d = parsed
		return err
	case []byte:
		return d.Scan(string(v))
	default:
		return fmt.Errorf("cannot read a date from %T", src)
	}
}

// GormDataType names the column type for GORM's schema.
func (Date) GormDataType() string { return "date" }

// Instant is a timestamp as the API shows it: RFC 3339 in UTC with six digits of microseconds, so that a client can
// send back exactly the database's value.
type Instant struct{ t time.Time }

// InstantOf returns the instant t.
func InstantOf(t time.Time) Instant { return Instant{t.UTC().Truncate(time.Microsecond)} }

// Time returns the instant, in UTC.
func (t Instant) Time() time.Time { return t.t }

// String returns "2026-01-02T03:04:05.000006Z".
func (t Instant) String() string { return t.t.Format("2006-01-02T15:04:05.000000Z07:00") }

// MarshalJSON writes the instant as a JSON string.
func (t Instant) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// UnmarshalJSON reads an RFC 3339 string.
func (t *Instant) UnmarshalJSON(b []byte) error { return t.t.UnmarshalJSON(b) }

// Value sends the instant to a database.
func (t Instant) Value() (driver.Value, error) { return t.t, nil }

// Scan reads what PostgreSQL (a time) and SQLite (text) hand out for a timestamp column.
func (t *Instant) Scan(src any) error {
	switch v := src.(type) {
	case time.Time:
		*t = InstantOf(v)
		return nil
	case string:
		parsed, err := ParseTimestamp(v)
		*t = InstantOf(parsed)
		return err
	default:
		return fmt.Errorf("cannot read a timestamp from %T", src)
	}
}

// GormDataType names the column type for GORM's schema.
func (Instant) GormDataType() string { return "timestamptz" }

// JSON is a JSON document with its original bytes, so that numbers keep every digit. A nil JSON is SQL NULL; the document
// null is JSON("null").
type JSON []byte

// MarshalJSON returns the document. One that encoding/json rejects, such as one nested deeper than 10,000 levels, becomes a
// JSON string, so that one row cannot break a response.
func (j JSON) MarshalJSON() ([]byte, error) {
	switch {
	case j == nil:
		return []byte("null"), nil
	case !json.Valid(j):
		return json.Marshal(string(j))
	default:
		return j, nil
	}
}

// UnmarshalJSON keeps a copy of the bytes.
func (j *JSON) UnmarshalJSON(b []byte) error {
	*j = append((*j)[:0], b...)
	return nil
}

// Value sends the document to a database as text, which the database validates: PostgreSQL accepts deeper nesting than Go.
func (j JSON) Value() (driver.Value, error) {
	if j == nil {
		return nil, nil
	}
	return string(j), nil
}

// Scan copies the document out of the driver's buffer.
func (j *JSON) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*j = nil
	case string:
		*j = JSON(v)
	case []byte:
		*j = append(JSON(nil), v...)
	default:
		return fmt.Errorf("cannot read JSON from %T", src)
	}
	return nil
}

// GormDataType names the column type for GORM's schema.
func (JSON) GormDataType() string { return "jsonb" }

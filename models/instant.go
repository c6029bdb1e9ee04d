package models

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// Instant is a timestamp as the API says it: RFC 3339 in UTC, always with its six digits of
// microseconds, so that what a client sends back is what the database has.
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

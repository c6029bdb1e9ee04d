package models

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
)

// JSON is a JSON document with its original bytes, so that numbers keep every digit. A nil JSON is SQL NULL; the document
// null is JSON("null").
type JSON []byte

// MarshalJSON returns the document. One that encoding/json rejects, such as one nested deeper than 10,000 levels, becomes a
// JSON string, so that one row cannot break an answer.
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

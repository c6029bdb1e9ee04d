package models_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
)

func TestDate_RoundTripsAndRejectsInvalid(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2024-02-29", "0001-01-01", "9999-12-31"} {
		d, err := models.ParseDate(text)
		if err != nil || d.String() != text {
			t.Errorf("%s reads as %s, %v", text, d, err)
		}
		var back models.Date
		b, err := json.Marshal(d)
		if err != nil || string(b) != `"`+text+`"` || json.Unmarshal(b, &back) != nil || back != d {
			t.Errorf("%s is %s in JSON, %v, and reads back as %s", text, b, err, back)
		}
		for _, src := range []any{text, []byte(text), d.Time(), d.Time().Add(23 * time.Hour)} {
			var scanned models.Date
			if err := scanned.Scan(src); err != nil || scanned != d {
				t.Errorf("%v scans as %s, %v", src, scanned, err)
			}
		}
	}
	for _, text := range []string{"", "2024-02-30", "2023-02-29", "10000-01-01", "2024-1-1", "2024-01-01T00:00:00Z", "infinity", " 2024-01-01"} {
		if d, err := models.ParseDate(text); err == nil {
			t.Errorf("%q reads as %s", text, d)
		}
	}
	var d models.Date
	for _, text := range []string{`null`, `20240229`, `"2024-02-30"`, `""`, `"`} {
		if err := d.UnmarshalJSON([]byte(text)); err == nil {
			t.Errorf("%s reads as %s", text, d)
		}
	}
	if err := d.Scan(int64(1)); err == nil {
		t.Error("a number scans as a date")
	}
}

func TestJSON_PreservesText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`1e400`, `1.00`, `9223372036854775808`, `{"b": 1, "a": 2}`, `null`, `[]`, strings.Repeat("[", 900) + strings.Repeat("]", 900)} {
		j := models.JSON(text)
		value, err := j.Value()
		if err != nil || value != text {
			t.Errorf("%.20s is sent as %v, %v", text, value, err)
		}
		buffer := []byte(text)
		var scanned models.JSON
		if err := scanned.Scan(buffer); err != nil {
			t.Error(err)
		}
		buffer[0] = 'x' // Scan must copy: the driver reuses its buffer
		if string(scanned) != text {
			t.Errorf("%.20s scans as %s", text, scanned)
		}
	}
	if value, err := models.JSON(nil).Value(); value != nil || err != nil {
		t.Errorf("nil is sent as %v, %v", value, err)
	}
	if b, err := json.Marshal(models.JSON(nil)); string(b) != "null" || err != nil {
		t.Errorf("nil is %s in JSON, %v", b, err)
	}
}

// TestJSON_MarshalsTooDeepDocumentAsString marshals a document beyond encoding/json's depth limit, as a JSON string.
func TestJSON_MarshalsTooDeepDocumentAsString(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001)
	for document, want := range map[string]string{`{"a": 1e400}`: `{"a":1e400}`, deep: `"` + deep + `"`, "": `""`} {
		got, err := json.Marshal(models.JSON(document))
		if err != nil || string(got) != want {
			t.Errorf("%.30s became %.30s, %v", document, got, err)
		}
	}
}

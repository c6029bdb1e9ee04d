package pages

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// A value longer than a line is folded; one that would make the page too heavy is cut.
const (
	lineLength  = 80
	valueLength = 4000
	mostValues  = 50 // of one document
)

// Value is a value of a stored row or document, for the template "value".
type Value struct {
	Name     string // of the column or key, or ""
	Text     string
	Start    string // of a long text, which is folded; else ""
	None     bool   // NULL
	IsNumber bool
	Metric   bool // a number that is written as people do
	Cut      bool // the rest is left out
	More     int  // instead of a value: how many are left out
}

// ValuesOf returns the values of an object in their order; any other document is one value. Numbers keep every digit,
// nested values are compact JSON, and invalid JSON is shown as it is. After mostValues comes the number of the others.
func ValuesOf(document models.JSON) []Value {
	if document = bytes.TrimSpace(document); len(document) == 0 {
		return nil
	}
	if !json.Valid(document) || document[0] != '{' {
		return []Value{valueOf("", json.RawMessage(document))}
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	values := []Value{}
	more := 0
	_, err := decoder.Token() // {
	for err == nil && decoder.More() {
		var key json.Token
		var one json.RawMessage
		if key, err = decoder.Token(); err == nil {
			err = decoder.Decode(&one)
		}
		if name, isName := key.(string); isName && err == nil && len(values) < mostValues {
			values = append(values, valueOf(name, one))
		} else if err == nil {
			more++
		}
	}
	if more > 0 {
		values = append(values, Value{More: more})
	}
	return values
}

// valueOf returns one JSON value.
func valueOf(name string, raw json.RawMessage) Value {
	text := string(raw)
	var compact bytes.Buffer
	switch {
	case text == "null":
		return Value{Name: name, None: true}
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			text = string(raw)
		}
	case json.Compact(&compact, raw) == nil:
		text = compact.String()
	}
	isNumber := raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
	return fold(Value{Name: name, Text: strings.ToValidUTF8(text, "�"), IsNumber: isNumber})
}

// fold folds and cuts a long value.
func fold(v Value) Value {
	if start, longer := Beginning(v.Text, lineLength); longer {
		v.Text, v.Cut = Beginning(v.Text, valueLength)
		v.Start = start
	}
	return v
}

// Beginning returns the first characters of a text, and whether it is longer.
func Beginning(text string, most int) (start string, longer bool) {
	if utf8.RuneCountInString(text) <= most {
		return text, false
	}
	return string([]rune(text)[:most]), true
}

// metricValues returns the metrics of a stage record.
func metricValues(document models.JSON) []Value {
	if string(document) == "null" {
		return nil
	}
	metrics := ValuesOf(document)
	for i, m := range metrics {
		if m.IsNumber && m.Start == "" {
			metrics[i].Metric = true
		}
	}
	return metrics
}

// StageRecord is a record of the stage history as people read it.
type StageRecord struct {
	models.ListedRecord

	ProductName string
	From, To    string // stages, "" for none
	Note        *Value
	Measured    []Value
}

// NewStageRecord describes a record.
func NewStageRecord(t models.ListedRecord) StageRecord {
	r := StageRecord{
		ListedRecord: t, ProductName: Named(t.Product, t.ProductID), Measured: metricValues(t.Metrics),
		From: Named(t.PreviousStageName, t.PreviousStageID), To: Named(t.StageName, t.StageID),
	}
	if text := Deref(t.Notes); strings.TrimSpace(text) != "" {
		note := fold(Value{Text: text})
		r.Note = &note
	}
	return r
}

// Named is the name of a row that another one refers to, "" for none.
func Named(name *string, id *int64) string {
	if id == nil {
		return ""
	}
	return messages.Named(name, *id)
}

// Deref is a text, "" for nil.
func Deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

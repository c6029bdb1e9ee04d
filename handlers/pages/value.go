package pages

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/web"
)

// What a page shows of a value: one that is longer than a line is folded, and one that would make the page
// too heavy is cut.
const (
	lineLength  = 80
	valueLength = 4000
	mostValues  = 50 // of one document
)

// Value is a value of a kept row or document, for the template "value".
type Value struct {
	Name     string // of the column or key; "" where there is none
	Text     string
	Start    string // of a long text, to be unfolded; else ""
	None     bool   // there is no value
	IsNumber bool
	Cut      bool // there is more of it
	More     int  // there are so many more values, instead of one
}

// ValuesOf takes a document apart: an object into its values, in their order, anything else is one value. Numbers
// keep every digit, and nested values are written as compact JSON. What cannot be read is shown as it is.
// After mostValues comes how many more there are.
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

// valueOf is a value as it is in JSON.
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
	return Fold(Value{Name: name, Text: strings.ToValidUTF8(text, "�"), IsNumber: isNumber})
}

// Fold is a value with the start of what is long, and without what is too much.
func Fold(v Value) Value {
	if start, longer := Beginning(v.Text, lineLength); longer {
		v.Text, v.Cut = Beginning(v.Text, valueLength)
		v.Start = start
	}
	return v
}

// Beginning is at most so many characters of a text, and whether there are more.
func Beginning(text string, most int) (start string, longer bool) {
	if utf8.RuneCountInString(text) <= most {
		return text, false
	}
	return string([]rune(text)[:most]), true
}

// MetricValues are the metrics of a transition, the numbers among them as people write them.
func MetricValues(document models.JSON) []Value {
	if string(document) == "null" {
		return nil
	}
	metrics := ValuesOf(document)
	for i, m := range metrics {
		if m.IsNumber && m.Start == "" {
			metrics[i].Text = web.Decimal(m.Text)
		}
	}
	return metrics
}

package pages

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/web/messages"
)

// A value longer than lineLength is collapsed; one that would make the page too large is truncated.
const (
	lineLength     = 80
	maxValueLength = 4000
	maxValues      = 50 // per document
)

// Value is a value of a stored row or document, for the template "value".
type Value struct {
	Name             string // of the column or key, or ""
	Text             string
	Start            string // beginning of a long text, which is collapsed; otherwise ""
	IsNull           bool   // NULL
	IsNumber         bool
	FormatForDisplay bool // the template formats the number
	Truncated        bool // Text has only the beginning
	Omitted          int  // number of omitted values; the other fields are empty
}

// ValuesOf returns the values of an object in order; any other document is one value. Numbers keep their precision, nested
// values are compact JSON, and invalid JSON is returned unchanged. Beyond maxValues, a last entry holds the number omitted.
func ValuesOf(document models.JSON) []Value {
	if document = bytes.TrimSpace(document); len(document) == 0 {
		return nil
	}
	if !json.Valid(document) || document[0] != '{' {
		return []Value{ValueOf("", document)}
	}
	decoder := json.NewDecoder(bytes.NewReader(document))
	values := []Value{}
	omitted := 0
	_, err := decoder.Token() // {
	for err == nil && decoder.More() {
		var key json.Token
		var raw json.RawMessage
		if key, err = decoder.Token(); err == nil {
			err = decoder.Decode(&raw)
		}
		if name, isName := key.(string); isName && err == nil && len(values) < maxValues {
			values = append(values, ValueOf(name, models.JSON(raw)))
		} else if err == nil {
			omitted++
		}
	}
	if omitted > 0 {
		values = append(values, Value{Omitted: omitted})
	}
	return values
}

// ValueOf returns a JSON value with the name of its column or key.
func ValueOf(name string, raw models.JSON) Value {
	text := string(raw)
	var compact bytes.Buffer
	switch {
	case text == "null":
		return Value{Name: name, IsNull: true}
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &text); err != nil {
			text = string(raw)
		}
	case json.Compact(&compact, raw) == nil:
		text = compact.String()
	}
	isNumber := raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'
	return collapse(Value{Name: name, Text: strings.ToValidUTF8(text, "�"), IsNumber: isNumber})
}

// ChangedRow is a row before and after a change, for the template "changed-values".
type ChangedRow struct {
	Values    []ChangedValue
	IsAdded   bool // only After values
	IsRemoved bool // only Before values
	HasLabels bool // columns have the labels of forms, not their names
}

// ChangedValue is a column's value before and after a change.
type ChangedValue struct {
	Name          string
	Before, After Value
}

// ChangedValues returns the columns of a row before a change, or of one that was added, with the values after it.
func ChangedValues(before, after models.JSON) (changed []ChangedValue) {
	newValues := ValuesOf(after)
	for _, old := range ValuesOf(before) {
		v := ChangedValue{old.Name, old, Value{Name: old.Name, IsNull: true}}
		if i := slices.IndexFunc(newValues, func(n Value) bool { return n.Name == old.Name }); i >= 0 {
			v.After = newValues[i]
		}
		changed = append(changed, v)
	}
	if len(before) == 0 {
		for _, v := range newValues {
			changed = append(changed, ChangedValue{Name: v.Name, After: v})
		}
	}
	return changed
}

// collapse collapses and truncates a long value.
func collapse(v Value) Value {
	if start, truncated := Truncate(v.Text, lineLength); truncated {
		v.Text, v.Truncated = Truncate(v.Text, maxValueLength)
		v.Start = start
	}
	return v
}

// Truncate returns at most maxLength characters of a text, and whether the text is longer.
func Truncate(text string, maxLength int) (start string, truncated bool) {
	if utf8.RuneCountInString(text) <= maxLength {
		return text, false
	}
	return string([]rune(text)[:maxLength]), true
}

// metricValues returns the metrics of a stage history record. The template formats their numbers.
func metricValues(document models.JSON) []Value {
	if string(document) == "null" {
		return nil
	}
	metrics := ValuesOf(document)
	for i, m := range metrics {
		if m.IsNumber && m.Start == "" {
			metrics[i].FormatForDisplay = true
		}
	}
	return metrics
}

// Move is a stage move formatted for display.
type Move struct {
	models.ListedRecord

	ProductName string
	From, To    string // stage names, "" for none
	Note        *Value
	Metrics     []Value
}

// NewMove formats a stage history record.
func NewMove(t models.ListedRecord) Move {
	r := Move{
		ListedRecord: t, ProductName: NameOf(t.Product, t.ProductID), Metrics: metricValues(t.Metrics),
		From: NameOf(t.PreviousStageName, t.PreviousStageID), To: NameOf(t.StageName, t.StageID),
	}
	if text := Deref(t.Notes); strings.TrimSpace(text) != "" {
		note := collapse(Value{Text: text})
		r.Note = &note
	}
	return r
}

// NameOf returns the name of a referenced row, or its id; "" for no reference.
func NameOf(name *string, id *int64) string {
	if id == nil {
		return ""
	}
	return messages.ShortName(name, *id)
}

// Deref returns *text, or "" for nil.
func Deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

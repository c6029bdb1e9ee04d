package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Text is something a person reads, as data: a code from the message catalogue (web/messages) and the values
// that fill in its placeholders. It becomes a sentence only where it is shown.
type Text struct {
	Code   string `json:"code"`
	Params Params `json:"params,omitempty"`
}

// Params are a Text's values by name: strings, numbers, booleans, times, durations, Texts, or lists of these.
// In JSON a duration is a number of seconds and a time is RFC 3339.
type Params map[string]any

// FieldName is a parameter that names a field: people read the field's label, programs its name.
type FieldName string

// LegacyText is the code of a text stored before texts had codes, in the parameter "text".
const LegacyText = "legacy"

// NewText returns the text of a catalogue entry.
func NewText(code string, params Params) Text { return Text{Code: code, Params: params} }

// IsZero reports whether there is no text.
func (t Text) IsZero() bool { return t.Code == "" }

// String returns the code and its parameters in alphabetical order, for logs and tests: "run.busy run=7".
func (t Text) String() string {
	var b strings.Builder
	b.WriteString(t.Code)
	for _, name := range slices.Sorted(maps.Keys(t.Params)) {
		fmt.Fprintf(&b, " %s=%v", name, t.Params[name])
	}
	return b.String()
}

// Texts are several texts, such as the reasons of a run.
type Texts []Text

// MarshalJSON writes the values, durations as seconds.
func (p Params) MarshalJSON() ([]byte, error) {
	plain := make(map[string]any, len(p))
	for name, value := range p {
		if d, ok := value.(time.Duration); ok {
			value = d.Seconds()
		}
		plain[name] = value
	}
	return json.Marshal(plain)
}

// UnmarshalJSON reads the values and keeps every digit of a number (json.Number).
func (p *Params) UnmarshalJSON(b []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	return decoder.Decode((*map[string]any)(p))
}

// Remedy explains what to do about a problem and may have a command that fixes it.
type Remedy struct {
	Text

	Command string `json:"command,omitempty"` // SQL or a shell command, ready to copy
}

// NewRemedy returns a remedy without a command.
func NewRemedy(code string, params Params) *Remedy { return &Remedy{Text: NewText(code, params)} }

// NewCommand returns a remedy with a command to run.
func NewCommand(code string, params Params, command string) *Remedy {
	return &Remedy{Text: NewText(code, params), Command: command}
}

// NewSQL returns a remedy with a statement to run in a database.
func NewSQL(database, statement string) *Remedy {
	return NewCommand("remedy.run_sql", Params{"database": database}, statement)
}

// Problem is one problem and its remedy, if known.
type Problem struct {
	Text

	Remedy *Remedy `json:"remedy,omitempty"`
}

package messages

import (
	"encoding/json"
	"fmt"
	"strconv"
	texttemplate "text/template"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/message"
	"golang.org/x/text/number"

	"lifecycle-sync/models"
)

// missing stands for a value that is not known.
const missing = "–"

// parser parses placeholders once per message; go-i18n's own would parse them at each rendering.
type parser struct{ template.TextParser }

// Cacheable reports that a parsed message may be kept: its functions belong to the message's language.
func (*parser) Cacheable() bool { return true }

// newParser returns the parser whose functions format values for a language and time zone.
func newParser(numbers *message.Printer, zone *time.Location) *parser {
	return &parser{template.TextParser{Funcs: texttemplate.FuncMap{
		"number": func(v any) string {
			if n, ok := whole(v); ok {
				return numbers.Sprint(number.Decimal(n))
			}
			return text(v)
		},
		"bytes": func(v any) string {
			if n, ok := whole(v); ok && n >= 0 {
				return humanize.IBytes(uint64(n))
			}
			return text(v)
		},
		"duration": func(v any) string {
			switch d := v.(type) {
			case time.Duration:
				return shortDuration(d)
			case json.Number: // stored, in seconds
				if seconds, err := d.Float64(); err == nil {
					return shortDuration(time.Duration(seconds * float64(time.Second)))
				}
			}
			return text(v)
		},
		"time": func(v any) string {
			if t, ok := instant(v); ok {
				return t.In(zone).Format("2006-01-02 15:04:05 MST")
			}
			return text(v)
		},
		"date": func(v any) string {
			if t, ok := instant(v); ok {
				return t.In(zone).Format(time.DateOnly)
			}
			return text(v)
		},
	}}}
}

func text(v any) string {
	if v == nil {
		return missing
	}
	return fmt.Sprint(v)
}

// whole returns a value as a whole number.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	case json.Number:
		i, err := n.Int64()
		return i, err == nil
	default:
		return 0, false
	}
}

// pluralCount is the number that selects the plural form, nil when a text has none.
func pluralCount(v any) any {
	if n, ok := whole(v); ok {
		return n
	}
	return nil
}

// instant returns a value as a time; a stored one is RFC 3339.
func instant(v any) (time.Time, bool) {
	switch t := v.(type) {
	case time.Time:
		return t, true
	case models.Instant:
		return t.Time(), true
	case string:
		parsed, err := time.Parse(time.RFC3339Nano, t)
		return parsed, err == nil
	default:
		return time.Time{}, false
	}
}

// shortDuration rounds to what a reader needs: 850 ms, 31 s, 12 min, 3 h 5 min.
func shortDuration(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
	case d < time.Hour:
		return strconv.Itoa(int(d.Minutes())) + " min"
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return strconv.Itoa(int(d.Hours()/24)) + " days"
	}
}

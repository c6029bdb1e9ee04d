package messages

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"

	"lifecycle-sync/models"
)

// Missing is shown for an unknown value.
const Missing = "–"

// Format writes numbers, amounts, times and durations the way readers of a language do. Every value may be nil,
// which is Missing.
type Format struct {
	Language string
	decimal  string // mark before the fraction
	iso      bool   // times as in ISO 8601
	zone     *time.Location
}

// NewFormat returns the format of a language such as "en", for times in a zone.
func NewFormat(tag string, zone *time.Location) *Format {
	f := &Format{Language: tag, decimal: ".", zone: zone}
	if f.isIndonesian() {
		f.decimal = ","
	}
	return f
}

func (f *Format) isIndonesian() bool { return f.Language == Indonesian }

// Number writes a whole number of any type with marks between the thousands.
func (f *Format) Number(v any) string {
	if b, ok := v.(*big.Int); ok && b != nil {
		return f.digits(b)
	}
	if n, ok := new(big.Int).SetString(text(v), 10); ok {
		return f.digits(n)
	}
	return text(v)
}

// digits writes a number that may be larger than any integer type.
func (f *Format) digits(n *big.Int) string {
	grouped := humanize.BigComma(n)
	if f.isIndonesian() {
		return strings.ReplaceAll(grouped, ",", ".")
	}
	return grouped
}

// Decimal writes a number as JSON has it, with every digit. One with an exponent stays as it is.
func (f *Format) Decimal(v string) string {
	integer, fraction, broken := strings.Cut(v, ".")
	n, ok := new(big.Int).SetString(integer, 10)
	switch {
	case !ok:
		return v
	case !broken:
		return f.digits(n)
	case n.Sign() == 0 && strings.HasPrefix(integer, "-"):
		return "-0" + f.decimal + fraction
	default:
		return f.digits(n) + f.decimal + fraction
	}
}

// Tenths writes a number of tenths: 125 is 12,5.
func (f *Format) Tenths(v any) string {
	n, ok := whole(v)
	if !ok {
		return text(v)
	}
	return f.Decimal(strconv.FormatFloat(float64(n)/10, 'f', -1, 64))
}

// Rupiah writes an amount, with a space that does not break.
func (f *Format) Rupiah(v any) string {
	if n := f.Number(v); n != Missing {
		return "Rp\u00a0" + n
	}
	return Missing
}

// Bytes writes a size.
func (f *Format) Bytes(v any) string {
	if n, ok := whole(v); ok && n >= 0 {
		return strings.Replace(humanize.IBytes(uint64(n)), ".", f.decimal, 1)
	}
	return text(v)
}

// Duration rounds to what a reader needs: 850 ms, 31 s, 5 min 7 s, 12 min, 3 h 5 min, 4 days.
func (f *Format) Duration(v any) string {
	switch d := deref(v).(type) {
	case time.Duration:
		return f.duration(d)
	case json.Number: // stored, in seconds
		if seconds, err := d.Float64(); err == nil {
			return f.Duration(time.Duration(seconds * float64(time.Second)))
		}
	}
	return text(v)
}

// Time writes a time to the minute, for the terminal to the second.
func (f *Format) Time(v any) string {
	t, ok := Instant(v)
	if !ok {
		return text(v)
	}
	t = t.In(f.zone)
	switch {
	case f.iso:
		return t.Format("2006-01-02 15:04:05 MST")
	case f.isIndonesian():
		return f.day(t) + " " + t.Format("15.04 MST")
	default:
		return f.day(t) + " " + t.Format("15:04 MST")
	}
}

// Date writes a date, or the day of a time.
func (f *Format) Date(v any) string {
	if d, ok := deref(v).(models.Date); ok {
		return f.day(d.Time())
	}
	if t, ok := Instant(v); ok {
		return f.day(t.In(f.zone))
	}
	return text(v)
}

func (f *Format) day(t time.Time) string {
	if f.iso {
		return t.Format(time.DateOnly)
	}
	return strconv.Itoa(t.Day()) + " " + f.month(t.Month()) + " " + strconv.Itoa(t.Year())
}

// Month writes a month given as 2026-05.
func (f *Format) Month(month string) string {
	t, err := time.Parse("2006-01", month)
	if err != nil {
		return month
	}
	return f.month(t.Month()) + " " + strconv.Itoa(t.Year())
}

// month returns the short name of a month.
func (f *Format) month(m time.Month) string {
	if f.isIndonesian() {
		return [12]string{"Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"}[m-1]
	}
	return m.String()[:3]
}

// parser parses the placeholders of each message once. go-i18n would keep what one printer parsed for all of them.
type parser struct {
	template.TextParser

	parsed sync.Map // by source
}

// newParser returns the parser whose functions write values in a format.
func newParser(f *Format) *parser {
	return &parser{TextParser: template.TextParser{Funcs: texttemplate.FuncMap{
		"number": f.Number, "bytes": f.Bytes, "duration": f.Duration, "time": f.Time, "date": f.Date, "rupiah": f.Rupiah,
	}}}
}

// Cacheable reports that go-i18n must not keep what was parsed.
func (*parser) Cacheable() bool { return false }

// Parse returns the parsed message.
func (p *parser) Parse(src, leftDelim, rightDelim string) (template.ParsedTemplate, error) { //nolint:ireturn // go-i18n asks for it
	if found, ok := p.parsed.Load(src); ok {
		return found.(template.ParsedTemplate), nil //nolint:forcetypeassert // nothing else is stored
	}
	parsed, err := p.TextParser.Parse(src, leftDelim, rightDelim)
	if err == nil {
		p.parsed.Store(src, parsed)
	}
	return parsed, err
}

func text(v any) string {
	if v = deref(v); v == nil {
		return Missing
	}
	return fmt.Sprint(v)
}

// deref returns what a pointer points to, and nil for a nil pointer.
func deref(v any) any {
	p := reflect.ValueOf(v)
	switch {
	case p.Kind() != reflect.Pointer:
		return v
	case p.IsNil():
		return nil
	default:
		return p.Elem().Interface()
	}
}

// whole returns a value as a whole number.
func whole(v any) (int64, bool) {
	v = deref(v)
	if n, ok := v.(json.Number); ok {
		i, err := n.Int64()
		return i, err == nil
	}
	n := reflect.ValueOf(v)
	switch {
	case !n.IsValid() || n.Type() == reflect.TypeFor[time.Duration]():
		return 0, false
	case n.CanInt():
		return n.Int(), true
	case n.CanUint() && n.Uint() <= math.MaxInt64:
		return int64(n.Uint()), true
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

// Instant returns a value as a time; a stored one is RFC 3339.
func Instant(v any) (time.Time, bool) {
	switch t := deref(v).(type) {
	case time.Time:
		return t, true
	case models.Instant:
		return t.Time(), true
	case string:
		parsed, err := time.Parse(time.RFC3339Nano, t)
		return parsed, err == nil
	}
	return time.Time{}, false
}

// duration rounds to what a reader needs.
func (f *Format) duration(d time.Duration) string {
	second, minute, hour, days := "s", "min", "h", "days"
	if f.isIndonesian() {
		second, minute, hour, days = "detik", "menit", "jam", "hari"
	}
	const precise = 10 * time.Minute // beyond it, seconds do not matter
	switch minutes, seconds := int(d.Minutes()), int(d.Seconds())%60; {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return f.Decimal(strconv.FormatFloat(d.Round(100*time.Millisecond).Seconds(), 'f', -1, 64)) + " " + second
	case d < precise && seconds > 0:
		return fmt.Sprintf("%d %s %d %s", minutes, minute, seconds, second)
	case d < time.Hour:
		return fmt.Sprintf("%d %s", minutes, minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d %s %d %s", int(d.Hours()), hour, minutes%60, minute)
	default:
		return fmt.Sprintf("%d %s", int(d.Hours()/24), days)
	}
}

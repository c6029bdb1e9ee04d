package web

import (
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// dash stands where there is no value.
const dash = "–"

// Number writes a whole number as in Indonesia, 1.234.567: of any integer type, *big.Int, or a pointer to
// an integer, of which nil is a dash.
func Number(n any) string {
	digits, ok := wholeNumber(n)
	if !ok {
		return dash
	}
	return grouped(digits)
}

// Rupiah writes an amount, as Rp 1.234.567, with a space that does not break.
func Rupiah(n any) string {
	digits, ok := wholeNumber(n)
	if !ok {
		return dash
	}
	return "Rp\u00a0" + grouped(digits)
}

// wholeNumber is a number's digits; false for nil.
func wholeNumber(n any) (string, bool) {
	if b, ok := n.(*big.Int); ok {
		return b.String(), b != nil
	}
	v := reflect.ValueOf(n)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", false
		}
		v = v.Elem()
	}
	switch {
	case !v.IsValid():
		return "", false
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), true
	default:
		return fmt.Sprint(v.Interface()), true
	}
}

// grouped puts a full stop between thousands.
func grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "−", digits[1:]
	}
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "." + digits[at:]
	}
	return sign + digits
}

// Tenths writes a number that counts tenths, with a decimal comma: 125 is 12,5. A nil pointer is a dash.
func Tenths(n any) string {
	v := reflect.ValueOf(n)
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return dash
		}
		v = v.Elem()
	}
	tenths := v.Int()
	if tenths%10 == 0 {
		return Number(tenths / 10)
	}
	return Number(tenths/10) + "," + strconv.FormatInt(tenths%10, 10)
}

// orDash is a text, or a dash for nil and nothing.
func orDash(text *string) string {
	if text == nil || strings.TrimSpace(*text) == "" {
		return dash
	}
	return *text
}

// Named is a row's name; rows without one are told apart by their ids.
func Named(name *string, id int64) string {
	if name == nil || strings.TrimSpace(*name) == "" {
		return "No name (" + strconv.FormatInt(id, 10) + ")"
	}
	return *name
}

// Decimal writes a number as JSON has it as in Indonesia, to the last digit: 1234.50 is 1.234,50. One with an
// exponent stays as it is.
func Decimal(number string) string {
	if strings.ContainsAny(number, "eE") {
		return number
	}
	whole, fraction, broken := strings.Cut(number, ".")
	if !broken {
		return grouped(whole)
	}
	return grouped(whole) + "," + fraction
}

// Sentence makes of an error's words a sentence: a capital letter in front, unless they begin with a name such
// as tbl_produk, and a full stop behind.
func Sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	if last := text[len(text)-1]; last != '.' && last != '!' && last != '?' {
		text += "."
	}
	if word, _, _ := strings.Cut(text, " "); strings.Contains(word, "_") {
		return text
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

// Plural is a number with its noun: 1 row, 2 rows.
func Plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Number(n) + " " + many
}

package export

import (
	"strconv"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"lifecycle-sync/models"
)

// exact is the greatest whole number of which Excel shows every digit.
const exact = 999_999_999_999_999

// maxText is how many UTF-16 units a cell holds.
const maxText = 32_767

// value is a cell with its type: a number as a number while that is exact, a day as a day while Excel
// knows it, and a text as a text, which is never computed. A timestamp is a text too, because Excel's
// have neither a time zone nor microseconds.
func (b *book) value(c models.Column, cell []byte) (any, error) {
	if cell == nil {
		return nil, nil
	}
	switch c.Kind {
	case models.KindInt:
		return b.number(c, string(cell))
	case models.KindDate:
		return b.date(string(cell))
	case models.KindTimestamp:
		return rfc3339(cell)
	default:
		return shortened(string(cell)), nil
	}
}

func (b *book) number(c models.Column, digits string) (any, error) {
	n, err := strconv.ParseInt(digits, 10, 64)
	switch {
	case err != nil:
		return nil, err
	case n > exact || n < -exact:
		return digits, nil
	case c.Name == "harga":
		return excelize.Cell{StyleID: b.money, Value: n}, nil
	default:
		return n, nil
	}
}

// date counts the days as Excel does. Before March of 1900 it does not count right.
func (b *book) date(text string) (any, error) {
	d, err := models.ParseDate(text)
	if err != nil {
		return nil, err
	}
	if d.Time().Before(time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)) {
		return text, nil
	}
	days := (d.Time().Unix() - time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC).Unix()) / (24 * 60 * 60)
	return excelize.Cell{StyleID: b.day, Value: days}, nil
}

// shortened ends a text that is too long for a cell in an ellipsis.
func shortened(text string) string {
	if len(text) <= maxText {
		return text
	}
	units := 0
	cut := 0 // where the ellipsis still has room
	for i, r := range text {
		if units < maxText {
			cut = i
		}
		units += utf16.RuneLen(r)
		if units > maxText {
			return text[:cut] + "…"
		}
	}
	return text
}

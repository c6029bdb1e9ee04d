package imports

import (
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/products"
)

// parser turns the cells of a file into the texts of a request.
type parser struct {
	isWorkbook bool
	choices    map[string][]choice          // by column
	names      map[string]map[string][]byte // of choices, by column and id
}

// choice is a segment, stage or category.
type choice struct {
	id   int64
	name string
}

func newParser(isWorkbook bool, lists products.DropdownLists) parser {
	p := parser{isWorkbook: isWorkbook, choices: map[string][]choice{}, names: map[string]map[string][]byte{"id_segmen": {}, "id_stage": {}, "id_kategori": {}}}
	add := func(column string, id int64, name *string) {
		text := strconv.FormatInt(id, 10)
		c := choice{id, text}
		if name != nil {
			c.name = *name
		}
		p.names[column][text] = []byte(c.name)
		p.choices[column] = append(p.choices[column], c)
	}
	for _, s := range lists.Segments {
		add("id_segmen", s.ID, s.Name)
	}
	for _, s := range lists.Stages {
		add("id_stage", s.ID, s.Name)
	}
	for _, c := range lists.Categories {
		add("id_kategori", c.ID, c.Name)
	}
	return p
}

// name returns the name of a choice as an export writes it, its id without one.
func (p parser) name(column string, id []byte) []byte {
	if name, known := p.names[column][string(id)]; known {
		return name
	}
	return id
}

// parse returns the text that a request would have for the cell of a field, "" for NULL, and what is wrong with it.
func (p parser) parse(f models.ProductField, cell string) (string, *models.FieldError) {
	if slices.Contains([]string{"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!"}, cell) {
		return "", new(models.NewFieldError(f.Column, "formula", "import.cell_error", models.Params{"cell": cell}))
	}
	switch f.Kind {
	case models.FieldNumber:
		return parsePrice(strings.TrimSpace(cell)), nil
	case models.FieldDate:
		return p.parseDate(f.Column, strings.TrimSpace(cell))
	case models.FieldSelect:
		return p.parseChoice(f.Column, strings.TrimSpace(cell))
	case models.FieldText, models.FieldTextarea:
	}
	if !utf8.ValidString(cell) || strings.ContainsRune(cell, 0) {
		return "", new(models.NewFieldError(f.Column, "encoding", "request.encoding", nil))
	}
	if p.isWorkbook {
		return cell, nil
	}
	return export.Restored(cell), nil
}

// parseChoice finds the id of a name: an equal one, otherwise one that differs in upper and lower case only.
func (p parser) parseChoice(column, cell string) (string, *models.FieldError) {
	if cell == "" {
		return "", nil
	}
	equal := func(c choice) bool { return strings.TrimSpace(c.name) == cell || export.Restored(cell) == c.name }
	similar := func(c choice) bool { return strings.EqualFold(strings.TrimSpace(c.name), cell) }
	for _, matches := range []func(choice) bool{equal, similar} {
		var found []choice
		for _, c := range p.choices[column] {
			if matches(c) {
				found = append(found, c)
			}
		}
		switch len(found) {
		case 0:
		case 1:
			return strconv.FormatInt(found[0].id, 10), nil
		default:
			return "", new(models.NewFieldError(column, "ambiguous", "import.ambiguous_name", models.Params{"name": cell}))
		}
	}
	return "", new(models.NewFieldError(column, "unknown", "import.unknown_name", models.Params{"name": cell}))
}

var (
	groupedPrice = regexp.MustCompile(`^(\d{1,3})((?:\.\d{3})+|(?:,\d{3})+)$`)
	zeroCents    = regexp.MustCompile(`(\.|,)(0{1,2}|-)$`)
	currency     = regexp.MustCompile(`^(?i:rp\.?|idr)[\s\x{a0}]*|[\s\x{a0}]*(?i:idr)$`)
	exponent     = regexp.MustCompile(`^\d+(\.\d+)?[eE]\+?\d{1,2}$`)
)

// parsePrice returns the digits of a price such as Rp 1.250.000, 1,250,000.00 or 1.25E6, otherwise the cell: validation rejects it.
func parsePrice(cell string) string {
	text := currency.ReplaceAllString(cell, "")
	whole := zeroCents.ReplaceAllString(text, "")
	switch {
	case groupedPrice.MatchString(text):
		return strings.NewReplacer(".", "", ",", "").Replace(text)
	case groupedPrice.MatchString(whole):
		return strings.NewReplacer(".", "", ",", "").Replace(whole)
	case exponent.MatchString(text):
		if n, ok := new(big.Rat).SetString(text); ok && n.IsInt() {
			return n.Num().String()
		}
	case zeroCents.MatchString(text) && !strings.ContainsAny(whole, ".,"):
		return whole
	}
	if strings.ContainsAny(text, ".") {
		return cell + "?" // 1.5 or 1.2500: a price has no decimals
	}
	return text
}

var (
	dayFirst   = regexp.MustCompile(`^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})$`)
	midnight   = regexp.MustCompile(`[ T]00:00(:00(\.0+)?)?$`)
	serialDate = regexp.MustCompile(`^(\d{2,7})(\.0+)?$`)
)

// parseDate reads 2026-12-31, 31/12/2026 and, in a workbook, Excel's number of the day.
func (p parser) parseDate(column, cell string) (string, *models.FieldError) {
	text := midnight.ReplaceAllString(cell, "")
	if text == "" {
		return "", nil
	}
	if day, err := models.ParseDate(text); err == nil {
		return day.String(), nil
	}
	if parts := dayFirst.FindStringSubmatch(text); parts != nil {
		year, _ := strconv.Atoi(parts[3])
		month, _ := strconv.Atoi(parts[2])
		day, _ := strconv.Atoi(parts[1])
		if d := models.NewDate(year, time.Month(month), day); int(d.Time().Month()) == month && d.Time().Day() == day {
			return d.String(), nil
		}
	}
	if parts := serialDate.FindStringSubmatch(text); parts != nil && p.isWorkbook {
		const march1900, year9999 = 61, 2_958_465 // before, Excel miscounts
		if days, err := strconv.Atoi(parts[1]); err == nil && days >= march1900 && days <= year9999 {
			return models.NewDate(1899, time.December, 30+days).String(), nil
		}
	}
	return "", new(models.NewFieldError(column, "date", "import.date", nil))
}

// isUnchanged reports whether a cell is what an export would write now, as CSV or as a workbook. Spreadsheets may change line
// ends, and cannot keep control characters.
func isUnchanged(cell string, c models.Column, stored []byte) (bool, error) {
	if isSame := cell == string(stored); isSame && c.Kind != models.KindTimestamp && len(stored) <= export.MaxText {
		return true, nil // as almost always
	}
	asCSV, err := export.CSVCell(c, stored)
	if err != nil {
		return false, err
	}
	cell = readable(cell)
	asCSV = strings.ReplaceAll(asCSV, "\r\n", "\n") // as Go reads CSV
	return cell == readable(asCSV) || cell == readable(export.WorkbookText(c, stored)), nil
}

// lineEnds makes all line ends alike. It is built once, because imports compare every cell.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n") //nolint:gochecknoglobals // a constant that Go cannot express

// readable returns a text as it remains after a spreadsheet has saved it.
func readable(text string) string {
	text = lineEnds.Replace(text)
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' || r >= 0xFFFE && r <= 0xFFFF {
			return utf8.RuneError
		}
		return r
	}, text)
}

package models

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
)

// FieldKind names the HTML control for a field.
type FieldKind string

// The kinds of field.
const (
	FieldText     FieldKind = "text"
	FieldTextarea FieldKind = "textarea"
	FieldSelect   FieldKind = "select" // the id of a row in another table
	FieldNumber   FieldKind = "number" // whole rupiah
	FieldDate     FieldKind = "date"
)

// ProductField is a column of a product that people can edit. Forms, JSON, validation, writes and pages all follow
// ProductFields.
type ProductField struct {
	Column   string // also its name in JSON and in forms
	Label    string // code of its name for people
	Hint     string // code of what to enter, or ""
	Kind     FieldKind
	Required bool
	Max      int    // characters, 0 for no limit
	Choices  string // for FieldSelect: the mirrored table, by its name in lifecycle_db

	pointer func(p *Product) any // to the field of p: **string, **int64 or **Date
}

// ProductFields lists the editable fields in the order of the form. The caller must not change the list.
func ProductFields() []ProductField { return productFields() }

// productFields is built once: imports ask for it for every cell.
var productFields = sync.OnceValue(func() []ProductField { //nolint:gochecknoglobals // a constant that Go cannot express
	return []ProductField{
		{Column: "produk", Label: "product_fields.produk", Kind: FieldText, Required: true, Max: 255,
			pointer: func(p *Product) any { return &p.Name }},
		{Column: "deskripsi", Label: "product_fields.deskripsi", Kind: FieldTextarea, Max: 65536,
			pointer: func(p *Product) any { return &p.Description }},
		{Column: "id_segmen", Label: "product_fields.id_segmen", Kind: FieldSelect, Required: true, Choices: "tbl_segmen",
			pointer: func(p *Product) any { return &p.SegmentID }},
		{Column: "id_stage", Label: "product_fields.id_stage", Kind: FieldSelect, Required: true, Choices: "tbl_stage",
			pointer: func(p *Product) any { return &p.StageID }},
		{Column: "id_kategori", Label: "product_fields.id_kategori", Kind: FieldSelect, Required: true, Choices: "tbl_kategori",
			pointer: func(p *Product) any { return &p.CategoryID }},
		{Column: "pelanggan", Label: "product_fields.pelanggan", Kind: FieldText, Max: 255,
			pointer: func(p *Product) any { return &p.Customer }},
		{Column: "harga", Label: "product_fields.harga", Hint: "product_fields.harga_hint", Kind: FieldNumber,
			pointer: func(p *Product) any { return &p.Price }},
		{Column: "tanggal_launch", Label: "product_fields.tanggal_launch", Kind: FieldDate,
			pointer: func(p *Product) any { return &p.LaunchDate }},
		{Column: "tanggal_stage_start", Label: "product_fields.tanggal_stage_start", Kind: FieldDate,
			pointer: func(p *Product) any { return &p.StageStart }},
		{Column: "tanggal_stage_end", Label: "product_fields.tanggal_stage_end", Hint: "product_fields.tanggal_stage_end_hint", Kind: FieldDate,
			pointer: func(p *Product) any { return &p.StageEnd }},
	}
})

// ProductFieldOf returns the editable field with a column's name, or false.
func ProductFieldOf(column string) (ProductField, bool) {
	for _, f := range ProductFields() {
		if f.Column == column {
			return f, true
		}
	}
	return ProductField{}, false
}

// Parse sets the field of p to what a person or client sent; "" is NULL, and so are blanks where a text is required.
// It returns "" or the problem: "integer" or "date". Rules returns the remaining requirements.
func (f ProductField) Parse(p *Product, text string) (code string) {
	switch field := f.pointer(p).(type) {
	case **string:
		*field = nil
		if text != "" && (!f.Required || strings.TrimSpace(text) != "") {
			*field = &text
		}
	case **int64:
		*field = nil
		parse := ParseRupiah
		if f.Kind == FieldSelect {
			parse = ParseID
		}
		if n, err := parse(text); err == nil {
			*field = &n
		} else if text != "" {
			return "integer"
		}
	case **Date:
		*field = nil
		if d, err := ParseDate(text); err == nil && d.Time().Year() > 0 {
			*field = &d
		} else if text != "" {
			return "date"
		}
	}
	return ""
}

// Rules are the validator's tags for Value: "required,max=255".
func (f ProductField) Rules() string {
	rules := "omitempty"
	if f.Required {
		rules = "required"
	}
	if f.Max > 0 {
		rules += ",max=" + strconv.Itoa(f.Max)
	}
	return rules
}

// Value returns the field's value in p: a *string, *int64 or *Date, which is nil for NULL.
func (f ProductField) Value(p *Product) any { return f.in(p).Interface() }

// Text returns the field's value in p as Parse reads it, "" for NULL.
func (f ProductField) Text(p *Product) string {
	value := f.in(p)
	if value.IsNil() {
		return ""
	}
	return fmt.Sprint(value.Elem().Interface())
}

// Copy sets the field in one product to its value in another.
func (f ProductField) Copy(to, from *Product) { f.in(to).Set(f.in(from)) }

func (f ProductField) in(p *Product) reflect.Value { return reflect.ValueOf(f.pointer(p)).Elem() }

// ParseID reads the id of a row: an integer from 1 to 2147483647.
func ParseID(text string) (int64, error) {
	id, err := strconv.ParseUint(text, 10, 31)
	if err != nil || id == 0 {
		return 0, fmt.Errorf("%q is not an id", text)
	}
	return int64(id), nil
}

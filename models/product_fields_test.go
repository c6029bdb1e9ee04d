package models_test

import (
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
)

func TestProductFields_CoverEveryEditableColumn(t *testing.T) {
	t.Parallel()
	var editable []string
	for _, table := range models.Tables() {
		if table.Source != "tbl_produk" {
			continue
		}
		for _, c := range table.Columns {
			field, ok := models.ProductFieldOf(c.Name)
			if own := c.Name == "id" || c.Name == "created_at" || c.Name == "updated_at"; ok == own {
				t.Errorf("%s: editable is %t", c.Name, ok)
			}
			if !ok {
				continue
			}
			editable = append(editable, c.Name)
			if field.Choices != c.References {
				t.Errorf("%s has choices from %q, want %q", c.Name, field.Choices, c.References)
			}
			if limit, limited := strings.CutPrefix(c.Type, "varchar("); limited && !strings.Contains(field.Rules(), "max="+strings.TrimSuffix(limit, ")")) {
				t.Errorf("%s has the rules %q, want the limit of %s", c.Name, field.Rules(), c.Type)
			}
			if field.Label != "product_fields."+c.Name {
				t.Errorf("%s has the label %s", c.Name, field.Label)
			}
		}
	}
	if len(editable) != len(models.ProductFields()) {
		t.Errorf("there are %d fields for %d columns", len(models.ProductFields()), len(editable))
	}
}

func TestProductField_ParsesWhatItPrints(t *testing.T) {
	t.Parallel()
	day := models.NewDate(2026, time.March, 1)
	from := models.Product{
		Name: new("Gardu"), Description: new(" "), CategoryID: new(int64(1)), SegmentID: new(int64(2)), StageID: new(int64(3)), Price: new(int64(0)),
		LaunchDate: &day, Customer: new("PLN"), StageStart: &day, StageEnd: &day,
	}
	var parsed, copied models.Product
	for _, f := range models.ProductFields() {
		text := f.Text(&from)
		if code := f.Parse(&parsed, text); code != "" || text == "" || f.Text(&parsed) != text {
			t.Errorf("%s: %q is parsed as %q, code %q", f.Column, text, f.Text(&parsed), code)
		}
		if f.Copy(&copied, &from); f.Text(&copied) != text {
			t.Errorf("%s: %q is copied as %q", f.Column, text, f.Text(&copied))
		}
		if code := f.Parse(&parsed, ""); code != "" || f.Text(&parsed) != "" {
			t.Errorf("%s: nothing is parsed as %q, code %q", f.Column, f.Text(&parsed), code)
		}
	}
}

func TestProductField_RejectsOtherTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ column, text, code string }{
		{"produk", " \t", ""}, {"id_stage", "0", "integer"}, {"id_stage", "2147483648", "integer"}, {"id_stage", "1.0", "integer"}, {"id_stage", "+1", "integer"},
		{"harga", "-1", "integer"}, {"harga", "1.5", "integer"}, {"harga", "1.00", ""}, {"harga", "9223372036854775808", "integer"}, {"harga", "1e3", "integer"},
		{"tanggal_launch", "2026-02-30", "date"}, {"tanggal_launch", "0000-01-01", "date"}, {"tanggal_launch", "2026-1-1", "date"},
	} {
		field, _ := models.ProductFieldOf(c.column)
		var p models.Product
		if code := field.Parse(&p, c.text); code != c.code || (code != "" || c.column == "produk") && field.Text(&p) != "" {
			t.Errorf("%s %q: code %q, value %q; want code %q", c.column, c.text, code, field.Text(&p), c.code)
		}
	}
}

package models_test

import (
	"encoding/json"
	"slices"
	"testing"

	"lifecycle-sync/models"
)

func column(t *testing.T, name string) models.Column {
	t.Helper()
	for _, table := range models.Tables() {
		for _, c := range table.Columns {
			if c.Name == name {
				return c
			}
		}
	}
	t.Fatalf("no column %s", name)
	return models.Column{}
}

func TestRow_CloneSharesNoMemory(t *testing.T) {
	t.Parallel()
	original := models.Row{ID: 7, Cells: [][]byte{[]byte("7"), nil, {}, []byte("x")}}
	clone := original.Clone()
	for i, c := range original.Cells {
		if !models.SameCell(c, clone.Cells[i]) {
			t.Errorf("cell %d is %q, was %q", i, clone.Cells[i], c)
		}
	}
	original.Cells[0][0] = '8'
	if clone.ID != 7 || string(clone.Cells[0]) != "7" {
		t.Error("the clone shares memory")
	}
	_ = append(clone.Cells[0], 'y')
	if string(clone.Cells[3]) != "x" {
		t.Error("appending to a cell writes into the next")
	}
	if models.SameCell(nil, []byte{}) || !models.SameCell(nil, nil) {
		t.Error("SameCell must distinguish NULL from empty")
	}
}

func TestTable_DecodesExtremeValues(t *testing.T) {
	t.Parallel()
	products := models.Tables()[3]
	cells := map[string]string{"id": "0", "produk": "", "harga": "9223372036854775807", "tanggal_launch": "0001-01-01", "created_at": "0001-01-01 00:00:00+00", "updated_at": "2024-01-01T00:00:00.000001Z"}
	row := models.Row{ID: 0, Cells: make([][]byte, len(products.Columns))}
	for i, c := range products.Columns {
		if text, ok := cells[c.Name]; ok {
			row.Cells[i] = []byte(text)
		}
	}
	decoded, err := products.Decode([]models.Row{row})
	if err != nil {
		t.Fatal(err)
	}
	p := (*decoded.(*[]models.Product))[0]
	if p.ID != 0 || *p.Name != "" || *p.Price != 1<<63-1 || p.LaunchDate.String() != "0001-01-01" || !p.CreatedAt.Time().IsZero() || p.UpdatedAt.Time().Nanosecond() != 1000 || p.Description != nil || p.StageID != nil {
		t.Errorf("%+v", p)
	}
	row.ID, row.Cells[slices.Index(products.ColumnNames(), "harga")] = 42, []byte("seribu")
	if _, err := products.Decode([]models.Row{row}); err == nil || models.AsError(err).Class != models.DataType || models.AsError(err).Text.String() != "database.unreadable_value column=harga id=42 table=tbl_produk" {
		t.Errorf("a price that is no number: %v", err)
	}
}

func TestColumn_RendersCellAsJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ column, cell, want string }{
		{"harga", "9223372036854775807", "9223372036854775807"},
		{"harga", "seribu", `"seribu"`},
		{"performance_metrics", "1.00", "1.00"},
		{"performance_metrics", "{", `"{"`},
		{"created_at", "2024-01-01 07:00:00.1+00", `"2024-01-01T07:00:00.1Z"`},
		{"created_at", "infinity", `"infinity"`},
		{"tanggal_launch", "2024-02-29", `"2024-02-29"`},
		{"produk", `a"b\`, `"a\"b\\"`},
		{"produk", "a\xff\xe9b", `"a\\xff\\xe9b"`},
		{"produk", "\u2028💡", `"\u2028💡"`},
	} {
		if got := column(t, c.column).JSON([]byte(c.cell)); string(got) != c.want || !json.Valid(got) {
			t.Errorf("%s %q is %s, want %s", c.column, c.cell, got, c.want)
		}
	}
	if got := column(t, "harga").JSON(nil); string(got) != "null" {
		t.Errorf("NULL is %s", got)
	}
}

func TestTables_ListParentsFirst(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, table := range models.Tables() {
		for _, c := range table.References() {
			if !seen[c.References] {
				t.Errorf("%s.%s refers to %s, which is not listed before it", table.Source, c.Name, c.References)
			}
		}
		seen[table.Source] = true
		if table.Mirror != table.Source+"_lifecycle" || table.Columns[0].Name != "id" || table.Optional != (table.Source == "tbl_kategori") {
			t.Errorf("%+v", table)
		}
	}
}

func TestTableOf_PanicsOnUnsupportedColumn(t *testing.T) {
	t.Parallel()
	type unusable struct {
		ID int64   `gorm:"column:id;type:integer;primaryKey"`
		X  float64 `gorm:"column:x;type:numeric"`
	}
	defer func() {
		if recover() == nil {
			t.Error("an unsupported column type was accepted")
		}
	}()
	models.TableOf[unusable]("x", "x", "x")
}

// Package models holds the rows of both databases, their value types, the description of every mirrored table, and the
// user-facing errors. It imports no other package of this project.
package models

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"gorm.io/gorm/schema"
)

// Kind is a column's type, as far as copying and comparing are concerned.
type Kind int

// The kinds of column.
const (
	KindInt Kind = iota
	KindText
	KindTimestamp
	KindDate
	KindJSON
)

// Column describes one column of a mirrored table. Type is PostgreSQL's type ("integer", "varchar(255)"); References is the
// source table whose id it holds, or "".
type Column struct {
	Name       string
	Kind       Kind
	Type       string
	NotNull    bool
	References string
	field      *schema.Field
}

// Table describes a table of lifecycle_db and its mirror in pmo_db: one model, two names. Columns[0] is always the integer
// primary key "id". It is immutable.
type Table struct {
	Name     string // "stage_history": in JSON, the change log and the quarantine
	Label    string // "stage history": in the log
	Noun     string // "stage history records": in the log, with a number before it
	Source   string // in lifecycle_db
	Mirror   string // in pmo_db
	Optional bool   // lifecycle_db may lack it
	Columns  []Column
	row      reflect.Type
}

// The names of the table of products here and in lifecycle_db.
const (
	productTable  = "products"
	productSource = "tbl_produk"
)

// Tables lists the mirrored tables, parents before children. Adding a table takes a model, a migration and a line here.
func Tables() []*Table {
	optional := func(t *Table) *Table { t.Optional = true; return t }
	return []*Table{
		TableOf[Segment]("tbl_segmen", "segments", "segments"),
		TableOf[Stage]("tbl_stage", "stages", "stages"),
		optional(TableOf[Category]("tbl_kategori", "categories", "categories")),
		TableOf[Product](productSource, productTable, productTable),
		TableOf[StageHistory]("tbl_stage_histori", "stage history", "stage history records"),
	}
}

// FindTable returns the table that lifecycle_db calls source; nil if there is none.
func FindTable(tables []*Table, source string) *Table {
	for _, t := range tables {
		if t.Source == source {
			return t
		}
	}
	return nil
}

// TableOf describes the table of a model by its gorm and mirror tags. It panics if the model cannot be mirrored.
func TableOf[T any](source, label, noun string) *Table {
	parsed, err := schema.Parse(new(T), &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		panic(err)
	}
	t := &Table{
		Name: strings.ReplaceAll(label, " ", "_"), Label: label, Noun: noun,
		Source: source, Mirror: source + "_lifecycle", row: reflect.TypeFor[T](),
	}
	for _, f := range parsed.Fields {
		kind, err := kindOf(f)
		if err != nil {
			panic(fmt.Sprintf("%s.%s: %v", parsed.Name, f.Name, err))
		}
		t.Columns = append(t.Columns, Column{
			Name: f.DBName, Kind: kind, Type: f.TagSettings["TYPE"], NotNull: f.NotNull || f.PrimaryKey,
			References: strings.TrimPrefix(f.Tag.Get("mirror"), "references:"), field: f,
		})
	}
	if t.Columns[0].Name != "id" {
		panic(parsed.Name + ": the first column must be id")
	}
	return t
}

func kindOf(f *schema.Field) (Kind, error) {
	switch base, _, _ := strings.Cut(f.TagSettings["TYPE"], "("); base {
	case "integer", "bigint":
		return KindInt, nil
	case "text", "varchar":
		return KindText, nil
	case "timestamptz":
		return KindTimestamp, nil
	case "date":
		return KindDate, nil
	case "jsonb":
		return KindJSON, nil
	default:
		return 0, fmt.Errorf("column type %q cannot be mirrored", base)
	}
}

// parsedTables returns Tables, parsed once: a bulk write names a table for every row.
var parsedTables = sync.OnceValue(Tables) //nolint:gochecknoglobals // a constant that Go cannot express

// TableNamed returns the mirrored table with a name in lifecycle_db. It panics when there is none.
func TableNamed(source string) *Table {
	if t := FindTable(parsedTables(), source); t != nil {
		return t
	}
	panic(source + " is not mirrored")
}

// TableByName returns the mirrored table with a Name; nil if there is none.
func TableByName(name string) *Table {
	for _, t := range parsedTables() {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// SourceName returns the name in lifecycle_db of the table with a Name. A table that is not mirrored keeps its name.
func SourceName(name string) string {
	if t := TableByName(name); t != nil {
		return t.Source
	}
	return name
}

// Column returns the column with a name. It panics when there is none.
func (t *Table) Column(name string) Column {
	for _, c := range t.Columns {
		if c.Name == name {
			return c
		}
	}
	panic(t.Source + " has no column " + name)
}

// References lists the columns that hold ids of other mirrored tables.
func (t *Table) References() []Column {
	var refs []Column
	for _, c := range t.Columns {
		if c.References != "" {
			refs = append(refs, c)
		}
	}
	return refs
}

// ColumnNames lists the columns in order.
func (t *Table) ColumnNames() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

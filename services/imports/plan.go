package imports

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/export"
	"lifecycle-sync/services/products"
)

// Status is what an import does with a row.
type Status string

// The statuses.
const (
	Unchanged Status = "unchanged"
	Changed   Status = "changed"
	New       Status = "new"
	Invalid   Status = "invalid"
	Conflict  Status = "conflict" // the product was changed or deleted since the export
)

// Counts are the numbers of rows by status.
type Counts struct {
	Unchanged int `json:"unchanged"`
	Changed   int `json:"changed"`
	New       int `json:"new"`
	Invalid   int `json:"invalid"`
	Conflict  int `json:"conflict"`
}

// Preview is what an import would do.
type Preview struct {
	Digest         *string  `json:"digest"` // nil if nothing can be applied
	Counts         Counts   `json:"counts"`
	UnknownColumns []string `json:"unknownColumns"` // headings whose columns are ignored
	Rows           []Row    `json:"rows"`
}

// Row is a row of the file. Changes are in the order of the product's fields.
type Row struct {
	Line    int                 `json:"line"`
	ID      *int64              `json:"id"`     // nil for a new product
	Name    *string             `json:"produk"` // now, or of the new product
	Status  Status              `json:"status"`
	Changes []Change            `json:"changes,omitempty"`
	Errors  []models.FieldError `json:"-"`

	cells cells // that differ from an export
}

// Change is a field of a product with its values as an export writes them, nil for none. After is the file's cell if it is invalid.
type Change struct {
	Field  string  `json:"field"`
	Before *string `json:"before"`
	After  *string `json:"after"`
}

// HasProblems reports whether a row cannot be applied.
func (r *Row) HasProblems() bool { return r.Status == Invalid || r.Status == Conflict }

// planned is a preview with what it would write.
type planned struct {
	Preview

	writes []products.ImportRow
	kept   table // the rows that would be written, for a later plan
}

// planner compares a table with the mirror.
type planner struct {
	*Service
	parser

	layout  export.Layout
	stored  map[string]int      // the places of columns in a row of the mirror
	places  map[string]int      // the places of columns in the layout
	current map[int64]*mirrored // of one batch
	seen    map[int64]bool
	buffer  [][]byte // for a row
}

// plan compares a table with one state of the mirror. skip leaves rows with problems out. Errors: connection, timeout, schema.
func (s *Service) plan(ctx context.Context, t table, skip bool) (p planned, err error) {
	p.UnknownColumns, p.kept.IsWorkbook, p.Rows = append([]string{}, t.unknownColumns...), t.IsWorkbook, make([]Row, 0, len(t.Rows))
	_, err = s.store.View(ctx, func(v *pmo.Session) error {
		mirror := catalog.New(v)
		planner, err := s.planner(ctx, mirror, t.IsWorkbook)
		if err != nil {
			return err
		}
		for batch := range slices.Chunk(t.Rows, batchSize) {
			if err := planner.read(ctx, mirror, batch); err != nil {
				return err
			}
			for _, row := range batch {
				p.add(row, planner)
			}
		}
		return nil
	})
	if err == nil && len(p.writes) > 0 && (skip || p.Counts.Invalid+p.Counts.Conflict == 0) {
		p.Digest = new(digest(p.writes))
	}
	return p, err
}

// add plans a row.
func (p *planned) add(row tableRow, planner *planner) {
	out, write := planner.row(row)
	p.Rows = append(p.Rows, out)
	p.count(out.Status)
	if out.Status == Changed || out.Status == New {
		p.writes = append(p.writes, write)
		p.kept.Rows = append(p.kept.Rows, tableRow{Line: row.Line, ID: row.ID, Version: write.Version, Cells: out.cells})
	}
}

func (p *planned) count(s Status) {
	switch s {
	case Unchanged:
		p.Counts.Unchanged++
	case Changed:
		p.Counts.Changed++
	case New:
		p.Counts.New++
	case Invalid:
		p.Counts.Invalid++
	case Conflict:
		p.Counts.Conflict++
	}
}

// digest identifies effective changes and their row versions: half of a SHA-256.
func digest(writes []products.ImportRow) string {
	sorted := slices.Clone(writes)
	slices.SortStableFunc(sorted, func(a, b products.ImportRow) int { return cmp.Compare(a.ID, b.ID) })
	hash := sha256.New()
	encoder := json.NewEncoder(hash)
	for _, w := range sorted {
		values := map[string]any{}
		for _, f := range models.ProductFields() {
			if slices.Contains(w.Input.Given, f.Column) {
				values[f.Column] = f.Value(&w.Input.Product)
			}
		}
		if err := encoder.Encode([]any{w.ID, w.Version, values}); err != nil { // plain values always marshal
			panic(err)
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// parseID reads the id of a row. lifecycle_db may have ids that are not positive.
func parseID(text string) (id int64, valid bool) {
	id, err := strconv.ParseInt(text, 10, 32)
	return id, err == nil
}

// batchSize is the number of rows that are planned at a time, so that few products are in memory.
const batchSize = 4000

// planner returns a planner for a file. Errors: connection, timeout, schema.
func (s *Service) planner(ctx context.Context, from *catalog.Catalog, isWorkbook bool) (*planner, error) {
	lists, err := products.Dropdowns(ctx, from)
	p := &planner{
		Service: s, parser: newParser(isWorkbook, lists), layout: export.NewLayout(from.ExportColumns()), stored: map[string]int{}, places: map[string]int{}, seen: map[int64]bool{},
	}
	for i, c := range from.ExportColumns() {
		p.stored[c.Name] = i
	}
	for i, c := range p.layout.Columns {
		p.places[c.Name] = i
	}
	return p, err
}

// row returns what the import does with a row, and what it writes.
func (p *planner) row(in tableRow) (out Row, write products.ImportRow) {
	out = Row{Line: in.Line}
	if in.ID == "" {
		write = p.newRow(in, &out)
		return out, write
	}
	id, valid := parseID(in.ID)
	if !valid {
		out.fail(Invalid, models.NewFieldError("id", "integer", "import.invalid_id", nil))
		return out, write
	}
	out.ID = &id
	before, exists := p.current[id]
	switch {
	case p.seen[id]:
		out.fail(Invalid, models.NewFieldError("id", "duplicate", "import.id_twice", models.Params{"id": id}))
		return out, write
	case !exists && in.Version != "":
		out.fail(Conflict, models.NewFieldError("id", "not_found", "import.deleted", models.Params{"id": id}))
		return out, write
	case !exists:
		out.fail(Invalid, models.NewFieldError("id", "not_found", "products.not_found", models.Params{"id": id}))
		return out, write
	}
	p.seen[id], out.Name = true, before.Name
	write = p.changedRow(in, before, &out)
	return out, write
}

func (r *Row) fail(status Status, errors ...models.FieldError) {
	r.Status, r.Errors = status, errors
}

// changedRow plans the change of a product.
func (p *planner) changedRow(in tableRow, before *mirrored, out *Row) products.ImportRow {
	out.Status, out.cells = Unchanged, before.differs
	if len(out.cells) == 0 {
		return products.ImportRow{}
	}
	input, invalid := p.input(out.cells, false)
	var changed []string
	if invalid == nil {
		changed, invalid = input.Preview(before.Locked, p.now())
	}
	switch {
	case invalid == nil && len(changed) == 0: // the same values, written differently
		return products.ImportRow{}
	case in.Version != "" && in.Version != before.Version:
		invalid = []models.FieldError{models.NewFieldError(export.VersionColumn, "conflict", "import.changed_since", nil)}
		out.fail(Conflict, invalid...)
	case *out.ID < 1: // as in every other write
		invalid = []models.FieldError{models.NewFieldError("id", "integer", "import.invalid_id", nil)}
		out.fail(Invalid, invalid...)
	case invalid != nil:
		out.fail(Invalid, invalid...)
	}
	if invalid != nil {
		out.Changes = p.changes(before, out.cells, nil)
		return products.ImportRow{}
	}
	out.cells = slices.DeleteFunc(out.cells, func(c cell) bool { return !slices.Contains(changed, c.Column) }) // the same value, written differently
	input.Given = changed
	out.Status, out.Changes = Changed, p.changes(before, out.cells, &input)
	return products.ImportRow{ID: *out.ID, Version: before.Version, Input: input}
}

// newRow plans a new product.
func (p *planner) newRow(in tableRow, out *Row) products.ImportRow {
	for _, cell := range in.Cells {
		if cell.Text != "" {
			out.cells = append(out.cells, cell)
		}
	}
	input, invalid := p.input(out.cells, true)
	if invalid == nil {
		invalid = input.PreviewNew()
	}
	if name, given := out.cells.of("produk"); given {
		out.Name = &name
	}
	if invalid != nil {
		out.Changes = p.changes(&mirrored{}, out.cells, nil)
		out.fail(Invalid, invalid...)
		return products.ImportRow{}
	}
	out.Status, out.Changes = New, p.changes(&mirrored{}, out.cells, &input)
	return products.ImportRow{Input: input}
}

// input parses and validates cells as a request's fields.
func (p *planner) input(cells cells, requireAll bool) (products.Input, []models.FieldError) {
	texts := map[string]string{}
	var invalid []models.FieldError
	for _, f := range models.ProductFields() {
		cell, given := cells.of(f.Column)
		if !given {
			continue
		}
		text, problem := p.parse(f, cell)
		if problem != nil {
			invalid = append(invalid, *problem)
			text = ""
		}
		texts[f.Column] = text
	}
	in, err := p.rules.Product(texts, requireAll)
	if e := models.AsError(err); e != nil {
		for _, problem := range e.Fields {
			if !slices.ContainsFunc(invalid, func(i models.FieldError) bool { return i.Field == problem.Field }) {
				invalid = append(invalid, problem)
			}
		}
	}
	return in, invalid
}

// changes describes differing cells: with the values that would be written, or as they are in the file without input.
func (p *planner) changes(before *mirrored, cells cells, input *products.Input) (changes []Change) {
	for _, f := range models.ProductFields() {
		cell, given := cells.of(f.Column)
		if !given {
			continue
		}
		c := Change{Field: f.Column}
		if at := p.places[f.Column]; before.cells != nil && before.cells[at] != nil {
			c.Before = new(string(before.cells[at]))
		}
		if input != nil {
			cell = f.Text(&input.Product)
			if f.Kind == models.FieldSelect {
				cell = string(p.name(f.Column, []byte(cell)))
			}
		}
		if cell != "" {
			c.After = &cell
		}
		changes = append(changes, c)
	}
	return changes
}

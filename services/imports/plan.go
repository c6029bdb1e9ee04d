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

	cells map[string]string // that differ from an export
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

// mirrored is a product in the mirror.
type mirrored struct {
	products.Locked

	cells [][]byte // of the export
}

// planner compares a table with the mirror.
type planner struct {
	*Service
	parser

	layout  export.Layout
	current map[int64]mirrored
	seen    map[int64]bool
}

// plan compares a table with one state of the mirror. skip leaves rows with problems out. Errors: connection, timeout, schema.
func (s *Service) plan(ctx context.Context, t table, skip bool) (p planned, err error) {
	planner := planner{Service: s, seen: map[int64]bool{}}
	if _, err := s.store.View(ctx, func(v *pmo.Session) error { return planner.read(ctx, catalog.New(v), t) }); err != nil {
		return p, err
	}
	p.UnknownColumns, p.kept.IsWorkbook, p.Rows = append([]string{}, t.unknownColumns...), t.IsWorkbook, []Row{}
	for _, row := range t.Rows {
		out, write, err := planner.row(row)
		if err != nil {
			return p, err
		}
		p.Rows = append(p.Rows, out)
		p.count(out.Status)
		if out.Status == Changed || out.Status == New {
			p.writes = append(p.writes, write)
			p.kept.Rows = append(p.kept.Rows, tableRow{Line: row.Line, ID: row.ID, Version: write.Version, Cells: out.cells})
		}
	}
	if len(p.writes) > 0 && (skip || p.Counts.Invalid+p.Counts.Conflict == 0) {
		p.Digest = new(digest(p.writes))
	}
	return p, nil
}

func (p *planned) count(s Status) {
	*map[Status]*int{Unchanged: &p.Counts.Unchanged, Changed: &p.Counts.Changed, New: &p.Counts.New, Invalid: &p.Counts.Invalid, Conflict: &p.Counts.Conflict}[s]++
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

// idBatch is the number of products per query. More ids would exceed SQLite's limit of parameters.
const idBatch = 5000

// read reads the products of a table, and the lists.
func (p *planner) read(ctx context.Context, from *catalog.Catalog, t table) error {
	lists, err := products.Dropdowns(ctx, from)
	if err != nil {
		return err
	}
	var ids []int64
	for _, row := range t.Rows {
		if id, valid := parseID(row.ID); valid {
			ids = append(ids, id)
		}
	}
	p.parser, p.current, p.layout = newParser(t.IsWorkbook, lists), make(map[int64]mirrored, len(ids)), export.NewLayout(from.ExportColumns())
	var rows []models.Row
	for batch := range slices.Chunk(ids, idBatch) {
		for cells, err := range from.ExportRows(ctx, catalog.ProductFilter{IDs: batch}.On(p.now()), catalog.ProductOrder{Column: "id"}) {
			if err != nil {
				return err
			}
			id, err := strconv.ParseInt(string(cells[0]), 10, 64)
			if err != nil {
				return err
			}
			rows = append(rows, models.Row{ID: id, Cells: cells}.Clone())
		}
	}
	return p.decode(rows)
}

// decode keeps rows of the mirror as products.
func (p *planner) decode(rows []models.Row) error {
	stored := make([]models.Row, len(rows))
	for i, row := range rows {
		stored[i] = p.layout.Product(row.Cells)
		stored[i].ID = row.ID
	}
	decoded, err := models.TableNamed("tbl_produk").Decode(stored)
	if err != nil {
		return err
	}
	for i, product := range *decoded.(*[]models.Product) { //nolint:forcetypeassert // the model of the table
		m := mirrored{cells: p.layout.Cells(rows[i].Cells)}
		m.Row, m.Product, m.Version = stored[i], product, stored[i].Version()
		p.current[product.ID] = m
	}
	return nil
}

// row returns what the import does with a row, and what it writes. Errors: an unreadable value of the mirror.
func (p *planner) row(in tableRow) (out Row, write products.ImportRow, err error) {
	out = Row{Line: in.Line}
	if in.ID == "" {
		write = p.newRow(in, &out)
		return out, write, nil
	}
	id, valid := parseID(in.ID)
	if !valid {
		out.fail(Invalid, models.NewFieldError("id", "integer", "import.invalid_id", nil))
		return out, write, nil
	}
	out.ID = &id
	before, exists := p.current[id]
	switch {
	case p.seen[id]:
		out.fail(Invalid, models.NewFieldError("id", "duplicate", "import.id_twice", models.Params{"id": id}))
		return out, write, nil
	case !exists && in.Version != "":
		out.fail(Conflict, models.NewFieldError("id", "not_found", "import.deleted", models.Params{"id": id}))
		return out, write, nil
	case !exists:
		out.fail(Invalid, models.NewFieldError("id", "not_found", "products.not_found", models.Params{"id": id}))
		return out, write, nil
	}
	p.seen[id], out.Name = true, before.Name
	if out.cells, err = p.differing(in, before); err != nil {
		return out, write, err
	}
	write = p.changedRow(in, before, &out)
	return out, write, nil
}

func (r *Row) fail(status Status, errors ...models.FieldError) {
	r.Status, r.Errors = status, errors
}

// differing returns the cells that differ from what an export would write now.
func (p *planner) differing(in tableRow, before mirrored) (map[string]string, error) {
	cells := map[string]string{}
	for i, c := range p.layout.Columns {
		cell, given := in.Cells[c.Name]
		if !given {
			continue
		}
		same, err := isUnchanged(cell, c, before.cells[i])
		if err != nil {
			return nil, err
		}
		if !same {
			cells[c.Name] = cell
		}
	}
	return cells, nil
}

// changedRow plans the change of a product.
func (p *planner) changedRow(in tableRow, before mirrored, out *Row) products.ImportRow {
	out.Status = Unchanged
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
	for column := range out.cells {
		if !slices.Contains(changed, column) {
			delete(out.cells, column) // the same value, written differently
		}
	}
	input.Given = changed
	out.Status, out.Changes = Changed, p.changes(before, out.cells, &input)
	return products.ImportRow{ID: *out.ID, Version: before.Version, Input: input}
}

// newRow plans a new product.
func (p *planner) newRow(in tableRow, out *Row) products.ImportRow {
	out.cells = map[string]string{}
	for column, cell := range in.Cells {
		if cell != "" {
			out.cells[column] = cell
		}
	}
	input, invalid := p.input(out.cells, true)
	if invalid == nil {
		invalid = input.PreviewNew()
	}
	if name := out.cells["produk"]; name != "" {
		out.Name = &name
	}
	if invalid != nil {
		out.Changes = p.changes(mirrored{}, out.cells, nil)
		out.fail(Invalid, invalid...)
		return products.ImportRow{}
	}
	out.Status, out.Changes = New, p.changes(mirrored{}, out.cells, &input)
	return products.ImportRow{Input: input}
}

// input parses and validates cells as a request's fields.
func (p *planner) input(cells map[string]string, requireAll bool) (products.Input, []models.FieldError) {
	texts := map[string]string{}
	var invalid []models.FieldError
	for _, f := range models.ProductFields() {
		cell, given := cells[f.Column]
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
func (p *planner) changes(before mirrored, cells map[string]string, input *products.Input) (changes []Change) {
	for _, f := range models.ProductFields() {
		cell, given := cells[f.Column]
		if !given {
			continue
		}
		c := Change{Field: f.Column}
		at := slices.IndexFunc(p.layout.Columns, func(c models.Column) bool { return c.Name == f.Column })
		if before.cells != nil && before.cells[at] != nil {
			c.Before = new(string(before.cells[at]))
		}
		if input != nil {
			cell = f.Text(&input.Product)
			if f.Kind == models.FieldSelect {
				cell = p.name(f.Column, cell)
			}
		}
		if cell != "" {
			c.After = &cell
		}
		changes = append(changes, c)
	}
	return changes
}

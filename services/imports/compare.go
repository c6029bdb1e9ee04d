package imports

import (
	"context"
	"strconv"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
)

// mirrored is a product in the mirror. Only Name is known of one that a file leaves as it is.
type mirrored struct {
	products.Locked

	cells   [][]byte // of the export
	differs cells    // of the file
}

// read reads the products of a batch, and compares them with its rows. Errors: connection, timeout, schema.
func (p *planner) read(ctx context.Context, from *catalog.Catalog, batch []tableRow) error {
	wanted := make(map[int64]cells, len(batch))
	ids := make([]int64, 0, len(batch))
	for _, row := range batch {
		id, valid := parseID(row.ID)
		if _, known := wanted[id]; valid && !known {
			wanted[id] = row.Cells
			ids = append(ids, id)
		}
	}
	p.current = make(map[int64]*mirrored, len(ids))
	if len(ids) == 0 {
		return nil
	}
	var differing []models.Row
	for stored, err := range from.ProductRows(ctx, ids) {
		if err != nil {
			return err
		}
		row := p.exported(stored)
		id, err := strconv.ParseInt(string(row[0]), 10, 64)
		if err != nil {
			return err
		}
		differs, err := p.differing(wanted[id], row)
		if err != nil {
			return err
		}
		found := &mirrored{differs: differs}
		if name := p.layout.Cell(row, p.places["produk"]); name != nil {
			found.Name = new(string(name))
		}
		if len(differs) > 0 {
			differing = append(differing, models.Row{ID: id, Cells: row}.Clone())
		}
		p.current[id] = found
	}
	return p.decode(differing)
}

// exported returns a row with the columns of an export. The number of files is NULL, because an import ignores it. The next call
// overwrites the row.
func (p *planner) exported(stored [][]byte) [][]byte {
	p.buffer = append(p.buffer[:0], stored...)
	for _, column := range [...]string{"id_segmen", "id_stage", "id_kategori"} {
		p.buffer = append(p.buffer, p.name(column, stored[p.stored[column]]))
	}
	p.buffer = append(p.buffer, nil)
	return p.buffer
}

// differing returns the cells that differ from what an export would write for a row of the mirror now.
func (p *planner) differing(given cells, row [][]byte) (differs cells, err error) {
	for _, cell := range given {
		at := p.places[cell.Column]
		same, err := isUnchanged(cell.Text, p.layout.Columns[at], p.layout.Cell(row, at))
		if err != nil {
			return nil, err
		}
		if !same {
			differs = append(differs, cell)
		}
	}
	return differs, nil
}

// decode completes the products of rows of the mirror.
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
		m := p.current[product.ID]
		m.cells, m.Row, m.Product, m.Version = p.layout.Cells(rows[i].Cells), stored[i], product, stored[i].Version()
	}
	return nil
}

package activity

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
)

// reversal undoes the changes of rows in one transaction.
type reversal struct {
	tx        *lifecycle.Tx
	products  map[int64]models.ActivityChange // the changes of products themselves, by id
	records   map[int64]bool                  // the ids of the changed stage history records
	exist     map[string]bool                 // the referenced rows that are known to exist, by table and id
	conflicts []Conflict
}

func newReversal(tx *lifecycle.Tx, changes []models.ActivityChange) *reversal {
	r := &reversal{tx: tx, products: map[int64]models.ActivityChange{}, records: map[int64]bool{}, exist: map[string]bool{}}
	for _, c := range changes {
		if isProduct(c) {
			r.products[c.RowID] = c
		} else {
			r.records[c.RowID] = true
		}
	}
	return r
}

// isProduct reports whether a change is of a product itself.
func isProduct(c models.ActivityChange) bool {
	return c.Table == models.TableNamed(lifecycle.ProductTable).Name
}

// reverse checks that rows are as changes left them and writes what was before, in the opposite order.
func (s *Service) reverse(ctx context.Context, tx *lifecycle.Tx, changes []models.ActivityChange) (c outbox.Change, err error) {
	r := newReversal(tx, changes)
	products := productsOf(changes)
	if _, err := tx.Locked(ctx, models.TableNamed(lifecycle.ProductTable), products); err != nil {
		return c, err
	}
	newest, err := r.newestMoves(ctx, products)
	if err != nil {
		return c, err
	}
	r.checkMoves(changes, newest)
	if err := r.check(ctx, changes); err != nil {
		return c, err
	}
	c.Rows = mirror.ChangedRows{}
	for _, change := range slices.Backward(changes) {
		t := s.table(change.Table)
		if err := r.write(ctx, t, change); err != nil {
			return c, err
		}
		c.Table, c.RowID, c.Action = t.Source, change.RowID, lifecycle.Updated
		c.Rows[t.Source] = append(c.Rows[t.Source], change.RowID)
		switch {
		case change.Before == nil:
			c.Deleted++
			c.Action = lifecycle.Deleted
		case change.After == nil:
			c.Action = lifecycle.Inserted
		}
	}
	// A product that the activity itself changed returns to its stage before the activity.
	return c, r.checkStages(ctx, slices.DeleteFunc(products, func(id int64) bool { _, own := r.products[id]; return own }), newest)
}

// table returns the table with a name in activities.
func (s *Service) table(name string) *models.Table {
	return s.tables[slices.IndexFunc(s.tables, func(t *models.Table) bool { return t.Name == name })]
}

// productsOf returns the products of changes, in the order in which every write locks them.
func productsOf(changes []models.ActivityChange) (ids []int64) {
	for _, c := range changes {
		if c.ProductID != nil {
			ids = append(ids, *c.ProductID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// check finds all rows that have changed since. Errors: conflict; those of Tx.
func (r *reversal) check(ctx context.Context, changes []models.ActivityChange) error {
	for _, t := range models.Tables() {
		var ids []int64
		for _, c := range changes {
			if c.Table == t.Name {
				ids = append(ids, c.RowID)
			}
		}
		if ids == nil {
			continue
		}
		rows, err := r.tx.Locked(ctx, t, ids)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if c.Table != t.Name {
				continue
			}
			row, exists := rows[c.RowID]
			if err := r.compare(t, c, row, exists); err != nil {
				return err
			}
		}
	}
	if err := r.checkCreated(ctx, changes); err != nil {
		return err
	}
	return conflictError(r.conflicts)
}

// checkMoves finds products that have moved again since: a move can be undone only while its record is the newest one.
func (r *reversal) checkMoves(changes []models.ActivityChange, newest map[int64]*models.StageHistory) {
	for _, c := range changes {
		if isProduct(c) || c.Before != nil || c.ProductID == nil {
			continue
		}
		moved := r.products[*c.ProductID].Before != nil
		if later := newest[*c.ProductID]; moved && (later == nil || later.ID != c.RowID) {
			conflict := Conflict{Table: lifecycle.HistoryTable, ID: c.RowID}
			if later != nil {
				conflict.ID = later.ID
			}
			r.conflicts = append(r.conflicts, conflict)
		}
	}
}

// compare compares a row with how a change left it: the changed fields, without updated_at.
func (r *reversal) compare(t *models.Table, c models.ActivityChange, row models.Row, exists bool) error {
	switch {
	case c.After == nil && exists:
		r.conflicts = append(r.conflicts, Conflict{Table: t.Source, ID: c.RowID, Actual: t.Object(row)})
	case c.After != nil && !exists:
		r.conflicts = append(r.conflicts, Conflict{Table: t.Source, ID: c.RowID, Expected: c.After})
	case c.After != nil:
		var expected map[string]json.RawMessage
		if err := json.Unmarshal(c.After, &expected); err != nil {
			return err
		}
		for i, column := range t.Columns {
			value, changed := expected[column.Name]
			if actual := column.JSON(row.Cells[i]); changed && column.Name != "updated_at" && !bytes.Equal(value, actual) {
				r.conflicts = append(r.conflicts, Conflict{Table: t.Source, ID: c.RowID, Field: column.Name, Expected: models.JSON(value), Actual: actual})
			}
		}
	}
	return nil
}

// checkCreated finds stage history records that were added to a created product since: deleting it would delete them.
func (r *reversal) checkCreated(ctx context.Context, changes []models.ActivityChange) error {
	for _, c := range changes {
		if !isProduct(c) || c.Before != nil {
			continue
		}
		records, err := r.tx.RecordsOf(ctx, c.RowID)
		if err != nil {
			return err
		}
		for _, id := range records {
			if !r.records[id] {
				r.conflicts = append(r.conflicts, Conflict{Table: lifecycle.HistoryTable, ID: id})
			}
		}
	}
	return nil
}

// write writes what was before a change. Errors: conflict if a restored row refers to one that does not exist; those of Tx.
func (r *reversal) write(ctx context.Context, t *models.Table, c models.ActivityChange) error {
	if c.Before == nil {
		return r.tx.Remove(ctx, t, c.RowID)
	}
	row, columns, err := t.RowOf(c.RowID, c.Before)
	if err != nil {
		return models.NewError(models.Conflict, "activity.unreadable", models.Params{"table": t.Source, "id": c.RowID}).WithCause(err)
	}
	for _, i := range columns {
		column := t.Columns[i]
		if column.References == "" || row.Cells[i] == nil {
			continue
		}
		exists, err := r.exists(ctx, column.References, row.Cells[i])
		if err != nil {
			return err
		}
		if !exists {
			return models.NewError(models.Conflict, "activity.reference_gone",
				models.Params{"table": t.Source, "id": c.RowID, "field": column.Name, "value": string(row.Cells[i])})
		}
	}
	if c.After == nil {
		return r.tx.Insert(ctx, t, row, columns)
	}
	return r.tx.SetColumns(ctx, t, row, columns)
}

// exists reports whether the row that a cell refers to exists. Without a category table every category does.
func (r *reversal) exists(ctx context.Context, table string, cell []byte) (bool, error) {
	key := table + " " + string(cell)
	if r.exist[key] {
		return true, nil
	}
	var id int64
	if err := json.Unmarshal(cell, &id); err != nil {
		return false, nil //nolint:nilerr // it refers to nothing
	}
	exists, err := r.tx.HasRow(ctx, table, id)
	if e := models.AsError(err); e != nil && e.Class == models.Schema && models.TableNamed(table).Optional {
		return true, nil
	}
	if exists {
		r.exist[key] = true
	}
	return exists, err
}

// newestMoves returns the newest stage history record of each product, as every write sees it.
func (r *reversal) newestMoves(ctx context.Context, products []int64) (map[int64]*models.StageHistory, error) {
	return r.tx.NewestMoves(ctx, products, models.LatestMove(r.tx.Now))
}

// checkStages checks that a product whose newest stage history record has become another one is in its stage: otherwise the stage
// was changed by later records. Errors: conflict.
func (r *reversal) checkStages(ctx context.Context, products []int64, before map[int64]*models.StageHistory) error {
	rows, err := r.tx.Locked(ctx, models.TableNamed(lifecycle.ProductTable), products)
	if err != nil {
		return err
	}
	t := models.TableNamed(lifecycle.ProductTable)
	stage := slices.Index(t.ColumnNames(), "id_stage")
	newest, err := r.newestMoves(ctx, products)
	if err != nil {
		return err
	}
	for _, id := range products {
		move, was := newest[id], before[id]
		row, exists := rows[id]
		if !exists || move == nil || was != nil && was.ID == move.ID {
			continue
		}
		current, want := t.Columns[stage].JSON(row.Cells[stage]), models.JSON(strconv.FormatInt(*move.StageID, 10))
		if !bytes.Equal(want, current) {
			r.conflicts = append(r.conflicts, Conflict{Table: lifecycle.HistoryTable, ID: move.ID, Field: "stage_now", Expected: current, Actual: want})
		}
	}
	return conflictError(r.conflicts)
}

// conflictError returns the error for rows that have changed since, nil without any.
func conflictError(conflicts []Conflict) error {
	if conflicts == nil {
		return nil
	}
	err := models.NewError(models.Conflict, "activity.changed", models.Params{"count": len(conflicts)}).WithRemedy("activity.changed_remedy", nil)
	err.Data = conflicts
	return err
}

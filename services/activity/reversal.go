package activity

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo/activities"
	"lifecycle-sync/services/outbox"
)

// reversal undoes the changes of rows in one transaction.
type reversal struct {
	tx        *lifecycle.Tx
	tables    []*models.Table
	products  map[int64]models.ActivityChange // the changes of products themselves, by id
	records   map[int64]bool                  // the ids of the changed stage history records
	before    map[int64]productState          // of the products, before the reversal
	conflicts []Conflict
}

// productState is the stage of a product, the stage history record that decides it, nil for none, and when the product was created.
type productState struct {
	stage, created models.JSON
	newest         *models.StageHistory
}

func newReversal(tx *lifecycle.Tx, tables []*models.Table, changes []models.ActivityChange) *reversal {
	r := &reversal{tx: tx, tables: tables, products: map[int64]models.ActivityChange{}, records: map[int64]bool{}}
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

// reverse checks that rows are as changes left them and writes what was before. undone is the activity of the changes, nil if they
// were made directly in lifecycle_db.
func (s *Service) reverse(ctx context.Context, tx *lifecycle.Tx, undone *models.Activity, changes []models.ActivityChange) (c outbox.Change, err error) {
	r := newReversal(tx, s.tables, changes)
	if r.before, err = r.readStates(ctx, productsOf(changes), tx.LockProducts); err != nil {
		return c, err
	}
	r.checkMoves(changes)
	r.checkProducts(changes)
	if err := r.check(ctx, changes); err != nil {
		return c, err
	}
	if err := r.write(ctx, changes); err != nil {
		return c, err
	}
	if err := s.checkStages(ctx, r, undone, productsOf(changes)); err != nil {
		return c, err
	}
	return reversalOf(changes[0]), nil
}

// changesOf returns those of changes that are of a table.
func changesOf(t *models.Table, changes []models.ActivityChange) (found []models.ActivityChange) {
	for _, c := range changes {
		if c.Table == t.Name {
			found = append(found, c)
		}
	}
	return found
}

// reversalOf describes what the reversal of a change wrote.
func reversalOf(change models.ActivityChange) outbox.Change {
	c := outbox.Change{Table: models.TableByName(change.Table).Source, RowID: change.RowID, Action: lifecycle.Updated}
	switch {
	case change.Before == nil:
		c.Action = lifecycle.Deleted
	case change.After == nil:
		c.Action = lifecycle.Restored
	}
	return c
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
	for _, t := range r.tables {
		changed := changesOf(t, changes)
		if changed == nil {
			continue
		}
		ids := make([]int64, len(changed))
		for i, c := range changed {
			ids[i] = c.RowID
		}
		rows, err := r.tx.LockRows(ctx, t, ids)
		if err != nil {
			return err
		}
		for _, c := range changed {
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
func (r *reversal) checkMoves(changes []models.ActivityChange) {
	for _, c := range changes {
		if isProduct(c) || c.Before != nil || c.ProductID == nil {
			continue
		}
		moved := r.products[*c.ProductID].Before != nil
		if later := r.before[*c.ProductID].newest; moved && (later == nil || later.ID != c.RowID) {
			conflict := Conflict{Table: lifecycle.HistoryTable, ID: c.RowID}
			if later != nil {
				conflict.ID = later.ID
			}
			r.conflicts = append(r.conflicts, conflict)
		}
	}
}

// checkProducts finds stage history records whose product is another one, which has got the same id.
func (r *reversal) checkProducts(changes []models.ActivityChange) {
	for _, c := range changes {
		if c.ProductCreatedAt == nil || c.ProductID == nil {
			continue
		}
		product, exists := r.before[*c.ProductID]
		if _, own := r.products[*c.ProductID]; exists && !own && !bytes.Equal(product.created, c.ProductCreatedAt) {
			r.conflicts = append(r.conflicts, Conflict{Table: lifecycle.ProductTable, ID: *c.ProductID, Field: "created_at", Expected: c.ProductCreatedAt, Actual: product.created})
		}
	}
}

// compare compares a row with how a change left it: the changed fields, without updated_at. A row with another created_at is another
// one, which has got the same id.
func (r *reversal) compare(t *models.Table, c models.ActivityChange, row models.Row, exists bool) error {
	switch {
	case c.After == nil && exists:
		r.conflicts = append(r.conflicts, Conflict{Table: t.Source, ID: c.RowID, Actual: t.Object(row)})
	case c.After != nil && !exists:
		r.conflicts = append(r.conflicts, Conflict{Table: t.Source, ID: c.RowID, Expected: c.After})
	case c.After != nil:
		if created := t.Field(row, "created_at"); c.RowCreatedAt != nil && !bytes.Equal(created, c.RowCreatedAt) {
			r.conflicts = append(r.conflicts, Conflict{Table: t.Source, ID: c.RowID, Field: "created_at", Expected: c.RowCreatedAt, Actual: created})
			return nil
		}
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

// checkCreated finds stage history records that were added to created products since: deleting the products would delete them.
func (r *reversal) checkCreated(ctx context.Context, changes []models.ActivityChange) error {
	created := insertedProducts(changes)
	if created == nil {
		return nil
	}
	records, err := r.tx.RecordsOf(ctx, created)
	for _, id := range records {
		if !r.records[id] {
			r.conflicts = append(r.conflicts, Conflict{Table: lifecycle.HistoryTable, ID: id})
		}
	}
	return err
}

// write writes what was before changes: it removes rows, children first, and then updates and inserts rows, parents first. Errors:
// conflict if a row refers to one that does not exist; those of Tx.
func (r *reversal) write(ctx context.Context, changes []models.ActivityChange) error {
	for _, t := range slices.Backward(r.tables) {
		var ids []int64
		for _, c := range changesOf(t, changes) {
			if c.Before == nil {
				ids = append(ids, c.RowID)
			}
		}
		if ids == nil {
			continue
		}
		if err := r.tx.Remove(ctx, t, ids); err != nil {
			return err
		}
	}
	for _, t := range r.tables {
		groups, err := rewritesOf(t, changes)
		if err != nil {
			return err
		}
		for _, w := range groups {
			if err := r.checkReferences(ctx, t, w.rows); err != nil {
				return err
			}
			write := r.tx.SetColumns
			if w.deleted {
				write = r.tx.Insert
			}
			if err := write(ctx, t, w.rows, w.columns); err != nil {
				return err
			}
		}
	}
	return nil
}

// rewrite is rows with the same columns to write.
type rewrite struct {
	rows    []models.Row
	columns []int
	deleted bool // the rows do not exist
}

// rewritesOf groups the previous rows of a table by what to write, those to insert last. Errors: conflict if a value was not kept
// exactly.
func rewritesOf(t *models.Table, changes []models.ActivityChange) (groups []*rewrite, err error) {
	known := map[string]*rewrite{}
	for _, c := range changesOf(t, changes) {
		if c.Before == nil {
			continue
		}
		row, columns, err := t.RowOf(c.RowID, c.Before)
		if err != nil {
			return nil, models.NewError(models.Conflict, "activity.unreadable", models.Params{"table": t.Source, "id": c.RowID}).
				WithRemedy("activity.unreadable_remedy", nil).WithCause(err)
		}
		w := &rewrite{columns: columns, deleted: c.After == nil}
		key := fmt.Sprint(w.deleted, columns)
		if known[key] == nil {
			known[key] = w
			groups = append(groups, w)
		}
		known[key].rows = append(known[key].rows, row)
	}
	slices.SortStableFunc(groups, func(a, b *rewrite) int {
		switch {
		case a.deleted == b.deleted:
			return 0
		case a.deleted:
			return 1
		default:
			return -1
		}
	})
	return groups, nil
}

// checkReferences checks that the rows to which others refer exist. Errors: conflict; those of Tx.
func (r *reversal) checkReferences(ctx context.Context, t *models.Table, rows []models.Row) error {
	for i, column := range t.Columns {
		if column.References == "" {
			continue
		}
		exist, err := r.existing(ctx, column.References, idsIn(rows, i))
		if err != nil {
			return err
		}
		for _, row := range rows {
			if cell := string(row.Cells[i]); row.Cells[i] != nil && !exist[cell] {
				return models.NewError(models.Conflict, "activity.reference_gone",
					models.Params{"table": t.Source, "id": row.ID, "field": column.Name, "value": cell}).
					WithRemedy("activity.reference_gone_remedy", nil)
			}
		}
	}
	return nil
}

// idsIn returns the ids in a column of rows. A cell that is no number refers to nothing.
func idsIn(rows []models.Row, column int) (ids []int64) {
	for _, row := range rows {
		if id, err := strconv.ParseInt(string(row.Cells[column]), 10, 64); err == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// existing returns which of some rows exist, by their ids as text. Errors: those of Tx.
func (r *reversal) existing(ctx context.Context, table string, ids []int64) (map[string]bool, error) {
	exist := map[string]bool{}
	if len(ids) == 0 {
		return exist, nil
	}
	found, err := r.tx.Existing(ctx, table, ids)
	for _, id := range found {
		exist[strconv.FormatInt(id, 10)] = true
	}
	return exist, err
}

// readStates reads the states of products.
func (r *reversal) readStates(
	ctx context.Context, products []int64, read func(ctx context.Context, ids []int64) ([]models.Row, error),
) (map[int64]productState, error) {
	rows, err := read(ctx, products)
	if err != nil {
		return nil, err
	}
	newest, err := r.tx.NewestMoves(ctx, products)
	states := make(map[int64]productState, len(rows))
	t := models.TableNamed(lifecycle.ProductTable)
	for _, row := range rows {
		states[row.ID] = productState{t.Field(row, "id_stage"), t.Field(row, "created_at"), newest[row.ID]}
	}
	return states, err
}

// checkStages checks that each product is in the stage of its newest stage history record. One that was in another stage before may
// return to that, unless its stage history has been changed since. Errors: conflict; those of readStates.
func (s *Service) checkStages(ctx context.Context, r *reversal, undone *models.Activity, products []int64) error {
	after, err := r.readStates(ctx, products, r.tx.ProductRows)
	if err != nil {
		return err
	}
	differ := map[int64]Conflict{}
	for id, now := range after {
		was, existed := r.before[id]
		if now.newest == nil || existed && was.newest != nil && was.newest.ID == now.newest.ID && bytes.Equal(was.stage, now.stage) {
			continue
		}
		if want := models.JSON(strconv.FormatInt(*now.newest.StageID, 10)); !bytes.Equal(now.stage, want) {
			differ[id] = Conflict{Table: lifecycle.HistoryTable, ID: now.newest.ID, Field: "stage_now", Expected: now.stage, Actual: want}
		}
	}
	ids := slices.Sorted(maps.Keys(differ))
	var moved []int64
	if undone != nil && len(ids) > 0 {
		if moved, err = activities.New(s.store.Session).HistoryChangedSince(ctx, undone.ID, ids); err != nil {
			return err
		}
	}
	for _, id := range ids {
		if _, own := r.products[id]; !own || slices.Contains(moved, id) {
			r.conflicts = append(r.conflicts, differ[id])
			continue
		}
		mirrored, err := s.store.NewestMove(ctx, id, models.LatestMove(r.tx.Now), slices.Collect(maps.Keys(r.records)))
		if err != nil {
			return err
		}
		if newest := after[id].newest.ID; mirrored != newest && !r.records[newest] { // changed directly, and not mirrored yet
			r.conflicts = append(r.conflicts, differ[id])
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

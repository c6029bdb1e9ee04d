package activity

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"slices"
	"strconv"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
)

// Conflict is a row that is no longer as the activity left it. Field is "" if the row as a whole has appeared or disappeared.
type Conflict struct {
	Table    string      `json:"table"`
	ID       int64       `json:"id"`
	Field    string      `json:"field,omitempty"`
	Expected models.JSON `json:"expected"`
	Actual   models.JSON `json:"actual"`
}

// Undone is the stored result of an undo. Activity is that of an undo that changed only files.
type Undone struct {
	Undoes   int64 `json:"undoes"`
	Activity int64 `json:"activity,omitempty"`
}

// Undo writes the values before an activity back, if its rows are still as it left them: all or nothing. The undo is an activity,
// which can be undone. Errors: not found; conflict, with a list of Conflict as its data if rows have changed since; forbidden if it
// would delete a restored product and the caller is no Admin; those of outbox.Writer.Write.
func (s *Service) Undo(ctx context.Context, id int64, role models.Role, r outbox.Request) (outbox.Result, error) {
	undone, changes, err := s.undoable(ctx, id, role)
	if err != nil {
		return outbox.Result{}, err
	}
	rows := slices.DeleteFunc(slices.Clone(changes), func(c models.ActivityChange) bool { return c.Table == models.AttachmentTable })
	files := slices.DeleteFunc(slices.Clone(changes), func(c models.ActivityChange) bool { return c.Table != models.AttachmentTable })
	if len(rows) == 0 {
		return s.undoFiles(ctx, undone, files, r)
	}
	r.Large = true
	return s.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		if err := s.checkEffect(ctx, s.store.Session, undone.ID); err != nil {
			return outbox.Change{}, err
		}
		if err := s.checkFiles(ctx, s.store.Session, files); err != nil {
			return outbox.Change{}, err
		}
		c, err := s.reverse(ctx, tx, rows)
		c.Undoes, c.As, c.Data = &undone, models.UndoAction, Undone{Undoes: undone.ID}
		return c, err
	})
}

// Restore brings back a row that was deleted directly in lifecycle_db, under its old id, from an entry of the change log. The stage
// history that was deleted with a product returns with it. Errors: not found; conflict if the entry is no deletion, the id is in
// use, or a referenced row does not exist; those of outbox.Writer.Write.
func (s *Service) Restore(ctx context.Context, change int64, r outbox.Request) (outbox.Result, error) {
	recorded := activities.New(s.store.Session)
	entry, err := recorded.LoggedChange(ctx, change)
	if err != nil {
		return outbox.Result{}, err
	}
	if entry == nil {
		return outbox.Result{}, models.NewError(models.NotFound, "activity.change_not_found", models.Params{"id": change})
	}
	if entry.Action != string(mirror.Delete) {
		return outbox.Result{}, models.NewError(models.Conflict, "activity.not_deleted", models.Params{"id": change})
	}
	deleted := []models.LoggedChange{*entry}
	if entry.Table == models.TableNamed(lifecycle.ProductTable).Name {
		records, err := recorded.DeletedWith(ctx, *entry)
		if err != nil {
			return outbox.Result{}, err
		}
		deleted = append(records, deleted...) // reversed: the product first
	}
	rows := make([]models.ActivityChange, len(deleted))
	for i, d := range deleted {
		rows[i] = models.ActivityChange{Table: d.Table, RowID: d.RowID, ProductID: d.ProductID, Before: d.Before}
	}
	return s.writer.Write(ctx, r, func(ctx context.Context, tx *lifecycle.Tx) (outbox.Change, error) {
		c, err := s.reverse(ctx, tx, rows)
		c.As, c.Data = models.RestoreAction, Undone{}
		return c, err
	})
}

// undoable reads an activity with all its changes and checks whether the role may undo it. Errors: as Undo.
func (s *Service) undoable(ctx context.Context, id int64, role models.Role) (a models.Activity, changes []models.ActivityChange, err error) {
	_, err = s.store.View(ctx, func(v *pmo.Session) error {
		if a, err = existing(ctx, activities.New(v), id); err != nil {
			return err
		}
		changes, err = activities.New(v).Changes(ctx, a, 0, math.MaxInt)
		return err
	})
	switch {
	case err != nil:
		return a, nil, err
	case a.Action == models.SyncAction:
		return a, nil, models.NewError(models.Conflict, "activity.of_run", models.Params{"run": *a.RunID}).WithRemedy("activity.of_run_remedy", models.Params{"run": *a.RunID})
	case len(changes) == 0:
		return a, nil, models.NewError(models.Conflict, "activity.nothing_to_undo", nil)
	case role < models.Admin && deletesRestored(a, changes):
		return a, nil, models.NewError(models.Forbidden, "http.forbidden",
			models.Params{"required": models.NewText("http.only_admin", nil), "actual": models.NewText("http.role_"+role.String(), nil)})
	default:
		return a, changes, nil
	}
}

// checkEffect checks that an activity has not been undone. Part of the write, because a repeated request gets its first response.
// Errors: not found; conflict; those of existing.
func (s *Service) checkEffect(ctx context.Context, in *pmo.Session, id int64) error {
	a, err := existing(ctx, activities.New(in), id)
	if err == nil && a.UndoneBy != nil {
		err = models.NewError(models.Conflict, "activity.undone", models.Params{"by": *a.UndoneBy}).WithRemedy("activity.undone_remedy", nil)
	}
	return err
}

// deletesRestored reports whether undoing an activity would delete a product that an undo or a restore had brought back.
func deletesRestored(a models.Activity, changes []models.ActivityChange) bool {
	if a.Action != models.UndoAction && a.Action != models.RestoreAction {
		return false
	}
	return slices.ContainsFunc(changes, func(c models.ActivityChange) bool {
		return c.Table == models.TableNamed(lifecycle.ProductTable).Name && c.Before == nil
	})
}

// undoFiles undoes an activity that changed only files, which are not in lifecycle_db.
func (s *Service) undoFiles(ctx context.Context, undone models.Activity, files []models.ActivityChange, r outbox.Request) (outbox.Result, error) {
	result, err := s.writer.WriteMirror(ctx, r, func(ctx context.Context, tx *pmo.Session) (any, error) {
		if err := s.checkEffect(ctx, tx, undone.ID); err != nil {
			return nil, err
		}
		if err := s.checkFiles(ctx, tx, files); err != nil {
			return nil, err
		}
		author := models.AuthorOf(ctx)
		undo := models.Activity{Actor: author.Actor, Channel: models.UndoChannel, Action: models.UndoAction, Undoes: &undone.ID}
		reversed, err := activities.New(tx).FileChanges(ctx, undone)
		if err == nil {
			err = activities.New(tx).Add(ctx, &undo, reversed)
		}
		if err == nil {
			_, err = activities.New(tx).CompleteUndo(ctx, undo)
		}
		return Undone{Undoes: undone.ID, Activity: undo.ID}, err
	})
	if err != nil {
		return result, err
	}
	var stored Undone // also by the first one of repeated requests
	err = json.Unmarshal(result.Data, &stored)
	result.ActivityID = stored.Activity
	return result, err
}

// checkFiles checks that files are as an activity left them. Errors: conflict.
func (s *Service) checkFiles(ctx context.Context, in *pmo.Session, files []models.ActivityChange) error {
	var conflicts []Conflict
	for _, f := range files {
		visible, known, err := attachmentsdb.New(in).Visible(ctx, f.RowID)
		switch {
		case err != nil:
			return err
		case !known, visible != (f.After != nil):
			conflicts = append(conflicts, Conflict{Table: f.Table, ID: f.RowID, Expected: f.After, Actual: nil})
		}
	}
	return conflictError(conflicts)
}

// reversal undoes the changes of rows in one transaction.
type reversal struct {
	tx        *lifecycle.Tx
	conflicts []Conflict
}

// reverse checks that rows are as changes left them and writes what was before, in the opposite order.
func (s *Service) reverse(ctx context.Context, tx *lifecycle.Tx, changes []models.ActivityChange) (c outbox.Change, err error) {
	r := reversal{tx: tx}
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
	return c, r.checkStages(ctx, slices.DeleteFunc(products, func(id int64) bool { return changesProduct(changes, id) }), newest)
}

// changesProduct reports whether changes include the row of a product itself: it then returns to its stage before the activity.
func changesProduct(changes []models.ActivityChange, id int64) bool {
	return slices.ContainsFunc(changes, func(c models.ActivityChange) bool {
		return c.Table == models.TableNamed(lifecycle.ProductTable).Name && c.RowID == id
	})
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
	products := models.TableNamed(lifecycle.ProductTable).Name
	for _, c := range changes {
		if c.Table == products || c.Before != nil || c.ProductID == nil {
			continue
		}
		moved := slices.ContainsFunc(changes, func(p models.ActivityChange) bool {
			return p.Table == products && p.RowID == *c.ProductID && p.Before != nil
		})
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
		if c.Table != models.TableNamed(lifecycle.ProductTable).Name || c.Before != nil {
			continue
		}
		records, err := r.tx.RecordsOf(ctx, c.RowID)
		if err != nil {
			return err
		}
		for _, id := range records {
			own := func(c models.ActivityChange) bool {
				return c.Table != models.TableNamed(lifecycle.ProductTable).Name && c.RowID == id
			}
			if !slices.ContainsFunc(changes, own) {
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
	var id int64
	if err := json.Unmarshal(cell, &id); err != nil {
		return false, nil //nolint:nilerr // it refers to nothing
	}
	exists, err := r.tx.HasRow(ctx, table, id)
	if e := models.AsError(err); e != nil && e.Class == models.Schema && models.TableNamed(table).Optional {
		return true, nil
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

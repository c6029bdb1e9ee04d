package runs

import (
	"context"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
)

// Journal tells of past runs and of what they left in quarantine. These are no part of the mirror, so
// nothing of it is kept in memory.
type Journal struct {
	store  *pmo.Store
	tables []*models.Table
}

// NewJournal returns the runs in a store.
func NewJournal(store *pmo.Store, tables []*models.Table) *Journal { return &Journal{store, tables} }

// SourceName is what lifecycle_db calls a table. One that is no longer mirrored keeps its name.
func (r *Journal) SourceName(table string) string {
	for _, t := range r.tables {
		if t.Name == table {
			return t.Source
		}
	}
	return table
}

// List returns a page of the runs, newest first, without those of API writes. Errors: connection,
// timeout, schema.
func (r *Journal) List(ctx context.Context, p models.Paging) (runs []models.Run, pagination models.Pagination, err error) {
	return page(ctx, r.store, p, (*journal.Journal).Runs)
}

// ListedRun is a run with how many rows it has written, or as a comparison would have; nil when that is not known.
type ListedRun struct {
	models.Run

	Written *int64
}

// Counted returns a page of the runs as List does, with how many rows each has written. Errors: connection,
// timeout, schema.
func (r *Journal) Counted(ctx context.Context, p models.Paging) (listed []ListedRun, pagination models.Pagination, err error) {
	return page(ctx, r.store, p, func(v *journal.Journal, ctx context.Context, offset, limit int) ([]ListedRun, int64, error) {
		runs, total, err := v.Runs(ctx, offset, limit)
		if err != nil || len(runs) == 0 {
			return nil, total, err
		}
		ids := make([]int64, len(runs))
		for i, run := range runs {
			ids[i] = run.ID
		}
		written, err := v.RowsWritten(ctx, ids)
		if err != nil {
			return nil, 0, err
		}
		listed := make([]ListedRun, len(runs))
		for i, run := range runs {
			listed[i].Run = run
			if n, known := written[run.ID]; known {
				listed[i].Written = &n
			}
		}
		return listed, total, nil
	})
}

// Quarantine returns a page of the source rows that cannot stand in the mirror, in mirroring order and
// by id. Errors: connection, timeout, schema.
func (r *Journal) Quarantine(ctx context.Context, p models.Paging) (rows []models.Quarantined, pagination models.Pagination, err error) {
	return page(ctx, r.store, p, (*journal.Journal).QuarantinedRows)
}

// One returns a run of any mode, with what it did to each table. Errors: not_found, connection, timeout,
// schema.
func (r *Journal) One(ctx context.Context, id int64) (run models.Run, tables []models.TableCount, err error) {
	_, err = r.store.View(ctx, func(s *pmo.Session) error {
		v := journal.New(s)
		if run, err = existing(ctx, v, id); err != nil {
			return err
		}
		tables, err = v.RunTables(ctx, id)
		return err
	})
	return run, tables, err
}

// Changes returns a page of what a run overwrote or removed, and a dry run would. Errors: not_found,
// connection, timeout, schema.
func (r *Journal) Changes(ctx context.Context, id int64, p models.Paging) (changes []models.LoggedChange, pagination models.Pagination, err error) {
	return page(ctx, r.store, p, func(v *journal.Journal, ctx context.Context, offset, limit int) ([]models.LoggedChange, int64, error) {
		if _, err := existing(ctx, v, id); err != nil {
			return nil, 0, err
		}
		return v.RunChanges(ctx, id, offset, limit)
	})
}

// RowQuery asks for the changes of a row of a table, which lifecycle_db calls Table.
type RowQuery struct {
	models.Paging
	Table string
	ID    int64
}

// RowChanges returns a page of the changes that were made to what the query asks for, newest first, as far as
// they are kept. Errors: validation_failed for a table that is not mirrored, and without a row: to
// look for those of a whole table is to read the whole log; connection, timeout, schema.
func (r *Journal) RowChanges(ctx context.Context, q RowQuery) (changes []models.RowChange, pagination models.Pagination, err error) {
	known := make([]string, len(r.tables))
	for i, t := range r.tables {
		known[i] = t.Source
	}
	at := slices.Index(known, q.Table)
	if at < 0 {
		return nil, models.Pagination{}, models.NewInvalid(models.NewFieldError("table", "unknown", "request.one_of", models.Params{"choices": known}))
	}
	if q.ID == 0 {
		return nil, models.Pagination{}, models.NewInvalid(models.NewFieldError("id", "required", "request.required", nil))
	}
	return page(ctx, r.store, q.Paging, func(v *journal.Journal, ctx context.Context, offset, limit int) ([]models.RowChange, int64, error) {
		return v.RowChanges(ctx, r.tables[at].Name, q.ID, offset, limit)
	})
}

func existing(ctx context.Context, v *journal.Journal, id int64) (models.Run, error) {
	run, err := v.Run(ctx, id)
	if err == nil && run == nil {
		err = models.NewError(models.NotFound, "run.not_found", models.Params{"run": id})
	}
	if err != nil {
		return models.Run{}, err
	}
	return *run, nil
}

// page reads a page and how much there is in one state of pmo_db.
func page[T any](
	ctx context.Context, store *pmo.Store, p models.Paging, read func(v *journal.Journal, ctx context.Context, offset, limit int) ([]T, int64, error),
) (items []T, pagination models.Pagination, err error) {
	p = p.Bounded()
	var total int64
	_, err = store.View(ctx, func(s *pmo.Session) error {
		items, total, err = read(journal.New(s), ctx, p.Offset(), int(p.Limit))
		return err
	})
	return items, p.Of(total), err
}

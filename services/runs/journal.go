package runs

import (
	"context"
	"slices"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
)

// Journal lists past runs, their changes and the quarantine. It caches nothing. Errors of its methods: connection,
// timeout, schema, and those that they name.
type Journal struct {
	store  *pmo.Store
	tables []*models.Table
}

// NewJournal returns the journal of a store.
func NewJournal(store *pmo.Store, tables []*models.Table) *Journal { return &Journal{store, tables} }

// List returns a page of the runs, newest first, without those of API writes.
func (j *Journal) List(ctx context.Context, p models.Paging) (runs []models.Run, pagination models.Pagination, err error) {
	return page(ctx, j.store, p, (*journal.Journal).Runs)
}

// ListedRun is a run and the number of rows that it has written, or that a comparison would have; nil if unknown.
type ListedRun struct {
	models.Run

	Written *int64
}

// ListWithCounts returns a page of the runs as List does, with the rows that each has written.
func (j *Journal) ListWithCounts(ctx context.Context, p models.Paging) (listed []ListedRun, pagination models.Pagination, err error) {
	return page(ctx, j.store, p, func(r *journal.Journal, ctx context.Context, offset, limit int) ([]ListedRun, int64, error) {
		runs, total, err := r.Runs(ctx, offset, limit)
		if err != nil || len(runs) == 0 {
			return nil, total, err
		}
		ids := make([]int64, len(runs))
		for i, run := range runs {
			ids[i] = run.ID
		}
		written, err := r.RowsWritten(ctx, ids)
		listed := make([]ListedRun, len(runs))
		for i, run := range runs {
			listed[i].Run = run
			if n, known := written[run.ID]; known {
				listed[i].Written = &n
			}
		}
		return listed, total, err
	})
}

// Quarantine returns a page of the quarantined rows, in mirroring order and by id.
func (j *Journal) Quarantine(ctx context.Context, p models.Paging) (rows []models.Quarantined, pagination models.Pagination, err error) {
	return page(ctx, j.store, p, (*journal.Journal).QuarantinedRows)
}

// Get returns a run of any mode, with what it did to each table. Errors: not_found.
func (j *Journal) Get(ctx context.Context, id int64) (run models.Run, tables []models.TableCount, err error) {
	_, err = j.store.View(ctx, func(s *pmo.Session) error {
		if run, err = existing(ctx, journal.New(s), id); err != nil {
			return err
		}
		tables, err = journal.New(s).RunTables(ctx, id)
		return err
	})
	return run, tables, err
}

// Changes returns a page of what a run overwrote or removed, or a dry run would. Errors: not_found.
func (j *Journal) Changes(ctx context.Context, id int64, p models.Paging) (changes []models.LoggedChange, pagination models.Pagination, err error) {
	return page(ctx, j.store, p, func(r *journal.Journal, ctx context.Context, offset, limit int) ([]models.LoggedChange, int64, error) {
		if _, err := existing(ctx, r, id); err != nil {
			return nil, 0, err
		}
		return r.RunChanges(ctx, id, offset, limit)
	})
}

// RowQuery asks for the changes of one row.
type RowQuery struct {
	models.Paging
	Table string // in lifecycle_db
	ID    int64
}

// RowChanges returns a page of the changes of a row that are kept, newest first. Errors: validation_failed for a table
// that is not mirrored, and without an id, because that would read the whole log.
func (j *Journal) RowChanges(ctx context.Context, q RowQuery) (changes []models.RowChange, pagination models.Pagination, err error) {
	tables := make([]string, len(j.tables))
	for i, t := range j.tables {
		tables[i] = t.Source
	}
	i := slices.Index(tables, q.Table)
	if i < 0 {
		return nil, models.Pagination{}, models.NewInvalid(models.NewFieldError("table", "unknown", "request.one_of", models.Params{"choices": tables}))
	}
	if q.ID == 0 {
		return nil, models.Pagination{}, models.NewInvalid(models.NewFieldError("id", "required", "request.required", nil))
	}
	return page(ctx, j.store, q.Paging, func(r *journal.Journal, ctx context.Context, offset, limit int) ([]models.RowChange, int64, error) {
		return r.RowChanges(ctx, j.tables[i].Name, q.ID, offset, limit)
	})
}

// existing returns a run. Errors: not_found, connection, timeout, schema.
func existing(ctx context.Context, r *journal.Journal, id int64) (models.Run, error) {
	run, err := r.Run(ctx, id)
	if err == nil && run == nil {
		err = models.NewError(models.NotFound, "run.not_found", models.Params{"run": id})
	}
	if err != nil {
		return models.Run{}, err
	}
	return *run, nil
}

// page reads a page and the total from one state of pmo_db.
func page[T any](
	ctx context.Context, store *pmo.Store, p models.Paging, read func(r *journal.Journal, ctx context.Context, offset, limit int) ([]T, int64, error),
) (items []T, pagination models.Pagination, err error) {
	p = p.Bounded()
	var total int64
	_, err = store.View(ctx, func(s *pmo.Session) error {
		items, total, err = read(journal.New(s), ctx, p.Offset(), int(p.Limit))
		return err
	})
	return items, p.Of(total), err
}

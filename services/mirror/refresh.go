package mirror

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/failpoint"
)

// ChangedRows lists rows of the source by table (tbl_produk) that were just changed.
type ChangedRows map[string][]int64

// Refresh is Diff + Apply of the given rows and of those they refer to: it mirrors at once what an API write has
// committed in lifecycle_db. deleted is the number of rows that the write deleted. Exactly that number may be deleted; otherwise the
// mass-delete guard decides. The snapshot is taken under the writer's lock, so no run with an older one can follow.
// It returns the mirror's new version. Errors: busy when a run holds the lock for more than 2 s, or before the first
// run; those of Sync. Nothing has then changed, and the next run mirrors the rows.
func (e *Engine) Refresh(ctx context.Context, changed ChangedRows, deleted int64) (version int64, err error) {
	tx, err := e.mirror.BeginRefresh(ctx, e.now())
	if err != nil {
		return 0, err
	}
	defer tx.Close()
	if succeeded, err := e.journal.HasSucceeded(ctx); err != nil {
		return 0, err
	} else if !succeeded {
		return 0, neverSynced()
	}
	snap, _, err := e.snapshot(ctx, tx)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	scope, err := withParents(ctx, snap, changed)
	if err != nil {
		return 0, err
	}
	d := &differ{snap: snap, scope: scope, progress: Silent{}}
	if err := e.diffAndApply(ctx, tx, d, func() error { return guardRefresh(ctx, d, deleted) }); err != nil {
		return 0, err
	}
	failpoint.Reach("mid-refresh")
	if err := tx.Finish(ctx, d.counts(), d.changed, e.now()); err != nil {
		return 0, err
	}
	return tx.Version, nil
}

func neverSynced() error {
	return models.NewError(models.Busy, "mirror.never_synced", nil).WithRemedy("mirror.never_synced_remedy", nil)
}

// withParents adds to the changed rows those they refer to in the source, so that no reference into the mirror
// dangles, and turns all into ranges.
func withParents(ctx context.Context, snap *lifecycle.Snapshot, changed ChangedRows) (map[string][]database.Range, error) {
	ids := ChangedRows{}
	for table, rows := range changed {
		ids[table] = slices.Clone(rows)
	}
	scope := map[string][]database.Range{}
	for _, t := range slices.Backward(snap.Tables) { // children first: their parents have parents too
		for _, id := range ids[t.Source] {
			scope[t.Source] = append(scope[t.Source], database.Range{Lo: id, Hi: id})
		}
		scope[t.Source] = database.Union(scope[t.Source])
		if len(scope[t.Source]) == 0 {
			continue
		}
		for row, err := range snap.Rows(ctx, t, scope[t.Source], nil) {
			if err != nil {
				return nil, err
			}
			for table, id := range parents(t, row.Row) {
				ids[table] = append(ids[table], id)
			}
		}
	}
	return scope, nil
}

// parents yields the source table and id of every row that a row refers to. A reference that is no number does not
// fit, and refers to nothing.
func parents(t *models.Table, row models.Row) func(yield func(string, int64) bool) {
	return func(yield func(string, int64) bool) {
		for i, c := range t.Columns {
			if c.References == "" || row.Cells == nil || row.Cells[i] == nil {
				continue
			}
			if id, err := strconv.ParseInt(string(row.Cells[i]), 10, 64); err == nil && !yield(c.References, id) {
				return
			}
		}
	}
}

// A refresh may take refreshTimeout, and timePerRow for each changed row. A write waits as long for its own.
const refreshTimeout, timePerRow = 8 * time.Second, 4 * time.Millisecond

// timeout returns the limit for mirroring the changed rows.
func (c ChangedRows) timeout() time.Duration {
	limit := refreshTimeout
	for _, ids := range c {
		limit += time.Duration(len(ids)) * timePerRow
	}
	return limit
}

// Refresher mirrors what API writes have changed, one batch at a time: writes that commit during one refresh share
// the next. It is safe for concurrent use.
type Refresher struct {
	engine     *Engine
	refreshing sync.Mutex

	mu   sync.Mutex
	next *refreshBatch // collects writes while another batch is being refreshed
}

// refreshBatch collects the changes of several writes. refresh does its work once and then returns the same result.
type refreshBatch struct {
	changed ChangedRows
	deleted int64
	refresh func() (version int64, err error)
}

// NewRefresher returns the refresher of an engine.
func NewRefresher(engine *Engine) *Refresher { return &Refresher{engine: engine} }

// Refresh returns when the changed rows are mirrored, with the mirror's new version. Errors: those of Engine.Refresh;
// busy after a timeout, in which case the rows may still be mirrored a moment later.
func (r *Refresher) Refresh(ctx context.Context, changed ChangedRows, deleted int64) (version int64, err error) {
	type result struct {
		version int64
		err     error
	}
	batch, done := r.enqueue(changed, deleted), make(chan result, 1)
	go func() {
		version, err := batch.refresh()
		done <- result{version, err}
	}()
	timeout := changed.timeout()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	select {
	case refreshed := <-done:
		return refreshed.version, refreshed.err
	case <-ctx.Done():
		return 0, models.NewError(models.Busy, "mirror.refresh_timeout", models.Params{"timeout": timeout}).
			WithRemedy("mirror.refresh_timeout_remedy", nil)
	}
}

// enqueue adds rows to the next batch.
func (r *Refresher) enqueue(changed ChangedRows, deleted int64) *refreshBatch {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		batch := &refreshBatch{changed: ChangedRows{}}
		batch.refresh = sync.OnceValues(func() (int64, error) { return r.refresh(batch) })
		r.next = batch
	}
	for table, ids := range changed {
		r.next.changed[table] = append(r.next.changed[table], ids...)
	}
	r.next.deleted += deleted
	return r.next
}

// refresh refreshes a batch once the one before is done. From then on, other writes go into a new batch.
func (r *Refresher) refresh(batch *refreshBatch) (version int64, err error) {
	r.refreshing.Lock()
	defer r.refreshing.Unlock()
	r.mu.Lock()
	r.next = nil
	r.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), batch.changed.timeout())
	defer cancel()
	return r.engine.Refresh(ctx, batch.changed, batch.deleted)
}

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
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/services/failpoint"
)

// ChangedRows lists rows of the source by table (tbl_produk) that somebody has just changed.
type ChangedRows map[string][]int64

// Refresh is Diff + Apply of the given rows, and of those that they refer to: what an API write has
// committed in lifecycle_db comes to the mirror at once. deleted is how many of the rows the write
// deleted: so many may leave; should others leave with them, the guard decides. The snapshot is taken
// under the writer's lock, so no run with an older one can follow. It returns the mirror's new version.
// Errors: busy when a run holds the lock for more than 2 s, or when there has never been a run; those
// of Sync. Nothing has then changed, and the next run brings the rows.
func (e *Engine) Refresh(ctx context.Context, changed ChangedRows, deleted int64) (version int64, err error) {
	tx, err := e.store.BeginRefresh(ctx, e.now())
	if err != nil {
		return 0, err
	}
	defer tx.Close()
	if succeeded, err := e.store.HasSucceeded(ctx); err != nil {
		return 0, err
	} else if !succeeded {
		return 0, &models.Error{Class: models.Busy, LegacyMessage: "the mirror has never been synchronised", LegacyRemedy: "The first run brings everything."}
	}
	snap, err := e.snapshot(ctx, tx)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	if _, err := tx.Preflight(ctx, snap.Infos, snap.Tables); err != nil {
		return 0, err
	}
	agree(snap, tx.Mirror)
	only, err := withParents(ctx, snap, changed)
	if err != nil {
		return 0, err
	}
	counts, err := e.refresh(ctx, tx, snap, only, nil, func(d *differ) error { return guardRefresh(ctx, d, deleted) })
	if err != nil {
		return 0, err
	}
	if err := tx.Finish(ctx, counts, e.now()); err != nil {
		return 0, err
	}
	return tx.Version, nil
}

// refresh is Diff + Apply of some rows. note, if there is one, is told every change, and judge decides whether
// all of them may be made.
func (e *Engine) refresh(
	ctx context.Context, tx *pmo.Tx, snap *lifecycle.Snapshot, only map[string][]database.Range, note func(Change), judge func(*differ) error,
) ([]models.TableCount, error) {
	before, err := e.store.Read(ctx)
	if err != nil {
		return nil, err
	}
	defer before.Close()
	before.Probe = tx.Probe
	agree(snap, before)
	d := newDiffer(snap, before, nil, Silent{})
	d.only, d.noted = only, note
	for _, t := range snap.Tables {
		if err := e.applyTable(ctx, tx, d, t); err != nil {
			return nil, err
		}
	}
	if err := judge(d); err != nil {
		return nil, err
	}
	before.Close() // its locks would be in the way of the deletions
	for i, t := range slices.Backward(snap.Tables) {
		if err := tx.Delete(ctx, t, d.stats[i].leaving); err != nil {
			return nil, err
		}
	}
	failpoint.Reach("mid-refresh")
	return d.counts(), d.prove(ctx, tx)
}

// guardRefresh lets exactly the rows leave that were deleted on purpose; the guard of runs judges any
// other number.
func guardRefresh(ctx context.Context, d *differ, deleted int64) error {
	var leaving int64
	for _, s := range d.stats {
		leaving += int64(len(s.leaving))
	}
	if leaving == deleted {
		return nil
	}
	for _, s := range d.stats {
		if len(s.leaving) == 0 {
			continue
		}
		n, err := d.mirror.Count(ctx, s.table)
		if err != nil {
			return err
		}
		s.before = n
	}
	return guard(d, nil)
}

// withParents adds to the changed rows those that they refer to in the source, so that no reference
// into the mirror dangles, and makes ranges of all.
func withParents(ctx context.Context, snap *lifecycle.Snapshot, changed ChangedRows) (map[string][]database.Range, error) {
	ids := map[string]map[int64]bool{}
	add := func(table string, id int64) {
		if ids[table] == nil {
			ids[table] = map[int64]bool{}
		}
		ids[table][id] = true
	}
	for table, rows := range changed {
		for _, id := range rows {
			add(table, id)
		}
	}
	only := map[string][]database.Range{}
	for _, t := range slices.Backward(snap.Tables) { // children first: their parents have parents too
		only[t.Source] = rangesOf(ids[t.Source])
		if len(only[t.Source]) == 0 {
			continue
		}
		for row, err := range snap.Rows(ctx, t, only[t.Source], nil) {
			if err != nil {
				return nil, err
			}
			for i, c := range t.Columns {
				if c.References == "" || row.Cells[i] == nil {
					continue
				}
				if id, err := strconv.ParseInt(string(row.Cells[i]), 10, 64); err == nil { // else it does not fit, and refers to nothing
					add(c.References, id)
				}
			}
		}
	}
	return only, nil
}

func rangesOf(ids map[int64]bool) (ranges []database.Range) {
	for id := range ids {
		ranges = append(ranges, database.Range{Lo: id, Hi: id})
	}
	return database.Union(ranges)
}

// findOnly makes dirty what the Diff is limited to, the children of rows that leave, and those in
// quarantine that refer to a row that came or went: they fit now, or for another reason not.
func (d *differ) findOnly(ctx context.Context, s *tableStats) error {
	s.uncounted = true
	orphans, err := d.orphans(ctx, s.table)
	if err != nil {
		return err
	}
	waiting, err := d.referring(ctx, s.table, d.mirror.WaitingChildren, func(parent *tableStats) []int64 { return parent.moved })
	if err != nil {
		return err
	}
	ranges := slices.Clone(d.only[s.table.Source])
	for _, id := range slices.Concat(orphans, waiting) {
		ranges = append(ranges, database.Range{Lo: id, Hi: id})
	}
	s.dirty = database.Union(ranges)
	if !d.snap.Features().RowHashes || len(s.dirty) == 0 {
		return nil
	}
	s.expected, err = sum(d.snap.Buckets(ctx, s.table, s.dirty, wholeShift))
	return err
}

// followTime bounds one refresh, and how long a write waits for its own.
const followTime = 3 * time.Second

// Refresher brings what API writes have changed to the mirror, one batch at a time: writes that commit
// while one batch is on its way share the next. It is safe for concurrent use.
type Refresher struct {
	engine *Engine

	mu      sync.Mutex
	next    *batch // collects, while another is on its way
	working bool
}

// batch is what several writes have changed.
type batch struct {
	changed ChangedRows
	deleted int64
	done    chan struct{} // closed once version and err are known
	version int64
	err     error
}

// NewRefresher returns the refresher of an engine.
func NewRefresher(engine *Engine) *Refresher { return &Refresher{engine: engine} }

// Refresh returns once the changed rows are in the mirror, with its new version. Errors: as
// Engine.Refresh; busy when that takes too long, and the rows may then come a moment later.
func (r *Refresher) Refresh(ctx context.Context, changed ChangedRows, deleted int64) (version int64, err error) {
	mine := r.join(changed, deleted)
	ctx, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	select {
	case <-mine.done:
		return mine.version, mine.err
	case <-ctx.Done():
		return 0, &models.Error{Class: models.Busy, LegacyMessage: "the mirror is being written by others", LegacyRemedy: "The change comes to it later."}
	}
}

// join adds to the next batch, and sees to it that somebody brings it.
func (r *Refresher) join(changed ChangedRows, deleted int64) *batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = &batch{changed: ChangedRows{}, done: make(chan struct{})}
	}
	mine := r.next
	for table, ids := range changed {
		mine.changed[table] = append(mine.changed[table], ids...)
	}
	mine.deleted += deleted
	if !r.working {
		r.working = true
		go r.work()
	}
	return mine
}

// work brings batches until none is left.
func (r *Refresher) work() {
	for {
		r.mu.Lock()
		b := r.next
		r.next = nil
		if r.working = b != nil; !r.working {
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		ctx, cancel := context.WithTimeout(context.Background(), followTime)
		b.version, b.err = r.engine.Refresh(ctx, b.changed, b.deleted)
		cancel()
		close(b.done)
	}
}

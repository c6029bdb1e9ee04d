// Package outbox writes through: into lifecycle_db and from there to the mirror, once per idempotency key.
package outbox

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/repositories/pmo/journal"
	outboxdb "lifecycle-sync/repositories/pmo/outbox"
	"lifecycle-sync/services/failpoint"
	"lifecycle-sync/services/mirror"
)

// writeTimeout limits a write, once its request has been read: a request with files may take minutes.
const writeTimeout = 10 * time.Second

// largeWriteTimeout limits a write of up to thousands of rows. An import of 20,000 products takes up to 20 s on a small server.
const largeWriteTimeout = 90 * time.Second

// settleTimeout limits the work in pmo_db after a write has ended, independent of the request's deadline.
const settleTimeout = 8 * time.Second

// contents stores the contents of files. Delete accepts a missing key.
type contents interface {
	Delete(ctx context.Context, key string) error
}

// versionListener receives the mirror versions that this process has committed.
type versionListener interface{ Advance(version int64) }

// Writer writes to lifecycle_db, which owns every row, and refreshes the mirror at once. The two databases cannot commit
// together, so a write is first recorded as an outbox entry in pmo_db, with the activity of its author.
type Writer struct {
	source   *lifecycle.Source
	store    *pmo.Store
	mirror   *mirror.Refresher
	stale    *mirror.Refresher // of products that callers have seen in another state: their deletions are not those of writes
	cache    versionListener
	contents contents
	log      *slog.Logger
}

// NewWriter returns the writer.
func NewWriter(source *lifecycle.Source, store *pmo.Store, engine *mirror.Engine, cache versionListener, files contents, log *slog.Logger) *Writer {
	return &Writer{
		source: source, store: store, mirror: mirror.NewRefresher(engine), stale: mirror.NewRefresher(engine), cache: cache, contents: files, log: log,
	}
}

// records returns the outbox entries, outside of transactions.
func (w *Writer) records() *outboxdb.Outbox { return outboxdb.New(w.store.Session) }

// Request holds what a write may have in addition to its data.
type Request struct {
	Key         *Key            // nil without one
	Fingerprint string          // with a key
	Files       []models.Upload // files grouped by product, in the order of Change.Products; the writer deletes them on failure
	Large       bool            // it may write thousands of rows
}

// Change describes what a write did in lifecycle_db.
type Change struct {
	Table    string // of the row that was written
	RowID    int64
	Action   string                   // insert, update or delete
	Products []models.ProductIdentity // each gets an equal share of the request's files
	Data     any                      // of the answer
	Version  string
	Undoes   *models.Activity // what an undo reverses; nil for other writes
	As       string           // the action of the activity; "": derived from the changed rows

	// Claim takes what the write uses up in pmo_db, in the transaction that records the write. nil for nothing.
	Claim func(ctx context.Context, tx *pmo.Session, writeID string) error

	rows    mirror.ChangedRows // to mirror
	deleted int64              // how many of them were deleted
}

// Result is the outcome of a completed write.
type Result struct {
	Data           models.JSON
	Version        string // of the row, or ""
	RowID          int64
	Activity       Recorded      // its ID is 0 if nothing was changed
	MirrorUpToDate bool          // the mirror has the change; otherwise the next run copies it
	HeldBack       *models.Error // why the row is in quarantine after the write; nil if it is not
}

// Write runs change in one transaction of lifecycle_db and refreshes the mirror. If change refuses a row because the caller has another
// version of it, the mirror is refreshed, too: then the caller can read the current one. Errors: change's; conflict and busy of the
// key; forbidden if the account may not write; connection: nothing was written, unless the message says that the outcome is
// unknown.
func (w *Writer) Write(ctx context.Context, r Request, change func(ctx context.Context, tx *lifecycle.Tx) (Change, error)) (Result, error) {
	timeout := writeTimeout
	if r.Large {
		timeout = largeWriteTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	write, done, err := w.claim(ctx, r.Key, r.Fingerprint, timeout)
	if err != nil || done != nil {
		w.discard(ctx, r.Files)
		return w.replay(ctx, done), err
	}
	var recorded Recorded
	c, err := retryCollisions(ctx, func() (Change, error) {
		return w.inSource(ctx, &write, r, &recorded, change)
	}, func() bool { return write.Table == nil })
	if err != nil {
		if _, unknown := errors.AsType[lifecycle.UnknownOutcomeError](err); !unknown {
			w.giveUp(ctx, write, r)
		}
		if stale := models.AsError(err).Stale; stale != nil {
			w.RefreshProducts(ctx, stale...)
		}
		return Result{}, err
	}
	failpoint.Reach("after-source-commit")
	written := result(&write)
	written.Activity = recorded
	written.MirrorUpToDate = w.finish(ctx, write, c)
	if c.Action != lifecycle.Deleted && written.MirrorUpToDate {
		row, err := journal.New(w.store.Session).QuarantinedRow(ctx, models.TableNamed(c.Table).Name, c.RowID)
		if err == nil && row != nil { // an error is not one of the write, which has succeeded
			written.HeldBack = row.HeldBack()
		}
	}
	return written, nil
}

// A write that collides with another transaction in lifecycle_db is repeated, a few times and after increasing pauses.
const (
	maxCollisions         = 5
	firstPause, lastPause = 20 * time.Millisecond, 500 * time.Millisecond
)

// retryCollisions repeats a write after a deadlock or a serialization failure while it mayRepeat: until then it has left nothing.
// Errors: the write's.
func retryCollisions(ctx context.Context, write func() (Change, error), mayRepeat func() bool) (Change, error) {
	pauses := database.Backoff(firstPause, lastPause)
	for collisions := 1; ; collisions++ {
		c, err := write()
		if !database.IsCollision(err) || !mayRepeat() || collisions > maxCollisions {
			return c, err
		}
		pause, _ := pauses.Next()
		if !database.Pause(ctx, pause) {
			return c, err
		}
	}
}

// replay returns the stored result of a write, with its activity if pmo_db answers, but without the changes.
func (w *Writer) replay(ctx context.Context, done *models.Write) Result {
	written := result(done)
	if done != nil {
		if activity, err := activities.New(w.store.Session).OfWrite(ctx, done.ID); err == nil && activity != nil {
			written.Activity.Activity = *activity
		}
	}
	return written
}

// result returns the stored result of a write, without its activity.
func result(done *models.Write) Result {
	if done == nil {
		return Result{}
	}
	written := Result{Data: done.Body, MirrorUpToDate: true}
	if done.ETag != nil {
		written.Version = strings.Trim(*done.ETag, `"`) // earlier releases stored it quoted
	}
	if done.RowID != nil {
		written.RowID = *done.RowID
	}
	return written
}

// inSource makes a change in lifecycle_db and records it, before it commits, in pmo_db.
func (w *Writer) inSource(
	ctx context.Context, write *models.Write, r Request, recorded *Recorded, change func(ctx context.Context, tx *lifecycle.Tx) (Change, error),
) (c Change, err error) {
	err = w.source.InTx(ctx, func(tx *lifecycle.Tx) error {
		if c, err = change(ctx, tx); err != nil {
			return err
		}
		changes, err := tx.Changes(ctx)
		if err != nil {
			return err
		}
		c.rows, c.deleted = tx.Rows(), deletions(changes)
		if write.Body, err = json.Marshal(c.Data); err != nil {
			return err
		}
		write.SourceTransaction, write.ETag = tx.Transaction(c.Table, c.RowID, c.Action), &c.Version
		if err := w.store.InTx(ctx, func(p *pmo.Session) (err error) {
			*recorded, err = addEntry(ctx, p, *write, r, c, changes, tx.Now)
			return err
		}); err != nil {
			return err
		}
		failpoint.Reach("after-outbox-entry")
		return nil
	})
	return c, err
}

// Once calls do only once for requests with the same key and answers repeated ones with the first result. If the result
// could not be stored, because the process died or pmo_db was unavailable, do is called again. Errors: do's; conflict and
// busy of the key; connection.
func (w *Writer) Once(ctx context.Context, key *Key, fingerprint string, do func(ctx context.Context) (data any, err error)) (Result, error) {
	write, done, err := w.claim(ctx, key, fingerprint, largeWriteTimeout)
	if err != nil || done != nil {
		return w.replay(ctx, done), err
	}
	data, err := do(ctx)
	if err == nil {
		write.Body, err = json.Marshal(data)
	}
	if err != nil {
		w.giveUp(ctx, write, Request{Key: key})
		return Result{}, err
	}
	if key != nil {
		if err := w.records().Finish(context.WithoutCancel(ctx), write); err != nil { // the write itself succeeded
			w.log.Warn("idempotency result not stored", "error", err)
		}
	}
	return result(&write), nil
}

// MirrorChange describes what a write did in pmo_db.
type MirrorChange struct {
	RowID             int64
	Data              any // of the answer
	Products          models.ChangedProducts
	Uploaded, Removed []models.Attachment
	Undoes            *models.Activity // what an undo of files reverses; nil for other writes
}

// WriteMirror runs change in one transaction of pmo_db and stores the answer with it: for data that is not in lifecycle_db.
// After an error none of the request's files is left. Errors: change's; conflict and busy of the key; connection.
func (w *Writer) WriteMirror(ctx context.Context, r Request, change func(ctx context.Context, tx *pmo.Session) (MirrorChange, error)) (Result, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	write, done, err := w.claim(ctx, r.Key, r.Fingerprint, writeTimeout)
	if err != nil || done != nil {
		w.discard(ctx, r.Files)
		return w.replay(ctx, done), err
	}
	var version int64
	var recorded Recorded
	err = w.store.InTx(ctx, func(tx *pmo.Session) error {
		c, err := change(ctx, tx)
		if err == nil {
			recorded, err = recordMirror(ctx, tx, write.ID, &c)
		}
		if err == nil {
			write.RowID = &c.RowID
			write.Body, err = json.Marshal(c.Data)
		}
		if err == nil {
			err = outboxdb.New(tx).Finish(ctx, write)
		}
		if err == nil {
			version, err = tx.BumpVersion(ctx, c.Products)
		}
		return err
	})
	if err != nil {
		committed, known := w.attached(ctx, r.Files)
		if known && !committed {
			w.giveUp(ctx, write, r)
		}
		if !committed {
			return Result{}, err
		}
	}
	w.cache.Advance(version)
	written := result(&write)
	written.Activity = recorded
	return written, nil
}

// recordMirror records the activity of a write to files. An undo adds the products whose files it changes.
func recordMirror(ctx context.Context, tx *pmo.Session, writeID string, c *MirrorChange) (recorded Recorded, err error) {
	activity := models.Activity{Action: models.UploadAction, WriteID: &writeID}
	switch {
	case c.Undoes != nil:
		activity.Action = models.UndoAction
	case c.Removed != nil:
		activity.Action = models.DeleteFileAction
	}
	if recorded, err = record(ctx, tx, activity, c.Undoes, append(uploads(c.Uploaded), removals(c.Removed)...)); err != nil {
		return recorded, err
	}
	products, err := activities.New(tx).CompleteUndo(ctx, recorded.Activity)
	c.Products.Add(products...)
	return recorded, err
}

// attached reports whether files were attached although the commit was not acknowledged. If that is unknown, the files must
// stay: the sweep deletes orphans.
func (w *Writer) attached(ctx context.Context, files []models.Upload) (attached, known bool) {
	if len(files) == 0 {
		return false, true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	referenced, err := attachmentsdb.New(w.store.Session).Referenced(ctx, []string{files[0].Key})
	return len(referenced) == 1, err == nil
}

// addEntry records a write that is about to commit in lifecycle_db, and its activity unless it changed nothing.
func addEntry(
	ctx context.Context, p *pmo.Session, write models.Write, r Request, c Change, changes []models.ActivityChange, at time.Time,
) (recorded Recorded, err error) {
	if err := outboxdb.New(p).Prepare(ctx, write); err != nil {
		return recorded, err
	}
	if c.Claim != nil {
		if err := c.Claim(ctx, p, write.ID); err != nil {
			return recorded, err
		}
	}
	added, err := attachmentsdb.New(p).AddPending(ctx, write.ID, c.Products, r.Files)
	if err != nil {
		return recorded, err
	}
	activity := models.Activity{At: at, Action: c.As, Pending: true, WriteID: &write.ID, SourceXID: write.XID}
	return record(ctx, p, activity, c.Undoes, append(changes, uploads(added)...))
}

// finish refreshes the mirror after the commit in lifecycle_db and completes the write in pmo_db. It reports whether both succeeded;
// the cleanup and the next run retry what failed.
func (w *Writer) finish(ctx context.Context, write models.Write, c Change) bool {
	ctx = context.WithoutCancel(ctx)
	refreshed := w.refresh(ctx, w.mirror, c.rows, c.deleted)
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	if err := w.settle(ctx, write); err != nil {
		w.log.Warn("write not completed; cleanup will retry", "table", c.Table, "id", c.RowID, "error", err, "cause", models.AsError(err).Cause)
		return false
	}
	return refreshed
}

// refresh mirrors rows and reports whether that succeeded. The next run retries.
func (w *Writer) refresh(ctx context.Context, by *mirror.Refresher, rows mirror.ChangedRows, deleted int64) bool {
	version, err := by.Refresh(ctx, rows, deleted)
	if err != nil {
		w.log.Warn("mirror refresh failed; next run will update it", "products", len(rows[lifecycle.ProductTable]), "error", err, "cause", models.AsError(err).Cause)
		return false
	}
	w.cache.Advance(version)
	return true
}

// RefreshProducts mirrors products that others have changed in lifecycle_db, with their stage history, unless the mirror cannot be
// written now.
func (w *Writer) RefreshProducts(ctx context.Context, products ...int64) {
	ctx = context.WithoutCancel(ctx)
	records, err := w.source.RecordsOf(ctx, products)
	mirrored, mirroredErr := w.store.RecordsOf(ctx, products)
	if err := cmp.Or(err, mirroredErr); err != nil {
		w.log.Warn("stale products not refreshed; next run will update them", "error", err, "cause", models.AsError(err).Cause)
		return
	}
	w.refresh(ctx, w.stale, mirror.ChangedRows{lifecycle.ProductTable: products, lifecycle.HistoryTable: append(records, mirrored...)}, 0)
}

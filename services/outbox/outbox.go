// Package outbox writes through: into lifecycle_db and from there to the mirror, once per idempotency key.
package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	outboxdb "lifecycle-sync/repositories/pmo/outbox"
	"lifecycle-sync/services/failpoint"
	"lifecycle-sync/services/mirror"
)

// WriteTimeout limits a write, once its request has been read.
const WriteTimeout = 10 * time.Second

// refreshTimeout limits the work after a write has committed, independent of the request's deadline.
const refreshTimeout = 8 * time.Second

// contents is where the contents of files lie. To delete what is not there is no error.
type contents interface {
	Delete(ctx context.Context, key string) error
}

// versionListener learns of versions of the mirror that this process has committed.
type versionListener interface{ Advance(version int64) }

// Writer writes through the API: into lifecycle_db, which owns every row, and from there to the mirror
// at once. lifecycle_db and pmo_db cannot commit together; so where more than the mirror hangs on a
// write (an answer to be kept, files), pmo_db first learns what is intended.
type Writer struct {
	source   *lifecycle.Source
	store    *pmo.Store
	mirror   *mirror.Refresher
	cache    versionListener
	contents contents
	log      *slog.Logger
}

// NewWriter returns the writer.
func NewWriter(source *lifecycle.Source, store *pmo.Store, refresher *mirror.Refresher, cache versionListener, files contents, log *slog.Logger) *Writer {
	return &Writer{source: source, store: store, mirror: refresher, cache: cache, contents: files, log: log}
}

// records are the recorded writes, outside of transactions.
func (w *Writer) records() *outboxdb.Outbox { return outboxdb.New(w.store.Session) }

// Request is what every write may carry besides its data.
type Request struct {
	Key         *Key            // nil without one
	Fingerprint string          // with a key
	Files       []models.Upload // to attach to the product; the writer owns them
}

// Change describes what a write did in lifecycle_db.
type Change struct {
	Table        string // of the row that was written
	RowID        int64
	Action       string // insert, update or delete
	ProductID    int64  // whose files come or go
	RemovesFiles bool
	Data         any // what the answer shows
	Version      string
	Rows         mirror.ChangedRows // all rows that changed
	Deleted      int64              // how many of them were deleted
}

// Result is the outcome of a completed write.
type Result struct {
	Data           models.JSON
	Version        string // of the row, or ""
	RowID          int64
	MirrorUpToDate bool // the mirror has the change; otherwise the next run copies it
}

// Write runs change in one transaction of lifecycle_db and brings what it did to the mirror. Errors:
// change's; conflict and busy of the key; forbidden when the account may not write; connection: nothing
// was written anywhere, unless the message says that this is not known.
func (w *Writer) Write(ctx context.Context, r Request, change func(ctx context.Context, tx *lifecycle.Tx) (Change, error)) (Result, error) {
	write, done, err := w.claim(ctx, r.Key, r.Fingerprint)
	if err != nil || done != nil {
		w.discard(ctx, r.Files)
		return replay(done), err
	}
	c, err := w.inSource(ctx, &write, r, change)
	if err != nil {
		if _, unknown := errors.AsType[lifecycle.UnknownOutcomeError](err); !unknown {
			w.giveUp(ctx, write, r)
		}
		return Result{}, err
	}
	failpoint.Reach("after-source-commit")
	written := replay(&write)
	written.MirrorUpToDate = w.refreshMirror(ctx, write, r, c)
	return written, nil
}

// replay returns the stored result of a write.
func replay(done *models.Write) Result {
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

func (w *Writer) inSource(ctx context.Context, write *models.Write, r Request, change func(ctx context.Context, tx *lifecycle.Tx) (Change, error)) (c Change, err error) {
	err = w.source.InTx(ctx, func(tx *lifecycle.Tx) error {
		if c, err = change(ctx, tx); err != nil {
			return err
		}
		if write.Body, err = json.Marshal(c.Data); err != nil {
			return err
		}
		write.SourceTransaction, write.ETag = tx.Transaction(c.Table, c.RowID, c.Action), &c.Version
		if !needsIntent(r, c) {
			return nil
		}
		if err := w.store.InTx(ctx, func(p *pmo.Session) error { return intend(ctx, p, *write, r, c) }); err != nil {
			return err
		}
		failpoint.Reach("after-intent")
		return nil
	})
	return c, err
}

// Once does something for a request with a key only once, and gives those who send it again the first
// answer. Should the answer not be kept, because the process dies or pmo_db is away then, it is done again.
// Errors: do's; conflict and busy of the key; connection.
func (w *Writer) Once(ctx context.Context, key *Key, fingerprint string, do func(ctx context.Context) (data any, err error)) (Result, error) {
	write, done, err := w.claim(ctx, key, fingerprint)
	if err != nil || done != nil {
		return replay(done), err
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
	return replay(&write), nil
}

// WriteMirror runs change in one transaction of pmo_db, with the answer: for what lifecycle_db knows nothing of. After
// an error none of the request's files is left. Errors: change's; conflict and busy of the key; connection.
func (w *Writer) WriteMirror(ctx context.Context, r Request, change func(ctx context.Context, tx *pmo.Session) (data any, err error)) (Result, error) {
	write, done, err := w.claim(ctx, r.Key, r.Fingerprint)
	if err != nil || done != nil {
		w.discard(ctx, r.Files)
		return replay(done), err
	}
	var version int64
	err = w.store.InTx(ctx, func(tx *pmo.Session) error {
		data, err := change(ctx, tx)
		if err == nil {
			write.Body, err = json.Marshal(data)
		}
		if err == nil {
			err = outboxdb.New(tx).Finish(ctx, write)
		}
		if err == nil {
			version, err = tx.BumpVersion(ctx)
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
	w.Advance(version)
	return replay(&write), nil
}

// attached finds out whether files were attached although no answer to the commit came. Where that is not
// known the files must be left alone: the sweep deletes what belongs to nothing.
func (w *Writer) attached(ctx context.Context, files []models.Upload) (attached, known bool) {
	if len(files) == 0 {
		return false, true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
	defer cancel()
	referred, err := attachmentsdb.New(w.store.Session).Referenced(ctx, []string{files[0].Key})
	return len(referred) == 1, err == nil
}

// Advance says that the mirror has a new version, which this process has just committed.
func (w *Writer) Advance(version int64) { w.cache.Advance(version) }

// needsIntent reports whether a write also changes pmo_db: an idempotency key or files.
func needsIntent(r Request, c Change) bool {
	return r.Key != nil || len(r.Files) > 0 || c.RemovesFiles
}

func intend(ctx context.Context, p *pmo.Session, write models.Write, r Request, c Change) error {
	if err := outboxdb.New(p).Intend(ctx, write); err != nil {
		return err
	}
	if c.RemovesFiles {
		return attachmentsdb.New(p).MarkRemoving(ctx, write.ID, c.ProductID)
	}
	return attachmentsdb.New(p).AddPending(ctx, write.ID, c.ProductID, r.Files)
}

// refreshMirror refreshes the mirror after the commit in lifecycle_db and completes the write in pmo_db. It reports whether
// both succeeded; the cleanup and the next run retry what failed.
func (w *Writer) refreshMirror(ctx context.Context, write models.Write, r Request, c Change) bool {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
	defer cancel()
	version, err := w.mirror.Refresh(ctx, c.Rows, c.Deleted)
	if err == nil {
		w.cache.Advance(version)
	} else {
		w.log.Warn("mirror refresh failed; next run will update it", "table", c.Table, "id", c.RowID, "error", err, "cause", models.AsError(err).Cause)
	}
	if !needsIntent(r, c) && !w.leavesFiles(ctx, write) {
		return err == nil
	}
	if endErr := w.settle(ctx, write); endErr != nil {
		w.log.Warn("write not completed; cleanup will retry", "table", c.Table, "id", c.RowID, "error", endErr, "cause", models.AsError(endErr).Cause)
		return false
	}
	return err == nil
}

// deletesProduct reports whether a write deletes a product; its id is never reused.
func deletesProduct(write models.Write) bool {
	return write.Table != nil && *write.Table == lifecycle.ProductTable && *write.Action == lifecycle.Deleted
}

// leavesFiles reports whether a deleted product has files that were added while it was being deleted.
func (w *Writer) leavesFiles(ctx context.Context, write models.Write) bool {
	if !deletesProduct(write) {
		return false
	}
	has, err := attachmentsdb.New(w.store.Session).Any(ctx, *write.RowID)
	return has || err != nil // settling tells what is wrong
}

// end completes a write that its own process did not: its row comes to the mirror, if that can be
// written, else with the next run.
func (w *Writer) end(ctx context.Context, write models.Write) error {
	if write.Table != nil {
		deleted := int64(0)
		if *write.Action == lifecycle.Deleted {
			deleted = 1
		}
		if version, err := w.mirror.Refresh(ctx, mirror.ChangedRows{*write.Table: {*write.RowID}}, deleted); err == nil {
			w.cache.Advance(version)
		}
	}
	return w.settle(ctx, write)
}

// settle makes the files and the stored result of a committed write permanent.
func (w *Writer) settle(ctx context.Context, write models.Write) error {
	return w.close(ctx, write, true, func(p *pmo.Session) error { return outboxdb.New(p).Finish(ctx, write) })
}

// abandon removes what pmo_db holds of a write that did not commit.
func (w *Writer) abandon(ctx context.Context, write models.Write) error {
	return w.close(ctx, write, false, func(p *pmo.Session) error {
		return errors.Join(outboxdb.New(p).Drop(ctx, write.ID, models.WriteIntended), outboxdb.New(p).Drop(ctx, write.ID, models.WriteClaimed))
	})
}

func (w *Writer) close(ctx context.Context, write models.Write, committed bool, record func(p *pmo.Session) error) error {
	var gone []string
	var version int64 // stays 0 where nothing changes that can be read: what is kept of reads stays good
	err := w.store.InTx(ctx, func(p *pmo.Session) (err error) {
		var files int64
		if committed && deletesProduct(write) {
			gone, err = attachmentsdb.New(p).DeleteAll(ctx, *write.RowID)
			files = int64(len(gone))
		} else {
			gone, files, err = attachmentsdb.New(p).Settle(ctx, write.ID, committed)
		}
		if err == nil {
			err = record(p)
		}
		if err == nil && files > 0 {
			version, err = p.BumpVersion(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	if version > 0 {
		w.cache.Advance(version)
	}
	w.delete(ctx, gone)
	return nil
}

// giveUp removes everything of a write that did not commit.
func (w *Writer) giveUp(ctx context.Context, write models.Write, r Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTimeout)
	defer cancel()
	if r.Key != nil || len(r.Files) > 0 || write.Table != nil {
		if err := w.abandon(ctx, write); err != nil {
			w.log.Warn("cleanup of failed write failed; will retry", "error", err)
		}
	}
	w.discard(ctx, r.Files)
}

// discard deletes files of a request that are not needed.
func (w *Writer) discard(ctx context.Context, files []models.Upload) {
	keys := make([]string, len(files))
	for i, f := range files {
		keys[i] = f.Key
	}
	w.delete(ctx, keys)
}

func (w *Writer) delete(ctx context.Context, keys []string) {
	for _, key := range keys {
		if err := w.contents.Delete(context.WithoutCancel(ctx), key); err != nil {
			w.log.Warn("attachment cleanup failed; will retry", "key", key, "error", err)
		}
	}
}

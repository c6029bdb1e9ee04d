package outbox

import (
	"context"
	"errors"
	"math"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	outboxdb "lifecycle-sync/repositories/pmo/outbox"
	"lifecycle-sync/services/mirror"
)

// complete completes a write that its own process did not. If the mirror cannot be refreshed now, the next run does it.
func (w *Writer) complete(ctx context.Context, write models.Write) error {
	rows, deleted, err := w.changedRows(ctx, write)
	if err != nil {
		return err
	}
	w.refresh(ctx, w.mirror, rows, deleted)
	return w.settle(ctx, write)
}

// changedRows returns the rows that a write changed in lifecycle_db, and how many of them it deleted.
func (w *Writer) changedRows(ctx context.Context, write models.Write) (rows mirror.ChangedRows, deleted int64, err error) {
	rows = mirror.ChangedRows{}
	if write.Table != nil {
		rows[*write.Table] = []int64{*write.RowID}
	}
	activity, err := activities.New(w.store.Session).OfWrite(ctx, write.ID)
	if err != nil || activity == nil {
		return rows, 0, err
	}
	changes, err := activities.New(w.store.Session).Changes(ctx, *activity, 0, 0, math.MaxInt)
	for _, c := range changes {
		t := models.TableByName(c.Table)
		if t == nil {
			continue // a file
		}
		rows[t.Source] = append(rows[t.Source], c.RowID)
	}
	return rows, deletions(changes), err
}

// deletions counts the rows that a write deleted in lifecycle_db.
func deletions(changes []models.ActivityChange) (n int64) {
	for _, c := range changes {
		if c.After == nil && c.Table != models.AttachmentTable {
			n++
		}
	}
	return n
}

// settle makes the files and the answer of a committed write permanent.
func (w *Writer) settle(ctx context.Context, write models.Write) error {
	return w.close(ctx, write, true, func(p *pmo.Session) error { return outboxdb.New(p).Finish(ctx, write) })
}

// abandon removes what pmo_db holds of a write that did not commit.
func (w *Writer) abandon(ctx context.Context, write models.Write) error {
	return w.close(ctx, write, false, func(p *pmo.Session) error {
		return errors.Join(outboxdb.New(p).Delete(ctx, write.ID, models.WritePending), outboxdb.New(p).Delete(ctx, write.ID, models.WriteClaimed))
	})
}

func (w *Writer) close(ctx context.Context, write models.Write, committed bool, record func(p *pmo.Session) error) error {
	var gone []string // keys of deleted files
	var version int64 // 0 if no file changed: cached answers stay valid
	err := w.store.InTx(ctx, func(p *pmo.Session) (err error) {
		var uploaded, undone []int64 // products
		if gone, uploaded, err = attachmentsdb.New(p).Settle(ctx, write.ID, committed); err == nil {
			undone, err = activities.New(p).Settle(ctx, write.ID, committed)
		}
		if err == nil {
			err = record(p)
		}
		if changed := models.ProductsOf(append(uploaded, undone...)...); err == nil && !changed.IsNone() {
			version, err = p.BumpVersion(ctx, changed)
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	if r.Key != nil || write.Table != nil {
		if err := w.abandon(ctx, write); err != nil {
			w.log.Warn("cleanup of failed write failed; will retry", "error", err)
		}
	}
	w.discard(ctx, r.Files)
}

// discard deletes the unneeded files of a request.
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

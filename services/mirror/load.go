package mirror

import (
	"bufio"
	"context"
	"errors"
	"io"

	"golang.org/x/sync/errgroup"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	mirrordb "lifecycle-sync/repositories/pmo/mirror"
	"lifecycle-sync/services/failpoint"
)

// loadBytes is the size of the source above which an empty mirror is loaded by COPY. Below it, dropping and rebuilding
// the indexes costs more than it saves.
const loadBytes = 8 << 20

// load fills an empty mirror from a large source: rows that fit are copied from COPY to COPY without being parsed, the
// others are quarantined. Once all rows are read, it closes the snapshot, so that others can alter the source's tables while
// the mirror is indexed and proved. It returns nil counts if the mirror is not empty or the source is small.
func (e *Engine) load(ctx context.Context, tx *mirrordb.Tx, snap *lifecycle.Snapshot, progress Progress) ([]models.TableCount, error) {
	var size int64
	for _, t := range snap.Tables {
		size += snap.Infos[t.Source].Bytes
	}
	if size < loadBytes || !snap.Features().Copy {
		return nil, nil
	}
	bare, err := tx.StripEmpty(ctx, snap.Tables)
	if err != nil || bare == nil {
		return nil, err
	}
	hasher, err := snap.Join(ctx)
	if err != nil {
		return nil, err
	}
	defer hasher.Close()
	counts, want := make([]models.TableCount, len(snap.Tables)), make([]fingerprint, len(snap.Tables))
	for i, t := range snap.Tables {
		progress.Begin(t, snap.Infos[t.Source].Rows)
		if counts[i], want[i], err = e.loadTable(ctx, tx, snap, hasher, t, progress); err != nil {
			return nil, err
		}
		if want[i].rows > counts[i].Inserted { // otherwise every row fits
			if counts[i].Quarantined, err = e.quarantineUnfit(ctx, tx, snap, t); err != nil {
				return nil, err
			}
		}
		failpoint.Reach("mid-apply")
		progress.End(t, counts[i])
	}
	hasher.Close()
	snap.Close()
	for i, t := range snap.Tables {
		if err := tx.Rebuild(ctx, t, bare); err != nil {
			return nil, err
		}
		if err := expect(tx.Buckets(ctx, t, database.AllIDs(), wholeShift), t, want[i]); err != nil {
			return nil, err
		}
	}
	return counts, tx.Attachments.Reconcile(ctx, nil)
}

// rowCounter advances progress with each write: COPY writes one row at a time.
type rowCounter struct {
	io.Writer
	progress Progress
}

func (c rowCounter) Write(row []byte) (int, error) {
	c.progress.Advance(1)
	return c.Writer.Write(row)
}

// loadTable copies the supported rows. At the same time hasher, the same snapshot on another connection, hashes all rows for
// the proof.
func (e *Engine) loadTable(
	ctx context.Context, tx *mirrordb.Tx, snap, hasher *lifecycle.Snapshot, t *models.Table, progress Progress,
) (count models.TableCount, want fingerprint, err error) {
	count.Table = t.Name
	pipeOut, pipeIn := io.Pipe()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		want, err = sum(hasher.Buckets(ctx, t, database.AllIDs(), wholeShift))
		return err
	})
	group.Go(func() error {
		// The buffer turns a write per row into a write per 256 kB.
		buffer := bufio.NewWriterSize(pipeIn, 256<<10)
		err := snap.CopyFit(ctx, t, rowCounter{buffer, progress})
		if err == nil {
			err = buffer.Flush()
		}
		_ = pipeIn.CloseWithError(err) // never fails; nil reads as the end
		return err
	})
	group.Go(func() (err error) {
		count.Inserted, err = tx.Load(ctx, t, pipeOut)
		_ = pipeOut.CloseWithError(err) // never fails
		return err
	})
	err = group.Wait()
	return count, want, err
}

// quarantineUnfit quarantines the rows that the load left out and returns their number.
func (e *Engine) quarantineUnfit(ctx context.Context, tx *mirrordb.Tx, snap *lifecycle.Snapshot, t *models.Table) (n int64, err error) {
	w := &writer{tx: tx, table: t, now: e.now}
	for row, err := range snap.Unfit(ctx, t) {
		if err == nil {
			n++
			err = w.add(ctx, Change{Table: t, ID: row.ID, Action: Quarantine, After: row.Clone(), Reason: row.Reason, Hash: row.Hash})
		}
		if err != nil {
			return n, errors.Join(err, w.wait())
		}
	}
	return n, w.finish(ctx)
}

// Package export writes the filtered list of products as a file for spreadsheets.
package export

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
)

const (
	// atOnce bounds the exports under way: each keeps a connection of the pool that all requests share.
	atOnce = 4
	// patience bounds the time until the first bytes are there.
	patience = 10 * time.Minute
)

// rows are products, each as the texts of its columns, nil for NULL; a row is valid until the next.
type rows = iter.Seq2[[][]byte, error]

// Exports makes files of products. It must be closed.
type Exports struct {
	store   *pmo.Store
	folder  string        // of files that live as long as an export
	places  chan struct{} // one for each export that may be under way
	log     *slog.Logger
	ended   chan struct{}
	end     sync.Once
	working sync.WaitGroup
}

// New returns the exports of a store. Large workbooks are put together in a folder, of which this is the
// only user.
func New(store *pmo.Store, folder string, log *slog.Logger) *Exports {
	return &Exports{store: store, folder: folder, places: make(chan struct{}, atOnce), log: log, ended: make(chan struct{})}
}

// Close breaks off the exports under way and waits for their ends.
func (e *Exports) Close() {
	e.end.Do(func() { close(e.ended) })
	e.working.Wait()
}

// viewer lends the products that a query lets through, all of one state of the mirror.
type viewer func(fn func(columns []models.Column, products rows) error) error

// writer writes a file of the products that a view lends to w. It calls ready as soon as all is known that
// can be known before the first byte leaves.
type writer func(ctx context.Context, view viewer, w io.Writer, ready func()) error

// CSV returns the products that a query lets through on the day of now, as comma-separated values. The caller closes it.
// What it reads comes as fast as it is read, and ends in an error, never in io.EOF, when not all was
// read. Errors: as products.Query.Check; unavailable when too many are under way; connection,
// canceled, timeout, schema.
func (e *Exports) CSV(ctx context.Context, q products.Query, now time.Time) (io.ReadCloser, error) {
	return e.start(ctx, q, now, writeCSV)
}

// Workbook returns the products that a query lets through, as an Excel workbook, which was put together
// before the first byte. Otherwise as CSV.
func (e *Exports) Workbook(ctx context.Context, q products.Query, now time.Time) (io.ReadCloser, error) {
	return e.start(ctx, q, now, e.writeWorkbook)
}

func (e *Exports) start(ctx context.Context, q products.Query, now time.Time, write writer) (io.ReadCloser, error) {
	order, err := q.Order()
	if err != nil {
		return nil, err
	}
	select {
	case e.places <- struct{}{}:
	default:
		return nil, models.NewError(models.Unavailable, "export.busy", nil).WithRemedy("export.busy_remedy", nil)
	}
	ctx, cancel := context.WithCancel(ctx)
	pr, pw := io.Pipe()
	file, ready := &file{pr, cancel}, make(chan error, 1)
	e.working.Go(func() {
		defer func() { <-e.places }()
		defer cancel()
		begun := false
		err := recovered(func() error {
			return write(ctx, e.view(ctx, q.Filter.On(now), order), pw, func() {
				if !begun {
					begun = true
					ready <- nil
				}
			})
		})
		switch {
		case !begun:
			ready <- err
		case err != nil && ctx.Err() == nil && !errors.Is(err, io.ErrClosedPipe): // which nobody else will say
			e.log.Warn("an export broke off", "error", err, "cause", models.AsError(err).Cause)
		}
		_ = pw.CloseWithError(err) // never fails
	})
	e.working.Go(func() {
		select {
		case <-e.ended:
			_ = file.Close() // never fails
		case <-ctx.Done():
		}
	})
	select {
	case err = <-ready:
	case <-time.After(patience):
		err = context.DeadlineExceeded
	}
	if err != nil {
		_ = file.Close()
		return nil, models.AsError(err)
	}
	return file, nil
}

func (e *Exports) view(ctx context.Context, f catalog.DatedFilter, order catalog.ProductOrder) viewer {
	return func(fn func([]models.Column, rows) error) error {
		_, err := e.store.View(ctx, func(s *pmo.Session) error {
			products := catalog.New(s)
			return fn(products.ExportColumns(), products.ExportRows(ctx, f, order))
		})
		return err
	}
}

// recovered turns a panic into an error: above an export no request's own recovery stands.
func recovered(fn func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = models.NewError(models.Internal, "error.internal", nil).WithRemedy("error.internal_remedy", nil).WithCause(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	return fn()
}

// file is what an export writes. Closing it breaks the export off.
type file struct {
	*io.PipeReader

	cancel context.CancelFunc
}

// Close ends the export's query at once.
func (f *file) Close() error {
	f.cancel()
	return f.PipeReader.Close()
}

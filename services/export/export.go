// Package export writes the filtered list of products as a file for spreadsheets.
package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
)

const (
	maxExports   = 4                // at the same time: each holds a connection of the shared pool
	firstTimeout = 10 * time.Minute // until the first bytes are ready
)

// rows are products as the texts of their columns, nil for NULL. A row is valid until the next.
type rows = iter.Seq2[[][]byte, error]

// Exports writes files of products. It must be closed.
type Exports struct {
	store   *pmo.Store
	folder  string        // of temporary files
	slots   chan struct{} // one for each running export
	log     *slog.Logger
	closed  context.Context //nolint:containedctx // ends the exports of all requests
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// New returns the exports of a store. Large workbooks are assembled in a folder that nothing else may use.
func New(store *pmo.Store, folder string, log *slog.Logger) *Exports {
	closed, cancel := context.WithCancel(context.Background())
	return &Exports{store: store, folder: folder, slots: make(chan struct{}, maxExports), log: log, closed: closed, cancel: cancel}
}

// Close cancels the running exports and waits until they have ended.
func (e *Exports) Close() {
	e.cancel()
	e.running.Wait()
}

// viewer calls fn with the products of a query in one snapshot of the mirror.
type viewer func(fn func(columns []models.Column, products rows) error) error

// writer writes a file of a view's products to w. It calls ready once no error is possible before the first byte.
type writer func(ctx context.Context, view viewer, w io.Writer, ready func()) error

// CSV returns the products that match a query on the day of now as comma-separated values. The caller closes the reader.
// Rows are read as the caller reads; an incomplete file ends in an error, never in io.EOF. Errors: as
// products.Query.Check; unavailable if too many exports run; connection, canceled, timeout, schema.
func (e *Exports) CSV(ctx context.Context, q products.Query, now time.Time) (io.ReadCloser, error) {
	return e.start(ctx, q, now, writeCSV)
}

// Workbook is CSV for an Excel workbook, which is complete before the first byte.
func (e *Exports) Workbook(ctx context.Context, q products.Query, now time.Time) (io.ReadCloser, error) {
	return e.start(ctx, q, now, e.writeWorkbook)
}

func (e *Exports) start(ctx context.Context, q products.Query, now time.Time, write writer) (io.ReadCloser, error) {
	order, err := q.Order()
	if err != nil {
		return nil, err
	}
	select {
	case e.slots <- struct{}{}:
	default:
		return nil, models.NewError(models.Unavailable, "export.busy", nil).WithRemedy("export.busy_remedy", nil)
	}
	ctx, cancel := context.WithCancel(ctx)
	pr, pw := io.Pipe()
	file, ready := &file{pr, cancel}, make(chan error, 1)
	stop := context.AfterFunc(e.closed, func() { _ = file.Close() }) // never fails
	e.running.Go(func() {
		defer func() { <-e.slots }()
		defer stop()
		defer cancel()
		started := false
		err := recovered(func() error {
			return write(ctx, e.view(ctx, q.Filter.On(now), order), pw, func() {
				if !started {
					started = true
					ready <- nil
				}
			})
		})
		switch {
		case !started:
			ready <- err
		case err != nil && ctx.Err() == nil && !errors.Is(err, io.ErrClosedPipe): // the response has started: only the log can say it
			e.log.Warn("export failed", "error", err, "cause", models.AsError(err).Cause)
		}
		_ = pw.CloseWithError(err) // never fails
	})
	select {
	case err = <-ready:
	case <-time.After(firstTimeout):
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

// recovered turns a panic into an error: the recovery of requests does not cover this goroutine.
func recovered(fn func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = models.NewError(models.Internal, "error.internal", nil).WithRemedy("error.internal_remedy", nil).WithCause(fmt.Errorf("panic: %v\n%s", cause, debug.Stack()))
		}
	}()
	return fn()
}

// file is the output of an export. Closing it cancels the export.
type file struct {
	*io.PipeReader

	cancel context.CancelFunc
}

// Close ends the export's query at once.
func (f *file) Close() error {
	f.cancel()
	return f.PipeReader.Close()
}

// byteOrderMark makes Excel read UTF-8.
const byteOrderMark = "\ufeff"

// writeCSV writes RFC 4180 with the names of the columns first.
func writeCSV(_ context.Context, view viewer, w io.Writer, ready func()) error {
	return view(func(columns []models.Column, products rows) error {
		out := &lines{to: bufio.NewWriterSize(w, 32<<10)}
		out.csv = csv.NewWriter(&out.line)
		if _, err := out.to.WriteString(byteOrderMark); err != nil {
			return err
		}
		record := make([]string, len(columns))
		for i, c := range columns {
			record[i] = c.Name
		}
		if err := out.write(record); err != nil {
			return err
		}
		for cells, err := range products {
			if err != nil {
				return err
			}
			ready()
			for i, c := range columns {
				if record[i], err = csvCell(c, cells[i]); err != nil {
					return err
				}
			}
			if err := out.write(record); err != nil {
				return err
			}
		}
		ready()
		return out.to.Flush()
	})
}

// csvCell returns a cell as text, "" for NULL: a timestamp in RFC 3339, a text neutralized.
func csvCell(c models.Column, cell []byte) (string, error) {
	switch {
	case cell == nil:
		return "", nil
	case c.Kind == models.KindText:
		return neutral(string(cell)), nil
	case c.Kind == models.KindTimestamp:
		return rfc3339(cell)
	default:
		return string(cell), nil
	}
}

func rfc3339(cell []byte) (string, error) {
	t, err := models.ParseTimestamp(string(cell))
	return models.InstantOf(t).String(), err
}

// cellEnds may end a cell in a spreadsheet that does not separate cells at commas, even within quotes.
const cellEnds = ";\t\r\n"

// neutral puts ' before every part of a text that a spreadsheet could run as a formula, whether it separates cells at
// commas, semicolons or tabs. A text that is empty or consists of ' gets one more, because NULL is the empty cell. It can be
// reversed: remove one ' wherever neutral would add one.
func neutral(text string) string {
	var out strings.Builder
	if bare := strings.TrimLeft(text, "'"); bare == "" || strings.IndexByte("\t\r\n", bare[0]) >= 0 {
		out.WriteByte('\'')
	}
	for rest := text; ; {
		if isFormula(rest) {
			out.WriteByte('\'')
		}
		end := strings.IndexAny(rest, cellEnds) + 1
		if end == 0 {
			out.WriteString(rest)
			return out.String()
		}
		out.WriteString(rest[:end])
		rest = rest[end:]
	}
}

// isFormula reports whether a cell that begins with a text could be a formula. Full-width signs count, too; quotes, ' and
// invisible characters before the sign do not help.
func isFormula(cell string) bool {
	visible := strings.TrimLeftFunc(cell, func(r rune) bool {
		ignored := r == '\'' || r == '"' || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
		return ignored && !strings.ContainsRune(cellEnds, r)
	})
	first, _ := utf8.DecodeRuneInString(visible)
	return visible != "" && strings.ContainsRune("=+-@＝＋－＠", first)
}

// lines writes records that end in CRLF. csv.Writer could do that, but would also change line ends inside cells.
type lines struct {
	to   *bufio.Writer
	line bytes.Buffer
	csv  *csv.Writer
}

func (l *lines) write(record []string) error {
	l.line.Reset()
	if err := l.csv.Write(record); err != nil {
		return err
	}
	l.csv.Flush()
	line := bytes.TrimSuffix(l.line.Bytes(), []byte("\n"))
	if _, err := l.to.Write(line); err != nil {
		return err
	}
	_, err := l.to.WriteString("\r\n")
	return err
}

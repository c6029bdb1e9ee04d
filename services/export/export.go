// Package export writes the filtered list of products as a file for spreadsheets.
package export

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/activities"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
)

const (
	maxExports  = 4                // written at the same time: each holds a connection of the shared pool
	slotTimeout = 10 * time.Second // for the wait until another export is written
)

// rows are products as the texts of their columns, nil for NULL. A row is valid until the next.
type rows = iter.Seq2[[][]byte, error]

// Exports writes files of products. It must be closed.
type Exports struct {
	store  *pmo.Store
	folder string          // of temporary files
	slots  chan struct{}   // one for each export that is being written
	closed context.Context //nolint:containedctx // ends the exports of all requests
	cancel context.CancelFunc
}

// New returns the exports of a store. Files are written to a folder that nothing else may use.
func New(store *pmo.Store, folder string) *Exports {
	closed, cancel := context.WithCancel(context.Background())
	return &Exports{store: store, folder: folder, slots: make(chan struct{}, maxExports), closed: closed, cancel: cancel}
}

// Close cancels the exports that are being written and waits until they have ended.
func (e *Exports) Close() {
	e.cancel()
	for range maxExports {
		e.slots <- struct{}{}
	}
	for range maxExports {
		<-e.slots
	}
}

// viewer calls fn with the products of a query in one snapshot of the mirror.
type viewer func(fn func(columns []models.Column, products rows) error) error

// writer writes a file of a view's products to w.
type writer func(view viewer, heading Heading, w io.Writer) error

// Heading returns the heading of a column in the reader's language.
type Heading func(column string) string

// CSV returns the products that match a query on the day of now as comma-separated values, and their size in bytes. The file
// is complete, so that its reader, however slow, holds no connection and no snapshot. The caller closes it. Errors: as
// products.Query.Check; unavailable if too many exports run or the disk is full; connection, canceled, timeout, schema.
func (e *Exports) CSV(ctx context.Context, q products.Query, now time.Time, heading Heading) (file io.ReadCloser, size int64, err error) {
	return e.write(ctx, q, now, heading, "csv", writeCSV)
}

// Workbook is CSV for an Excel workbook.
func (e *Exports) Workbook(ctx context.Context, q products.Query, now time.Time, heading Heading) (file io.ReadCloser, size int64, err error) {
	return e.write(ctx, q, now, heading, "xlsx", e.writeWorkbook)
}

func (e *Exports) write(ctx context.Context, q products.Query, now time.Time, heading Heading, format string, write writer) (_ io.ReadCloser, size int64, err error) {
	order, err := q.Order()
	if err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.closed, cancel)()
	if err := e.takeSlot(ctx); err != nil {
		return nil, 0, err
	}
	defer func() { <-e.slots }()
	file, err := e.create()
	if err != nil {
		return nil, 0, diskError(err)
	}
	if err = write(e.view(ctx, q.Filter.On(now), order), heading, file); err == nil {
		err = ctx.Err()
	}
	if err == nil {
		size, err = file.Seek(0, io.SeekCurrent)
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err == nil {
		err = e.record(ctx, format, size)
	}
	if err != nil {
		return nil, 0, errors.Join(diskError(err), file.Close())
	}
	return file, size, nil
}

// record records who exported, in which format, and the size in bytes. Errors: connection, timeout.
func (e *Exports) record(ctx context.Context, format string, size int64) error {
	detail, err := json.Marshal(map[string]any{"format": format, "bytes": size})
	if err != nil {
		return err
	}
	author := models.AuthorOf(ctx)
	return e.store.InTx(ctx, func(tx *pmo.Session) error {
		return activities.New(tx).Add(ctx, &models.Activity{Actor: author.Actor, Channel: author.Channel, Action: models.ExportAction, Detail: detail}, nil)
	})
}

// takeSlot waits until fewer than maxExports exports are being written. Errors: unavailable, canceled, timeout.
func (e *Exports) takeSlot(ctx context.Context) error {
	if err := e.closed.Err(); err != nil {
		return models.AsError(err)
	}
	timeout := time.NewTimer(slotTimeout)
	defer timeout.Stop()
	select {
	case e.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return models.AsError(ctx.Err())
	case <-timeout.C:
		return models.NewError(models.Unavailable, "export.busy", nil).WithRemedy("export.busy_remedy", nil).AsExpected()
	}
}

// create creates a file without a name, of which nothing is left when it is closed or the process dies.
func (e *Exports) create() (*os.File, error) {
	if err := os.MkdirAll(e.folder, 0o700); err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(e.folder, "products-")
	if err == nil {
		_ = os.Remove(file.Name()) // Windows keeps the name; Sweep removes it
	}
	return file, err
}

// Sweep removes the files of exports that a crash interrupted. No export may be running.
func (e *Exports) Sweep() error { return os.RemoveAll(e.folder) }

// diskError explains that a temporary file cannot be written; other errors stay as they are.
func diskError(err error) error {
	_, isFile := errors.AsType[*fs.PathError](err)
	_, isExplained := errors.AsType[*models.Error](err)
	switch {
	case !isFile || isExplained:
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return models.NewError(models.Unavailable, "export.disk_full", nil).WithRemedy("export.disk_full_remedy", nil).WithCause(err)
	default:
		return models.NewError(models.Unavailable, "export.failed", nil).WithRemedy("export.failed_remedy", nil).WithCause(err)
	}
}

func (e *Exports) view(ctx context.Context, f catalog.DatedFilter, order catalog.ProductOrder) viewer {
	return func(fn func([]models.Column, rows) error) error {
		_, err := e.store.View(ctx, func(s *pmo.Session) error {
			products := catalog.New(s)
			layout := NewLayout(products.ExportColumns())
			return fn(layout.Columns, layout.rows(products.ExportRows(ctx, f, order)))
		})
		return err
	}
}

// byteOrderMark makes Excel read UTF-8.
const byteOrderMark = "\ufeff"

// writeCSV writes RFC 4180 with the headings first.
func writeCSV(view viewer, heading Heading, w io.Writer) error {
	return view(func(columns []models.Column, products rows) error {
		out := &lines{to: bufio.NewWriterSize(w, 64<<10)}
		out.csv = csv.NewWriter(&out.line)
		if _, err := out.to.WriteString(byteOrderMark); err != nil {
			return err
		}
		record := make([]string, len(columns))
		for i, c := range columns {
			record[i] = heading(c.Name)
		}
		if err := out.write(record); err != nil {
			return err
		}
		for cells, err := range products {
			if err != nil {
				return err
			}
			for i, c := range columns {
				if record[i], err = CSVCell(c, cells[i]); err != nil {
					return err
				}
			}
			if err := out.write(record); err != nil {
				return err
			}
		}
		return out.to.Flush()
	})
}

// CSVCell returns a cell as text, "" for NULL: a timestamp in RFC 3339, a text neutralized. Errors: an unreadable timestamp.
func CSVCell(c models.Column, cell []byte) (string, error) {
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

// Restored reverses neutral.
func Restored(cell string) string {
	if bare := strings.TrimLeft(cell, "'"); bare != cell && (bare == "" || strings.IndexByte("\t\r\n", bare[0]) >= 0) {
		cell = cell[1:]
	}
	var out strings.Builder
	for rest := cell; ; {
		if isFormula(rest) {
			rest = strings.TrimPrefix(rest, "'")
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

package lifecycle

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

const (
	seedBatch    = 250       // rows per INSERT on SQLite: below its limit of 32,766 parameters
	progressStep = 10_000    // rows between two calls of progress
	copyBuffer   = 256 << 10 // bytes
)

// SeedTable describes the rows that Seed inserts into one table: Count rows, including ids, with timestamps in RFC 3339, UTC and six
// digits. A row is used before the next is requested.
type SeedTable struct {
	Table *models.Table
	Rows  iter.Seq[models.Row]
	Count int64
}

// Seed fills an empty lifecycle_db in one transaction: it creates missing tables and sets identities past the highest
// id. progress, if not nil, is called by one goroutine at a time with the rows sent so far and their total. Errors:
// constraint if a table holds a row, schema if a table does not match its model, permission, connection, canceled.
func (s *Source) Seed(ctx context.Context, data []SeedTable, progress func(done, total int64)) error {
	conn, err := s.db.BeginConn(ctx, database.Write)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := s.claimEmpty(ctx, conn, data); err != nil {
		return err
	}
	seed := &seeder{conn: conn, progress: progress}
	for _, d := range data {
		seed.total += d.Count
	}
	write := seed.insert
	if s.Features().Copy {
		write = seed.copy
	}
	for _, d := range data {
		if err := write(ctx, d); err != nil {
			return err
		}
		if !s.Features().Server {
			continue
		}
		// NULL, and so no effect, for an empty table or an id without a sequence.
		sequence := fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', 'id'), max(id)) FROM %[1]s", d.Table.Source)
		if _, err := conn.ExecAll(ctx, sequence, "ANALYZE "+d.Table.Source); err != nil {
			return err
		}
	}
	return conn.Commit(ctx)
}

// claimEmpty creates missing tables, locks out other writers and checks that all tables are empty. It checks that first,
// too, so that a database in use is refused no matter what its tables look like.
func (s *Source) claimEmpty(ctx context.Context, conn *database.Conn, data []SeedTable) error {
	tables := make([]*models.Table, len(data))
	for i, d := range data {
		tables[i] = d.Table
	}
	if err := refuseFilled(ctx, conn, tables); err != nil {
		return err
	}
	if err := s.createTables(ctx, conn, tables); err != nil {
		return err
	}
	if err := conn.LockForWriting(ctx, sourceNames(tables)...); err != nil {
		return err
	}
	return refuseFilled(ctx, conn, tables)
}

func refuseFilled(ctx context.Context, conn *database.Conn, tables []*models.Table) error {
	filled, err := filledTables(ctx, conn, tables)
	if err != nil || len(filled) == 0 {
		return err
	}
	return models.NewError(models.Constraint, "lifecycle.not_empty", models.Params{"tables": filled}).WithRemedy("lifecycle.not_empty_remedy", nil)
}

// seeder writes the rows of one Seed.
type seeder struct {
	conn        *database.Conn
	progress    func(done, total int64)
	done, total int64
}

// rows yields rows and reports progress.
func (s *seeder) rows(rows iter.Seq[models.Row]) iter.Seq[models.Row] {
	return func(yield func(models.Row) bool) {
		for row := range rows {
			if !yield(row) {
				return
			}
			s.done++
			if s.progress != nil && (s.done%progressStep == 0 || s.done == s.total) {
				s.progress(s.done, s.total)
			}
		}
	}
}

// copy sends a table through COPY, which may name an id that is GENERATED ALWAYS. Rows are generated while the server
// stores those before.
func (s *seeder) copy(ctx context.Context, d SeedTable) error {
	out, in := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_ = in.CloseWithError(s.writeText(in, d.Rows)) // never fails; nil reads as the end
	}()
	_, err := s.conn.CopyIn(ctx, out, d.Table.Source+" ("+strings.Join(d.Table.ColumnNames(), ", ")+")", "text")
	_ = out.CloseWithError(err) // never fails; it stops the writer
	<-written
	return err
}

func (s *seeder) writeText(w io.Writer, rows iter.Seq[models.Row]) error {
	buffer := bufio.NewWriterSize(w, copyBuffer)
	var line []byte
	for row := range s.rows(rows) {
		line = database.AppendCopyText(line[:0], row.Cells...)
		if _, err := buffer.Write(line); err != nil {
			return err
		}
	}
	return buffer.Flush()
}

// insert sends a table in batches, as text like COPY: GORM would write timestamps in another form.
func (s *seeder) insert(ctx context.Context, d SeedTable) error {
	columns := "INSERT INTO " + d.Table.Source + " (" + strings.Join(d.Table.ColumnNames(), ", ") + ") VALUES "
	var args []any
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		tuple := "(?" + strings.Repeat(", ?", len(d.Table.Columns)-1) + ")"
		_, err := s.conn.Exec(ctx, columns+strings.Join(slices.Repeat([]string{tuple}, len(args)/len(d.Table.Columns)), ", "), args...)
		args = args[:0]
		return err
	}
	for row := range s.rows(d.Rows) {
		for _, cell := range row.Cells {
			if cell == nil {
				args = append(args, nil)
			} else {
				args = append(args, string(cell))
			}
		}
		if len(args) >= seedBatch*len(d.Table.Columns) {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

package lifecycle

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"iter"
	"strings"

	"golang.org/x/sync/errgroup"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

const (
	// seedBatch is how many rows one INSERT carries on SQLite: 13 columns of them stay below its
	// 32,766 parameters.
	seedBatch = 250
	// seedStep is after how many rows progress is told again.
	seedStep = 10_000
	// seedBuffer turns a write a row into a write a quarter of a megabyte.
	seedBuffer = 256 << 10
)

// seeding is one Seed at work.
type seeding struct {
	conn        *database.Conn
	progress    func(done, total int64)
	done, total int64
}

// advance counts one row.
func (s *seeding) advance() {
	s.done++
	if s.progress != nil && (s.done%seedStep == 0 || s.done == s.total) {
		s.progress(s.done, s.total)
	}
}

// copy sends a table through COPY, which may name an id that is GENERATED ALWAYS. Rows are made and
// written while the server works on those before.
func (s *seeding) copy(ctx context.Context, f Filling) error {
	out, in := io.Pipe()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := s.writeText(in, f.Rows)
		_ = in.CloseWithError(err) // never fails; nil reads as the end
		return err
	})
	var copyErr error
	group.Go(func() error {
		_, copyErr = s.conn.CopyIn(groupCtx, out, f.Table.Source+" ("+strings.Join(f.Table.ColumnNames(), ", ")+")", "text")
		_ = out.CloseWithError(copyErr) // never fails; it stops the writer
		return copyErr
	})
	if err := group.Wait(); copyErr == nil {
		return err
	}
	return copyErr // the writer's error only says that nobody reads any more
}

func (s *seeding) writeText(w io.Writer, rows iter.Seq[models.Row]) error {
	buffer := bufio.NewWriterSize(w, seedBuffer)
	var line []byte
	for row := range rows {
		line = database.AppendCopyText(line[:0], row.Cells...)
		if _, err := buffer.Write(line); err != nil {
			return err
		}
		s.advance()
	}
	return buffer.Flush()
}

// insert sends a table in batches. Every cell goes in as text: the columns' affinities make integers
// of those that are.
func (s *seeding) insert(ctx context.Context, f Filling) error {
	columns := len(f.Table.Columns)
	args := make([]any, 0, seedBatch*columns)
	flush := func() error {
		if len(args) == 0 {
			return nil
		}
		_, err := s.conn.Exec(ctx, insertStatement(f.Table, len(args)/columns), args...)
		args = args[:0]
		return err
	}
	for row := range f.Rows {
		for _, cell := range row.Cells {
			if cell == nil {
				args = append(args, nil)
			} else {
				args = append(args, string(cell))
			}
		}
		s.advance()
		if len(args) < cap(args) {
			continue
		}
		if err := flush(); err != nil {
			return err
		}
	}
	return flush()
}

func insertStatement(t *models.Table, rows int) string {
	tuple := ", (" + strings.Repeat(", ?", len(t.Columns))[2:] + ")"
	return "INSERT INTO " + t.Source + " (" + strings.Join(t.ColumnNames(), ", ") + ") VALUES " + strings.Repeat(tuple, rows)[2:]
}

// finish sets each identity past the highest id, lets the planner know the tables, and commits.
func (s *seeding) finish(ctx context.Context, fillings []Filling) error {
	for _, f := range fillings {
		// setval does nothing for an empty table, or for one whose id has no sequence: NULL in, NULL out.
		sequence := fmt.Sprintf("SELECT setval(pg_get_serial_sequence('%s', 'id'), max(id)) FROM %[1]s", f.Table.Source)
		for _, statement := range []string{sequence, "ANALYZE " + f.Table.Source} {
			if _, err := s.conn.Exec(ctx, statement); err != nil {
				return err
			}
		}
	}
	return s.conn.Commit(ctx)
}

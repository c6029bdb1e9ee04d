package mirror

import (
	"context"
	"fmt"
	"iter"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
)

// Reader reads the mirrored and the quarantined rows through one connection. It must be closed.
type Reader struct {
	store   *Store
	s       *pmo.Session
	conn    *database.Conn // of the session
	hashing database.Hashing
	writing bool
	infos   map[string]database.TableInfo // by mirror name, once examined
	guarded guardedKeys                   // once examined; nil on SQLite
	absent  bool                          // before the first migration: there is nothing to read
	Probe   string                        // the server's own hash of a fixed row
	// Triggered means that triggers or rules of other owners could change mirrored rows, so that only reading every row proves
	// anything.
	Triggered bool
}

// Read opens the mirror for reading, as it is now. Errors: connection.
func (s *Store) Read(ctx context.Context) (*Reader, error) {
	conn, session, err := s.pool.Begin(ctx, database.ReadOnly)
	if err != nil {
		return nil, err
	}
	return &Reader{store: s, s: session, conn: conn}, nil
}

// Portable makes the mirror hash rows in the way that two differing servers agree on.
func (m *Reader) Portable() { m.hashing.Portable = true }

// Close ends the transaction and returns its connection to the pool.
func (m *Reader) Close() { m.conn.Close() }

// Buckets streams, in order, the fingerprints by id>>shift of the mirrored rows and of the source
// hashes kept with quarantined rows, together. Raw, because rows are hashed and streamed. PostgreSQL only.
func (m *Reader) Buckets(ctx context.Context, t *models.Table, ranges []database.Range, shift int) iter.Seq2[database.Bucket, error] {
	if m.absent {
		return func(func(database.Bucket, error) bool) {}
	}
	return m.conn.Buckets(ctx, ranges, shift, "id", func(condition string) string {
		return fmt.Sprintf("SELECT id, %s AS hash, 0 AS quarantined FROM %s m WHERE %s UNION ALL "+
			"SELECT id, source_hash, 1 FROM (%s) q WHERE %s", m.hash(t), t.Mirror, condition, quarantineOf(t), condition)
	})
}

// IDs streams, in order, the number of mirrored and quarantined rows by id>>shift, with the exclusive or of the hashes of
// their ids. Raw, because ids are hashed and streamed. PostgreSQL only.
func (m *Reader) IDs(ctx context.Context, t *models.Table, shift int) iter.Seq2[database.Bucket, error] {
	return m.conn.Buckets(ctx, database.AllIDs(), shift, "id", func(string) string {
		return fmt.Sprintf("SELECT id, %s AS hash, 0 AS quarantined FROM %s UNION ALL SELECT id, %[1]s, 1 FROM (%[3]s) q",
			database.HashID("id"), t.Mirror, quarantineOf(t))
	})
}

// hash returns the SQL expression for the hash of a mirrored row m. A row with unsupported values, from an adopted table or
// a manual edit, never has the hash of its source row: it must not count as equal.
func (m *Reader) hash(t *models.Table) string {
	hash := m.s.Hash("m", t, m.hashing)
	var fits []string
	for _, c := range t.Columns {
		if condition := m.s.Fits("m."+c.Name, c); condition != "" {
			fits = append(fits, "("+condition+") IS NOT FALSE")
		}
	}
	if fits == nil {
		return hash
	}
	return "CASE WHEN " + strings.Join(fits, " AND ") + " THEN " + hash + " ELSE ~" + hash + " END"
}

// quarantineOf selects a table's quarantine with row_id as id, for conditions on ranges.
func quarantineOf(t *models.Table) string {
	return "SELECT CAST(row_id AS integer) AS id, reason_code, reason_column, source_hash FROM lifecycle_sync_quarantine WHERE table_name = '" + t.Name + "'"
}

// Rows streams by id the mirrored rows in the ranges and, with a reason and without values, the rows in quarantine. With
// a run's transaction id, Newer is set (PostgreSQL only). Raw, because the dialect converts every value.
func (m *Reader) Rows(ctx context.Context, t *models.Table, ranges []database.Range, runXID *int64) iter.Seq2[database.Row, error] {
	if m.absent {
		return func(func(database.Row, error) bool) {}
	}
	cells, nulls := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = m.s.Cell("m."+c.Name, c) + " AS " + c.Name
		nulls[i] = "CAST(NULL AS " + c.Type + ")" // typed, because a UNION takes its types from its first query
	}
	cells[0], nulls[0] = "m.id", "q.id" // whole numbers, not their text: the union is ordered by them
	newer := "NULL"
	if runXID != nil && m.s.Features().RowVersions {
		// Rows of later API writes are not manual edits.
		newer = fmt.Sprintf("age(m.xmin) < age('%d'::xid) AND m.xmin::text::bigint NOT IN "+
			"(SELECT w.mirror_xid & 4294967295 FROM lifecycle_sync_runs w WHERE w.mode = '%s' AND w.mirror_xid > %d)",
			uint32(*runXID), models.WriteRun, *runXID)
	}
	query, args := m.s.InRanges(ranges, "id", func(condition string) string {
		return fmt.Sprintf("SELECT %s, NULL AS reason_code, NULL AS reason_column, NULL AS source_hash, %s AS newer FROM %s m WHERE %s UNION ALL "+
			"SELECT %s, q.reason_code, q.reason_column, q.source_hash, NULL FROM (%s) q WHERE %s ORDER BY id",
			strings.Join(cells, ", "), newer, t.Mirror, condition, strings.Join(nulls, ", "), quarantineOf(t), condition)
	})
	return m.conn.TableRows(ctx, t, query, args)
}

// Children streams, in id order, the mirrored rows whose column refers to one of the given ids. Raw, because it streams.
func (m *Reader) Children(ctx context.Context, t *models.Table, column string, ids []int64) iter.Seq2[int64, error] {
	condition, args := m.s.AnyOf(column, ids)
	return database.IDs(m.conn.Rows(ctx, "SELECT id FROM "+t.Mirror+" WHERE "+condition+" ORDER BY id", args...))
}

// WaitingChildren streams, in id order, the quarantined rows whose column refers to one of the given ids. Raw, because it streams.
func (m *Reader) WaitingChildren(ctx context.Context, t *models.Table, column string, ids []int64) iter.Seq2[int64, error] {
	condition, args := m.s.AnyOf("CAST(payload ->> '"+column+"' AS bigint)", ids)
	return database.IDs(m.conn.Rows(ctx, "SELECT id FROM ("+quarantineOf(t)+" AND "+condition+") q ORDER BY id", args...))
}

// Watermark returns the watermark, nil before the first run.
func (m *Reader) Watermark(ctx context.Context) (*models.Watermark, error) {
	if m.absent {
		return nil, nil //nolint:nilnil // as documented
	}
	return journal.New(m.s).Watermark(ctx)
}

// Count counts the rows of a mirrored table.
func (m *Reader) Count(ctx context.Context, t *models.Table) (n int64, err error) {
	err = m.s.Gorm(ctx).Table(t.Mirror).Count(&n).Error
	return n, m.s.Translate(err)
}

// HasOthers reports whether a mirrored table has rows other than the given ones. Raw, because GORM would bind every id.
func (m *Reader) HasOthers(ctx context.Context, t *models.Table, ids []int64) (others bool, err error) {
	err = m.conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+t.Mirror+" WHERE id <> ALL($1::bigint[]))", []any{ids}, &others)
	return others, err
}

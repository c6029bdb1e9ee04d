package mirror

import (
	"context"
	"fmt"
	"iter"
	"strconv"
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
	hashing database.Hashing
	writing bool
	infos   map[string]database.TableInfo // by mirror name, once examined
	guarded guardedKeys                   // likewise; nil where there are no keys to ask about
	absent  bool                          // the tables are not there yet: there is nothing to read
	Probe   string                        // what the server's own hash function makes of a fixed row
	// Triggered says that triggers or rules of somebody else's could change mirrored rows behind our
	// back, so that only a look at every row proves anything.
	Triggered bool
}

// Read opens the mirror for reading, as it is now. Errors: connection.
func (s *Store) Read(ctx context.Context) (*Reader, error) {
	conn, err := s.pool.DB.BeginConn(ctx, database.ReadOnly)
	if err != nil {
		return nil, err
	}
	return s.reader(conn), nil
}

// Portable makes the mirror hash rows in the way that two differing servers agree on.
func (m *Reader) Portable() { m.hashing.Portable = true }

// Close gives the connection back.
func (m *Reader) Close() { m.s.Conn.Close() }

// Buckets streams, in order, the fingerprints by id>>shift of the mirrored rows and of the source
// hashes kept with quarantined rows, together. PostgreSQL only.
func (m *Reader) Buckets(ctx context.Context, t *models.Table, ranges []database.Range, shift int) iter.Seq2[database.Bucket, error] {
	if m.absent {
		return func(func(database.Bucket, error) bool) {}
	}
	return m.s.Conn.Buckets(ctx, ranges, shift, "id", func(condition string) string {
		return fmt.Sprintf("SELECT id, %s AS hash, 0 AS quarantined FROM %s m WHERE %s UNION ALL "+
			"SELECT id, source_hash, 1 FROM (%s) q WHERE %s", m.hash(t), t.Mirror, condition, quarantineOf(t), condition)
	})
}

// IDs streams, in order, what is known of the mirrored and the quarantined rows by id>>shift: how many
// there are, how many of them are in quarantine, and the exclusive or of their ids' hashes. PostgreSQL only.
func (m *Reader) IDs(ctx context.Context, t *models.Table, shift int) iter.Seq2[database.Bucket, error] {
	return m.s.Conn.Buckets(ctx, database.AllIDs(), shift, "id", func(string) string {
		return fmt.Sprintf("SELECT id, %s AS hash, 0 AS quarantined FROM %s UNION ALL SELECT id, %[1]s, 1 FROM (%[3]s) q",
			database.HashID("id"), t.Mirror, quarantineOf(t))
	})
}

// hash is the hash of a mirrored row m. One whose values do not fit, which an adopted table or a hand
// edit can hold, never hashes as its source row does: it must not pass for equal.
func (m *Reader) hash(t *models.Table) string {
	hash := m.s.DB.Hash("m", t, m.hashing)
	var fits []string
	for _, c := range t.Columns {
		if condition := m.s.DB.Fits("m."+c.Name, c); condition != "" {
			fits = append(fits, "("+condition+") IS NOT FALSE")
		}
	}
	if fits == nil {
		return hash
	}
	return "CASE WHEN " + strings.Join(fits, " AND ") + " THEN " + hash + " ELSE ~" + hash + " END"
}

// quarantineOf selects a table's quarantine with its row_id as id, which a range condition speaks of.
func quarantineOf(t *models.Table) string {
	return "SELECT CAST(row_id AS integer) AS id, reason_code, reason_column, source_hash FROM lifecycle_sync_quarantine WHERE table_name = '" + t.Name + "'"
}

// Rows streams, in id order, the mirrored rows of the given ranges and, with a reason and without
// values, the marks of rows in quarantine. With the transaction of a run, Newer is filled (PostgreSQL
// only).
func (m *Reader) Rows(ctx context.Context, t *models.Table, ranges []database.Range, runXID *int64) iter.Seq2[database.Row, error] {
	if m.absent {
		return func(func(database.Row, error) bool) {}
	}
	cells, nulls := make([]string, len(t.Columns)), make([]string, len(t.Columns))
	for i, c := range t.Columns {
		cells[i] = m.s.DB.Cell("m."+c.Name, c) + " AS " + c.Name
		nulls[i] = "CAST(NULL AS " + c.Type + ")" // typed, because a UNION takes its types from its first query
	}
	cells[0], nulls[0] = "m.id", "q.id" // whole numbers, not their text: the union is ordered by them
	newer := "NULL"
	if runXID != nil && m.s.DB.Features().RowVersions {
		// What an API write has brought since is not somebody else's doing.
		newer = fmt.Sprintf("age(m.xmin) < age('%d'::xid) AND m.xmin::text::bigint NOT IN "+
			"(SELECT w.mirror_xid & 4294967295 FROM lifecycle_sync_runs w WHERE w.mode = '%s' AND w.mirror_xid > %d)",
			uint32(*runXID), models.WriteRun, *runXID)
	}
	query, args := m.s.DB.InRanges(ranges, "id", func(condition string) string {
		return fmt.Sprintf("SELECT %s, NULL AS reason_code, NULL AS reason_column, NULL AS source_hash, %s AS newer FROM %s m WHERE %s UNION ALL "+
			"SELECT %s, q.reason_code, q.reason_column, q.source_hash, NULL FROM (%s) q WHERE %s ORDER BY id",
			strings.Join(cells, ", "), newer, t.Mirror, condition, strings.Join(nulls, ", "), quarantineOf(t), condition)
	})
	return m.s.Conn.TableRows(ctx, t, query, args)
}

// Children streams, in id order, the mirrored rows whose column refers to one of the given ids.
func (m *Reader) Children(ctx context.Context, t *models.Table, column string, ids []int64) iter.Seq2[int64, error] {
	condition, args := m.s.DB.AnyOf(column, ids)
	return m.ids(ctx, "SELECT id FROM "+t.Mirror+" WHERE "+condition+" ORDER BY id", args)
}

// WaitingChildren streams, in id order, the quarantined rows whose column refers to one of the given ids.
func (m *Reader) WaitingChildren(ctx context.Context, t *models.Table, column string, ids []int64) iter.Seq2[int64, error] {
	condition, args := m.s.DB.AnyOf("CAST(payload ->> '"+column+"' AS bigint)", ids)
	return m.ids(ctx, "SELECT row_id FROM lifecycle_sync_quarantine WHERE table_name = '"+t.Name+"' AND "+condition+" ORDER BY row_id", args)
}

func (m *Reader) ids(ctx context.Context, query string, args []any) iter.Seq2[int64, error] {
	return func(yield func(int64, error) bool) {
		for cells, err := range m.s.Conn.Rows(ctx, query, args...) {
			var id int64
			if err == nil {
				id, err = strconv.ParseInt(string(cells[0]), 10, 64)
			}
			if !yield(id, err) || err != nil {
				return
			}
		}
	}
}

// Watermark is up to where the mirror holds what lifecycle_db committed; nil before the first run.
func (m *Reader) Watermark(ctx context.Context) (*models.Watermark, error) {
	if m.absent {
		return nil, nil //nolint:nilnil // as documented
	}
	return journal.New(m.s).Watermark(ctx)
}

package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Visibility tells which transactions a snapshot sees.
type Visibility struct {
	Flushed  int64 // WAL position behind the last visible commit that had been flushed
	Inserted int64 // WAL position behind the last visible commit
	xmax     int64
	running  map[int64]bool
}

// Sees reports whether the snapshot sees what a transaction committed.
func (v Visibility) Sees(t Transaction) bool {
	return v.seesXID(t.XID) && !slices.ContainsFunc(t.merged, func(xid uint32) bool { return !v.seesXID(xid) })
}

func (v Visibility) seesXID(xid uint32) bool {
	distance := uint32(v.xmax) - xid // to the first id not yet assigned; ids wrap around
	return distance > 0 && distance <= 1<<31 && !v.running[v.xmax-int64(distance)]
}

// Visibility reads which transactions the snapshot sees. On a primary only. Errors: connection.
func (s *Snapshot) Visibility(ctx context.Context) (v Visibility, err error) {
	var text string
	err = s.conn.QueryRow(ctx, `SELECT pg_current_snapshot()::text, (pg_current_wal_flush_lsn() - '0/0')::bigint, (pg_current_wal_insert_lsn() - '0/0')::bigint`,
		nil, &text, &v.Flushed, &v.Inserted)
	if err != nil {
		return v, err
	}
	parts := strings.Split(text, ":") // xmin:xmax:running,running
	if v.xmax, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
		return v, fmt.Errorf("snapshot: %w", err)
	}
	v.running = map[int64]bool{}
	for _, xid := range strings.FieldsFunc(parts[2], func(r rune) bool { return r == ',' }) {
		id, err := strconv.ParseInt(xid, 10, 64)
		if err != nil {
			return v, fmt.Errorf("snapshot: %w", err)
		}
		v.running[id] = true
	}
	return v, nil
}

// Flushed is the WAL position up to which the server has flushed its log. On a primary only. Errors: connection.
func (s *Source) Flushed(ctx context.Context) (lsn int64, err error) {
	err = s.db.QueryRow(ctx, "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint", nil, &lsn)
	return lsn, err
}

package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Sight is what a snapshot sees.
type Sight struct {
	Flushed  int64 // every commit that it sees and that was made to last ends before here in the log
	Inserted int64 // every commit that it sees, at all
	xmax     int64
	running  map[int64]bool
}

// Sees reports whether the snapshot sees what a transaction committed.
func (s Sight) Sees(t Transaction) bool {
	return s.sees(t.XID) && !slices.ContainsFunc(t.also, func(xid uint32) bool { return !s.sees(xid) })
}

func (s Sight) sees(xid uint32) bool {
	back := uint32(s.xmax) - xid // how many transaction ids it lies before the first that was not given
	if back == 0 || back > 1<<31 {
		return false
	}
	return !s.running[s.xmax-int64(back)]
}

// Sight tells what the snapshot sees. On a primary only. Errors: connection.
func (s *Snapshot) Sight(ctx context.Context) (sight Sight, err error) {
	var text string
	err = s.conn.QueryRow(ctx, `SELECT pg_current_snapshot()::text, (pg_current_wal_flush_lsn() - '0/0')::bigint, (pg_current_wal_insert_lsn() - '0/0')::bigint`,
		nil, &text, &sight.Flushed, &sight.Inserted)
	if err != nil {
		return sight, err
	}
	parts := strings.Split(text, ":") // xmin:xmax:those that run between them
	if sight.xmax, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
		return sight, err
	}
	sight.running = map[int64]bool{}
	for xid := range strings.SplitSeq(parts[2], ",") {
		if xid == "" {
			continue
		}
		id, err := strconv.ParseInt(xid, 10, 64)
		if err != nil {
			return sight, fmt.Errorf("a snapshot: %w", err)
		}
		sight.running[id] = true
	}
	return sight, nil
}

// Flushed is where the log ends that is made to last. On a primary only. Errors: connection.
func (s *Source) Flushed(ctx context.Context) (lsn int64, err error) {
	err = s.db.SQL.QueryRowContext(ctx, "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint").Scan(&lsn)
	return lsn, s.db.Translate(err)
}

package lifecycle

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// Delta describes the rows whose id>>shift is ID without reading them: their number, the exclusive or of the hashes of
// their ids, and which of them were written at or after a horizon.
type Delta struct {
	database.Bucket
	Newer []int64
}

// Deltas streams, in order, the deltas of a whole table since a horizon; Newer is unordered. One statement reads ids
// and transaction ids, so that age() means the same for both. updated_at plays no role: late commits and unstamped
// edits are found. PostgreSQL only.
func (s *Snapshot) Deltas(ctx context.Context, t *models.Table, horizon int64, shift int) iter.Seq2[Delta, error] {
	query := fmt.Sprintf("SELECT x.id >> %d, count(*), bit_xor(%s), array_agg(x.id) FILTER (WHERE x.newer) FROM "+
		"(SELECT s.id, age(s.xmin) <= age('%d'::xid) AS newer FROM %s s UNION ALL SELECT 0, FALSE%s) x GROUP BY 1 ORDER BY 1",
		shift, database.HashID("x.id"), uint32(horizon), t.Source, noRows)
	return func(yield func(Delta, error) bool) {
		for cells, err := range s.conn.Rows(ctx, query) {
			var d Delta
			if err == nil {
				d, err = readDelta(cells)
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

func readDelta(cells [][]byte) (d Delta, err error) {
	for i, dest := range []*int64{&d.ID, &d.Rows, &d.Hash} {
		if *dest, err = strconv.ParseInt(string(cells[i]), 10, 64); err != nil {
			return d, err
		}
	}
	if cells[3] == nil {
		return d, nil
	}
	for text := range strings.SplitSeq(strings.Trim(string(cells[3]), "{}"), ",") {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return d, err
		}
		d.Newer = append(d.Newer, id)
	}
	return d, nil
}

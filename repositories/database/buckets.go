package database

import (
	"context"
	"fmt"
	"iter"
	"strconv"
)

// Bucket is the fingerprint of the rows whose id>>shift is ID: how many there are, how many of them
// stand in quarantine, and the exclusive or of their hashes.
type Bucket struct {
	ID          int64
	Rows        int64
	Quarantined int64
	Hash        int64
}

// Buckets streams, in order, the fingerprints by id>>shift of what rows selects for a condition on
// its id: columns id, hash and quarantined (0 or 1). It hashes in the database, in parallel where the
// server can. With shift 0 each row comes by itself. PostgreSQL only.
func (c *Conn) Buckets(ctx context.Context, ranges []Range, shift int, id string, rows func(condition string) string) iter.Seq2[Bucket, error] {
	if shift == 0 {
		query, args := c.db.Ranged(ranges, id, func(condition string) string { return rows(condition) + " ORDER BY 1" })
		return c.readBuckets(ctx, "SELECT x.id, 1, x.quarantined, x.hash FROM ("+query+") x", args)
	}
	query, args := c.db.Ranged(ranges, id, rows)
	return c.readBuckets(ctx, fmt.Sprintf("SELECT x.id >> %d, count(*), sum(x.quarantined), bit_xor(x.hash) FROM (%s) x GROUP BY 1 ORDER BY 1", shift, query), args)
}

func (c *Conn) readBuckets(ctx context.Context, query string, args []any) iter.Seq2[Bucket, error] {
	return func(yield func(Bucket, error) bool) {
		for cells, err := range c.Rows(ctx, query, args...) {
			if err != nil {
				yield(Bucket{}, err)
				return
			}
			var b Bucket
			for i, dest := range []*int64{&b.ID, &b.Rows, &b.Quarantined, &b.Hash} {
				if *dest, err = strconv.ParseInt(string(cells[i]), 10, 64); err != nil {
					break
				}
			}
			if !yield(b, err) || err != nil {
				return
			}
		}
	}
}

package mirror

import (
	"fmt"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// pair is all that is known of one id: the source's row, the mirror's row and the quarantine's mark,
// each nil when there is none.
type pair struct {
	table  *models.Table
	source *database.Row
	mirror *database.Row
	mark   *database.Row
}

// changes says what must be done so that the mirror holds the row exactly when the source has it and
// it fits. Mostly that is nothing or one change; a mark beside a mirrored row makes it two.
func (p pair) changes(id int64) []Change {
	c := Change{Table: p.table, ID: id}
	if p.source != nil {
		c.After, c.SourceNewer = p.source.Row, p.source.Newer
	}
	if p.mirror != nil {
		c.Before, c.MirrorNewer = p.mirror.Row, p.mirror.Newer
	}
	if p.source != nil && p.source.Reason != "" {
		if p.mirror == nil && p.mark != nil && p.mark.Reason == p.source.Reason && p.mark.Hash == p.source.Hash {
			return nil
		}
		c.Action, c.Reason, c.Hash = Quarantine, p.source.Reason, p.source.Hash
		return []Change{c}
	}
	forget := Change{Table: p.table, ID: id, Action: Forget}
	switch {
	case p.source == nil && p.mirror != nil:
		c.Action = Delete
	case p.source == nil:
		return []Change{forget}
	case p.mirror == nil && p.mark != nil:
		c.Action = Release
		return []Change{c}
	case p.mirror == nil:
		c.Action = Insert
	default:
		for i := range c.After.Cells {
			if !models.SameCell(c.After.Cells[i], c.Before.Cells[i]) {
				c.Columns = append(c.Columns, i)
			}
		}
		c.Action = Update
	}
	var changes []Change
	if c.Action != Update || c.Columns != nil {
		changes = append(changes, c)
	}
	if p.mark != nil {
		changes = append(changes, forget)
	}
	return changes
}

// note counts a change.
func (s *tableStats) note(c Change) {
	switch c.Action {
	case Insert:
		s.count.Inserted++
		s.entering++
	case Release:
		s.count.Released++
		s.entering++
	case Update:
		s.count.Updated++
	case Delete:
		s.count.Deleted++
	case Quarantine, Forget:
	}
	if c.Leaves() {
		s.leaving = append(s.leaving, c.ID)
	}
}

// tally counts a pair that was read.
func (s *tableStats) tally(p pair) {
	if p.source != nil && p.source.Reason != "" {
		s.count.Quarantined++
	}
	if p.mirror != nil && s.uncounted {
		s.before++
	}
}

// ordered steps through a stream of rows and holds it to its promise of ascending ids, on which the
// merge relies. Two of one id may follow each other: a mirrored row and its quarantine mark.
type ordered[T any] struct {
	next    func() (T, bool, error)
	id      func(T) int64
	current T
	ok      bool
	last    int64
	started bool
}

func (o *ordered[T]) advance() (err error) {
	if o.current, o.ok, err = o.next(); err != nil || !o.ok {
		return err
	}
	id := o.id(o.current)
	if o.started && id < o.last {
		return fmt.Errorf("rows out of order: id %d after %d", id, o.last)
	}
	o.last, o.started = id, true
	return nil
}

package mirror

import (
	"context"
	"fmt"
	"strconv"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// blame finds out which transaction of the source takes which rows out of the mirror, because in real time
// the guard counts by transaction, though several are brought together.
type blame struct {
	touched map[string]map[int64][]int      // by source table and id: the transactions that touched the row
	whole   map[string]int                  // and the last that truncated the table
	leaving map[string]map[int64][]int      // by source table and id: who takes the row out
	counts  map[int]map[*models.Table]int64 // by transaction and table: how many rows
}

// nobody stands for a change that no transaction of the step explains, such as of a hand edit found by the way.
const nobody = -1

func newBlame(seen []lifecycle.Transaction) *blame {
	b := &blame{map[string]map[int64][]int{}, map[string]int{}, map[string]map[int64][]int{}, map[int]map[*models.Table]int64{}}
	for i, t := range seen {
		for table, rows := range t.Rows {
			if rows.Whole {
				b.whole[table] = i
			}
			if b.touched[table] == nil {
				b.touched[table] = map[int64][]int{}
			}
			for _, id := range rows.IDs {
				if who := b.touched[table][id]; who == nil || who[len(who)-1] != i {
					b.touched[table][id] = append(who, i)
				}
			}
		}
	}
	return b
}

// note is told every change, parents before children.
func (b *blame) note(c Change) {
	if !c.Leaves() {
		return
	}
	who := b.who(c)
	if b.leaving[c.Table.Source] == nil {
		b.leaving[c.Table.Source] = map[int64][]int{}
	}
	b.leaving[c.Table.Source][c.ID] = who
	for _, one := range who {
		if b.counts[one] == nil {
			b.counts[one] = map[*models.Table]int64{}
		}
		b.counts[one][c.Table]++
	}
}

// who takes a row out. A row that is deleted is taken out by whoever did that, the last to touch it. One that no
// longer fits is taken out by whoever took a row out that it refers to; else by one of those who touched it, each
// of whom is counted, or who truncated its table.
func (b *blame) who(c Change) []int {
	touched := b.touched[c.Table.Source][c.ID]
	if touched != nil && c.Action == Delete {
		return touched[len(touched)-1:]
	}
	if parents := b.ofParents(c); parents != nil {
		return parents
	}
	if touched != nil {
		return touched
	}
	if who, ok := b.whole[c.Table.Source]; ok {
		return []int{who}
	}
	return []int{nobody}
}

// ofParents is who takes a row out that a leaving row refers to, or did; nil when none of those leaves.
func (b *blame) ofParents(c Change) []int {
	for _, row := range []models.Row{c.After, c.Before} {
		for i, column := range c.Table.Columns {
			if column.References == "" || row.Cells == nil || row.Cells[i] == nil {
				continue
			}
			parent, err := strconv.ParseInt(string(row.Cells[i]), 10, 64)
			if who := b.leaving[column.References][parent]; who != nil && err == nil {
				return who
			}
		}
	}
	return nil
}

// guard refuses a silent mass delete, as guard does of a run: more than 10 rows and more than 10 % of a table
// by one transaction, or a table that becomes empty.
func (b *blame) guard(ctx context.Context, d *differ) error {
	var total int64
	for _, s := range d.stats {
		total += int64(len(s.leaving))
	}
	refused := func(what string) error {
		return &models.Error{Class: models.MassDelete, LegacyMessage: what + ". Real time has stopped, and nothing was changed",
			LegacyRemedy: fmt.Sprintf("See in lifecycle_db whether these rows were meant to go; if so, run lifecycle-sync sync --allow-deletes %d, and real time goes on by itself.", total)}
	}
	for _, s := range d.stats {
		if len(s.leaving) == 0 {
			continue
		}
		if s.entering == 0 {
			if holds, err := d.mirror.Holds(ctx, s.table, s.leaving); err != nil {
				return err
			} else if !holds {
				return refused(s.table.Mirror + " would become empty")
			}
		}
		for _, counts := range b.counts {
			n := counts[s.table]
			if n <= guardRows {
				continue
			}
			before, err := d.mirror.Count(ctx, s.table)
			if err != nil {
				return err
			}
			if n*100 > before*guardPercent {
				return refused(fmt.Sprintf("one transaction in lifecycle_db takes %d of %d %s out of the mirror", n, before, s.table.Noun))
			}
		}
	}
	return nil
}

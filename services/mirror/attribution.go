package mirror

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// attribution finds which source transaction removes which rows from the mirror. In real time the mass-delete guard
// counts per transaction, although several are applied together.
type attribution struct {
	touched   map[rowKey][]int // the transactions that touched the row
	truncated map[string]int   // by source table: the last transaction that truncated it
	leaving   map[rowKey][]int // the transactions that remove the row
	counts    map[tableKey]int64
}

// rowKey names a row by source table and id.
type rowKey struct {
	table string
	id    int64
}

// tableKey names the rows of a source table that a transaction removes.
type tableKey struct {
	table string
	tx    int
}

// unattributed stands for changes that no transaction explains, such as a correction of drift.
const unattributed = -1

func newAttribution(transactions []lifecycle.Transaction) *attribution {
	a := &attribution{map[rowKey][]int{}, map[string]int{}, map[rowKey][]int{}, map[tableKey]int64{}}
	for i, tx := range transactions {
		for table, rows := range tx.Rows {
			if rows.Whole {
				a.truncated[table] = i
			}
			for _, id := range rows.IDs {
				key := rowKey{table, id}
				if by := a.touched[key]; by == nil || by[len(by)-1] != i {
					a.touched[key] = append(by, i)
				}
			}
		}
	}
	return a
}

// record attributes a change. Changes of parents come before those of their children.
func (a *attribution) record(c Change) {
	if !c.Leaves() {
		return
	}
	by := a.attribute(c)
	a.leaving[rowKey{c.Table.Source, c.ID}] = by
	for _, tx := range by {
		a.counts[tableKey{c.Table.Source, tx}]++
	}
}

// attribute returns the transactions that remove a row. A deleted row is removed by the last transaction that touched
// it. A row that no longer fits is removed by those that removed a row it refers to; otherwise by all that touched it;
// otherwise by the one that truncated its table.
func (a *attribution) attribute(c Change) []int {
	touched := a.touched[rowKey{c.Table.Source, c.ID}]
	if touched != nil && c.Action == Delete {
		return touched[len(touched)-1:]
	}
	for _, row := range []models.Row{c.After, c.Before} {
		for table, id := range parents(c.Table, row) {
			if by := a.leaving[rowKey{table, id}]; by != nil {
				return by
			}
		}
	}
	if touched != nil {
		return touched
	}
	if tx, ok := a.truncated[c.Table.Source]; ok {
		return []int{tx}
	}
	return []int{unattributed}
}

// guard refuses a silent mass delete like the guard of runs: more than 10 rows and more than 10 % of a table by one
// transaction, or a table that becomes empty.
func (a *attribution) guard(ctx context.Context, d *differ) error {
	refused := func(cause models.Text) error {
		return models.NewError(models.MassDelete, "mirror.realtime_mass_delete", models.Params{"cause": cause, "count": d.leaving()}).
			WithCommand("mirror.realtime_mass_delete_remedy", nil, fmt.Sprintf(allowCommand, d.leaving()))
	}
	for _, s := range d.stats {
		if len(s.leaving) == 0 {
			continue
		}
		if s.entering == 0 {
			if holds, err := d.mirror.HasOthers(ctx, s.table, s.leaving); err != nil {
				return err
			} else if !holds {
				return refused(tableEmptied(s.table, int64(len(s.leaving))))
			}
		}
		for removed, n := range a.counts {
			if removed.table != s.table.Source || n <= guardRows {
				continue
			}
			before, err := d.mirror.Count(ctx, s.table)
			if err != nil {
				return err
			}
			if n*100 > before*guardPercent {
				return refused(models.NewText("mirror.transaction_would_delete", models.Params{"table": s.table.Mirror, "leaving": n, "before": before}))
			}
		}
	}
	return nil
}

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
	touched   map[string]map[int64][]int      // by source table and id: the transactions that touched the row
	truncated map[string]int                  // by source table: the last transaction that truncated it
	leaving   map[string]map[int64][]int      // by source table and id: the transactions that remove the row
	counts    map[int]map[*models.Table]int64 // by transaction and table: how many rows it removes
}

// unattributed stands for changes that no transaction explains, such as a correction of drift.
const unattributed = -1

func newAttribution(transactions []lifecycle.Transaction) *attribution {
	a := &attribution{map[string]map[int64][]int{}, map[string]int{}, map[string]map[int64][]int{}, map[int]map[*models.Table]int64{}}
	for i, tx := range transactions {
		for table, rows := range tx.Rows {
			if rows.Whole {
				a.truncated[table] = i
			}
			if a.touched[table] == nil {
				a.touched[table] = map[int64][]int{}
			}
			for _, id := range rows.IDs {
				if by := a.touched[table][id]; by == nil || by[len(by)-1] != i {
					a.touched[table][id] = append(by, i)
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
	if a.leaving[c.Table.Source] == nil {
		a.leaving[c.Table.Source] = map[int64][]int{}
	}
	a.leaving[c.Table.Source][c.ID] = by
	for _, tx := range by {
		if a.counts[tx] == nil {
			a.counts[tx] = map[*models.Table]int64{}
		}
		a.counts[tx][c.Table]++
	}
}

// attribute returns the transactions that remove a row. A deleted row is removed by the last transaction that touched
// it. A row that no longer fits is removed by those that removed a row it refers to; otherwise by all that touched it;
// otherwise by the one that truncated its table.
func (a *attribution) attribute(c Change) []int {
	touched := a.touched[c.Table.Source][c.ID]
	if touched != nil && c.Action == Delete {
		return touched[len(touched)-1:]
	}
	for _, row := range []models.Row{c.After, c.Before} {
		for table, id := range parents(c.Table, row) {
			if by := a.leaving[table][id]; by != nil {
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
			if holds, err := d.mirror.Holds(ctx, s.table, s.leaving); err != nil {
				return err
			} else if !holds {
				return refused(tableEmptied(s.table, int64(len(s.leaving))))
			}
		}
		for _, counts := range a.counts {
			n := counts[s.table]
			if n <= guardRows {
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

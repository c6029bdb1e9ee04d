package mirror

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
)

// The mass-delete guard stops a run that would delete more rows of one table than both limits allow.
const (
	guardRows    = 10
	guardPercent = 10
)

// guard rejects a silent mass delete: more than 10 rows and more than 10 % of a table, or all rows of a table, unless
// allowed is exactly the number of deletes in all tables. It also rejects any other allowance: the user expected something
// else.
func guard(d *differ, allowed *int64) error {
	var tables models.Texts
	tripped := false
	for _, s := range d.stats {
		if len(s.deletes) == 0 {
			continue
		}
		tripped = tripped || s.trips()
		n := int64(len(s.deletes))
		if s.empties() {
			tables = append(tables, tableEmptied(s.table, n))
		} else {
			tables = append(tables, models.NewText("mirror.table_would_lose", models.Params{"table": s.table.Mirror, "leaving": n, "before": s.before}))
		}
	}
	total := d.deletes()
	command := fmt.Sprintf(allowCommand, total)
	switch {
	case allowed != nil && *allowed != total && total == 0:
		return models.NewError(models.MassDelete, "mirror.nothing_to_delete", models.Params{"allowed": *allowed}).
			WithCommand("mirror.allowance_differs_remedy", nil, command)
	case allowed != nil && *allowed != total:
		return models.NewError(models.MassDelete, "mirror.allowance_differs", models.Params{"allowed": *allowed, "count": total, "tables": tables}).
			WithCommand("mirror.allowance_differs_remedy", nil, command)
	case allowed == nil && tripped:
		return models.NewError(models.MassDelete, "mirror.mass_delete",
			models.Params{"count": total, "tables": tables, "limit_rows": guardRows, "limit_percent": guardPercent}).
			WithCommand("mirror.mass_delete_remedy", nil, command)
	default:
		return nil
	}
}

// allowCommand allows a number of deletes.
const allowCommand = "lifecycle-sync sync --allow-deletes %d"

func tableEmptied(t *models.Table, rows int64) models.Text {
	return models.NewText("mirror.table_would_be_empty", models.Params{"table": t.Mirror, "leaving": rows, "before": rows})
}

// guardRefresh allows exactly the number of rows that the write deleted; the guard of runs decides about any other number.
func guardRefresh(ctx context.Context, d *differ, deleted int64) error {
	if d.deletes() == deleted {
		return nil
	}
	for _, s := range d.stats {
		if len(s.deletes) == 0 {
			continue
		}
		n, err := d.mirror.Count(ctx, s.table)
		if err != nil {
			return err
		}
		s.before = n
	}
	return guard(d, nil)
}

// deletes returns the number of rows that the Diff deletes in all tables.
func (d *differ) deletes() (total int64) {
	for _, s := range d.stats {
		total += int64(len(s.deletes))
	}
	return total
}

// trips reports whether too many rows of the table would be deleted.
func (s *tableStats) trips() bool {
	n := int64(len(s.deletes))
	return s.empties() || n > guardRows && n*100 > s.before*guardPercent
}

// empties reports whether the table would become empty.
func (s *tableStats) empties() bool {
	n := int64(len(s.deletes))
	return n > 0 && s.before-n+s.inserts == 0
}

// attribution finds which source transaction removes which rows from the mirror. During real-time sync the
// mass-delete guard counts per transaction, although several are applied together.
type attribution struct {
	touched   map[rowKey][]int // the transactions that touched the row
	truncated map[string]int   // by source table: the last transaction that truncated it
	removers  map[rowKey][]int // the transactions that remove the row
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

// unattributed is the index for changes without a source transaction, such as corrected drift.
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
	if !c.RemovesRow() {
		return
	}
	by := a.attribute(c)
	a.removers[rowKey{c.Table.Source, c.ID}] = by
	for _, tx := range by {
		a.counts[tableKey{c.Table.Source, tx}]++
	}
}

// attribute returns the transactions that remove a row. A deleted row is removed by the last transaction that touched
// it. A row that is no longer supported is removed by those that removed a row it refers to; otherwise by all that touched it;
// otherwise by the one that truncated its table.
func (a *attribution) attribute(c Change) []int {
	touched := a.touched[rowKey{c.Table.Source, c.ID}]
	if touched != nil && c.Action == Delete {
		return touched[len(touched)-1:]
	}
	for _, row := range []models.Row{c.After, c.Before} {
		for table, id := range parents(c.Table, row) {
			if by := a.removers[rowKey{table, id}]; by != nil {
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

// guard rejects a silent mass delete like the guard of runs: more than 10 rows and more than 10 % of a table by one
// transaction, or a table that becomes empty.
func (a *attribution) guard(ctx context.Context, d *differ) error {
	refused := func(cause models.Text) error {
		return models.NewError(models.MassDelete, "mirror.realtime_mass_delete", models.Params{"cause": cause, "count": d.deletes()}).
			WithCommand("mirror.realtime_mass_delete_remedy", nil, fmt.Sprintf(allowCommand, d.deletes()))
	}
	for _, s := range d.stats {
		if len(s.deletes) == 0 {
			continue
		}
		if s.inserts == 0 {
			if holds, err := d.mirror.HasOthers(ctx, s.table, s.deletes); err != nil {
				return err
			} else if !holds {
				return refused(tableEmptied(s.table, int64(len(s.deletes))))
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

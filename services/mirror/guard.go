package mirror

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
)

// The mass-delete guard stops a run when more rows than both of these leave one table.
const (
	guardRows    = 10
	guardPercent = 10
)

// guard refuses a silent mass delete: more than 10 rows and more than 10 % leaving a table, or a table becoming empty,
// unless allowed is exactly the number of rows leaving all tables. Any other allowance is refused as well: the user
// expected something else.
func guard(d *differ, allowed *int64) error {
	var tables models.Texts
	tripped := false
	for _, s := range d.stats {
		if len(s.leaving) == 0 {
			continue
		}
		tripped = tripped || s.trips()
		n := int64(len(s.leaving))
		if s.empties() {
			tables = append(tables, tableEmptied(s.table, n))
		} else {
			tables = append(tables, models.NewText("mirror.table_would_lose", models.Params{"table": s.table.Mirror, "leaving": n, "before": s.before}))
		}
	}
	total := d.leaving()
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

// allowCommand allows a number of rows to leave.
const allowCommand = "lifecycle-sync sync --allow-deletes %d"

func tableEmptied(t *models.Table, rows int64) models.Text {
	return models.NewText("mirror.table_would_be_empty", models.Params{"table": t.Mirror, "leaving": rows, "before": rows})
}

// guardRefresh lets exactly the rows leave that were deleted on purpose; the guard of runs judges any other number.
func guardRefresh(ctx context.Context, d *differ, deleted int64) error {
	if d.leaving() == deleted {
		return nil
	}
	for _, s := range d.stats {
		if len(s.leaving) == 0 {
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

// leaving is how many rows leave all tables.
func (d *differ) leaving() (total int64) {
	for _, s := range d.stats {
		total += int64(len(s.leaving))
	}
	return total
}

// trips reports whether too many rows leave the table.
func (s *tableStats) trips() bool {
	n := int64(len(s.leaving))
	return s.empties() || n > guardRows && n*100 > s.before*guardPercent
}

// empties reports whether the table would become empty.
func (s *tableStats) empties() bool {
	n := int64(len(s.leaving))
	return n > 0 && s.before-n+s.entering == 0
}

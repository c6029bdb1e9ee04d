package mirror

import (
	"context"
	"fmt"
	"strings"

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
	var tripped, leaving []string
	for _, s := range d.stats {
		if n := len(s.leaving); n > 0 {
			leaving = append(leaving, fmt.Sprintf("%d of %d %s", n, s.before, s.table.Noun))
		}
		if reason := s.trips(); reason != "" {
			tripped = append(tripped, reason)
		}
	}
	total := d.leaving()
	switch {
	case allowed != nil && *allowed != total:
		return &models.Error{Class: models.MassDelete,
			LegacyMessage: fmt.Sprintf("%d rows were allowed to leave the mirror, but %d would: %s. Nothing was changed", *allowed, total, orNone(leaving)),
			LegacyRemedy:  fmt.Sprintf("Look at sync --dry-run; if it is right, run again with --allow-deletes %d.", total)}
	case allowed == nil && tripped != nil:
		return &models.Error{Class: models.MassDelete,
			LegacyMessage: strings.Join(tripped, ", ") + " (leaving: " + strings.Join(leaving, ", ") + "). Nothing was changed",
			LegacyRemedy:  fmt.Sprintf("See in lifecycle_db whether these rows were meant to go; if so, run again with --allow-deletes %d.", total)}
	default:
		return nil
	}
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

// trips says why too many rows leave the table, "" if they do not.
func (s *tableStats) trips() string {
	switch n := int64(len(s.leaving)); {
	case n > 0 && s.before-n+s.entering == 0:
		return s.table.Mirror + " would become empty"
	case n > guardRows && n*100 > s.before*guardPercent:
		return fmt.Sprintf("%s would lose %d %% of its rows", s.table.Mirror, n*100/s.before)
	default:
		return ""
	}
}

func orNone(parts []string) string {
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

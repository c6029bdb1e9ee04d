package mirror

import (
	"fmt"
	"strings"

	"lifecycle-sync/models"
)

// The guard stops a run when more rows than both of these leave one table.
const (
	guardRows    = 10
	guardPercent = 10
)

// guard refuses a silent mass delete: more than 10 rows and more than 10 % leaving a table, or a
// table becoming empty, unless allowed is exactly the number of rows leaving all tables. An allowance
// that is not that number is refused as well: somebody expected something else.
func guard(d *differ, allowed *int64) error {
	var total int64
	var tripped, leaving []string
	for _, s := range d.stats {
		n := int64(len(s.leaving))
		total += n
		if n > 0 {
			leaving = append(leaving, fmt.Sprintf("%d of %d %s", n, s.before, s.table.Noun))
		}
		if reason := s.trips(); reason != "" {
			tripped = append(tripped, reason)
		}
	}
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

// trips says why the rows leaving one table are too many, or "".
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

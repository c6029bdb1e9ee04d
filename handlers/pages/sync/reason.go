package sync

import (
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
)

// reason says in words why a row is in quarantine, and what to do in lifecycle_db.
type reason struct{ What, Todo string }

// reasonOf puts the reason of a quarantined row into words.
func reasonOf(q models.Quarantined, values []pages.Value, tables []*models.Table) reason {
	column := q.Reason.Column
	parent, holds := referredTo(q.Table, column, tables), cellText(values, column)
	switch q.Reason.Code {
	case models.DanglingReference:
		return reason{column + " is " + holds + ", and " + parent + " has no row with that id.",
			"Give the row an id that is there, or NULL where it may have none; or insert row " + holds + " into " + parent + "; or delete this row."}
	case models.ParentQuarantined:
		return reason{column + " is " + holds + ", and that row of " + parent + " is in quarantine itself.",
			"Mend that row: this one follows by itself."}
	case models.UnfitValue:
		return reason{column + " holds a value that cannot be shown: " + holds + ". A time must be of the years 1 to 9999, and not infinite.",
			"Correct the value, or set it to NULL where the row may have none."}
	case models.InvalidText:
		return reason{column + " holds bytes that are not UTF-8 text.", "Write the text again."}
	default:
		return reason{"It cannot stand in the mirror: " + q.Reason.String() + ".", "Look at the row in lifecycle_db."}
	}
}

// referredTo is what lifecycle_db calls the table whose id a column holds.
func referredTo(table, column string, tables []*models.Table) string {
	for _, t := range tables {
		for _, c := range t.References() {
			if t.Name == table && c.Name == column {
				return c.References
			}
		}
	}
	return "its table"
}

// cellText is a column's value, as far as it has room in a sentence.
func cellText(values []pages.Value, column string) string {
	for _, v := range values {
		if v.Name == column && v.Text != "" {
			if v.Start != "" {
				return v.Start + "…"
			}
			return v.Text
		}
	}
	return "empty"
}

package sync

import (
	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
)

// changedRow is an entry of the change log, for the template "changed-row".
type changedRow struct {
	Run          int64
	Table        string // as lifecycle_db calls it
	ID           int64
	Action, Tone string // in words
	Values       []changedValue
	Why          *reason       // why it would go into quarantine
	Source       []pages.Value // and the row as it is in lifecycle_db
	Left         bool          // the whole row left, so that only what was is shown
	Came         bool          // the whole row came, so that there is nothing before it
}

// changedValue is a column's value before and after a change.
type changedValue struct {
	Name          string
	Before, After pages.Value
}

// wouldBe is an entry of what a run would do, in words.
func wouldBe(c models.LoggedChange, table string) changedRow {
	row := changedRowOf(c, table)
	switch c.Action {
	case "update", "delete":
		row.Action = "would be " + row.Action
	case "quarantine":
		row.Action = "would go into quarantine"
		if unfit, is := c.Unfit(); is {
			row.Source = pages.ValuesOf(unfit.Row)
			why := reasonOf(models.Quarantined{Table: c.Table, Reason: unfit.Reason()}, row.Source, models.Tables())
			row.Why = &why
		}
	case "insert":
		row.Action = "would be new"
	case "release":
		row.Action = "would come out of quarantine"
	case "forget":
		row.Action = "would be gone from quarantine, as it is from lifecycle_db"
	}
	return row
}

// changedRowOf is an entry in words; table is what lifecycle_db calls its table.
func changedRowOf(c models.LoggedChange, table string) changedRow {
	row := changedRow{Run: c.RunID, Table: table, ID: c.RowID, Action: c.Action}
	switch c.Action {
	case "update":
		row.Action, row.Tone = "changed", "accent"
	case "delete":
		row.Action, row.Tone, row.Left = "deleted", "bad", true
	case "quarantine":
		row.Action, row.Tone, row.Left = "into quarantine", "warn", true
	case "insert":
		row.Action, row.Tone, row.Came = "new", "good", true
	case "release":
		row.Action, row.Tone, row.Came = "out of quarantine", "good", true
	case "forget":
		row.Action = "gone from quarantine, and from lifecycle_db"
	}
	after := map[string]pages.Value{}
	for _, v := range pages.ValuesOf(c.After) {
		after[v.Name] = v
		if row.Came {
			row.Values = append(row.Values, changedValue{Name: v.Name, After: v})
		}
	}
	for _, v := range pages.ValuesOf(c.Before) {
		now, known := after[v.Name]
		if !known {
			now = pages.Value{Name: v.Name, None: true}
		}
		row.Values = append(row.Values, changedValue{v.Name, v, now})
	}
	return row
}

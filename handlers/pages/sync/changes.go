package sync

import (
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
)

type changesPage struct {
	Tables    []string // as lifecycle_db calls them
	Table, ID string   // as asked for
	Asked     bool
	Changes   []rowChange
	Pager     pages.Pager
}

type rowChange struct {
	changedRow

	At   models.Instant
	Mode models.Text
}

// Changes asks for a table and the id of a row, and lists its changes, newest first.
func (h *Pages) Changes(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "table", "id", "page", "limit")
	asked := runs.RowQuery{Paging: request.Paging(q), Table: q.Text("table"), ID: q.ID("id")}
	if err := q.Err(); err != nil {
		return err
	}
	page := changesPage{Table: asked.Table, ID: q.Text("id"), Asked: asked.Table != ""}
	for _, t := range models.Tables() {
		page.Tables = append(page.Tables, t.Source)
	}
	if page.Asked {
		found, pagination, err := h.runs.RowChanges(c.UserContext(), asked)
		if err != nil {
			return err
		}
		page.Pager = pages.NewPager(strings.Clone(c.OriginalURL()), pagination)
		for _, r := range found {
			page.Changes = append(page.Changes, rowChange{changedRowOf(r.LoggedChange, h.runs.SourceName(r.Table)), r.StartedAt, modeName(r.Mode)})
		}
	}
	return h.show(c, fiber.StatusOK, "changes", models.NewText("console_sync.row_history", nil), page)
}

// rowID names a row, by what lifecycle_db calls its table.
type rowID struct {
	Table string
	ID    int64
}

// History is the address of the row's changes.
func (r rowID) History() string {
	return "/sync/changes?table=" + r.Table + "&id=" + strconv.FormatInt(r.ID, 10)
}

// changedRow is an entry of the change log, for the template "changed-row".
type changedRow struct {
	rowID

	Run     int64
	Action  badge
	Values  []changedValue
	Why     *reason       // why it would be held back
	Source  []pages.Value // and the row as it is in lifecycle_db
	Removed bool          // the whole row was removed: only values before
	Added   bool          // the whole row was added: only values after
}

// changedValue is a column's value before and after a change.
type changedValue struct {
	Name          string
	Before, After pages.Value
}

// previewRowOf describes an entry of what a run would do.
func previewRowOf(c models.LoggedChange, table string) changedRow {
	row := changedRowOf(c, table)
	row.Action.Text = models.NewText("console_sync.would_"+c.Action, nil)
	if unfit, is := c.Unfit(); is {
		row.Source = pages.ValuesOf(unfit.Row)
		why := reasonOf(models.Quarantined{Table: c.Table, Reason: unfit.Reason()}, row.Source, models.Tables())
		row.Why = &why
	}
	return row
}

// changedRowOf describes an entry; table is what lifecycle_db calls its table.
func changedRowOf(c models.LoggedChange, table string) changedRow {
	row := changedRow{rowID: rowID{table, c.RowID}, Run: c.RunID, Action: badge{Text: models.NewText("console_sync.did_"+c.Action, nil)}}
	switch c.Action {
	case "update":
		row.Action.Tone = "accent"
	case "delete":
		row.Action.Tone, row.Removed = "bad", true
	case "quarantine":
		row.Action.Tone, row.Removed = "warn", true
	case "insert", "release":
		row.Action.Tone, row.Added = "good", true
	}
	after := map[string]pages.Value{}
	for _, v := range pages.ValuesOf(c.After) {
		after[v.Name] = v
		if row.Added {
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

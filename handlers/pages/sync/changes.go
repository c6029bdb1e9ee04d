package sync

import (
	"context"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
)

type changesPage struct {
	Tables    []string // names in lifecycle_db
	Table, ID string   // the query
	HasQuery  bool
	IDProblem models.Text
	Changes   []rowChange
	Pager     pages.Pager
}

type rowChange struct {
	changedRow

	At   models.Instant
	Mode models.Text
}

// Changes shows the form for a table and a row's id, and lists the row's changes, newest first.
func (h *Pages) Changes(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "table", "id", "page", "limit")
	query := runs.RowQuery{Paging: request.Paging(q), Table: q.Text("table"), ID: q.ID("id")}
	page := changesPage{Table: query.Table, ID: q.Text("id"), HasQuery: query.Table != ""}
	for _, t := range models.Tables() {
		page.Tables = append(page.Tables, t.Source)
	}
	title := models.NewText("console_sync.row_history", nil)
	changes, pagination, err := h.rowChanges(c.UserContext(), query, q.Err())
	if e := models.AsError(err); e != nil && len(e.Fields) == 1 && e.Fields[0].Field == "id" {
		page.HasQuery, page.IDProblem = false, e.Fields[0].Text
		page.IDProblem.Params["field"] = models.NewText("console_sync.row_id", nil)
		return h.show(c, fiber.StatusUnprocessableEntity, "changes", title, page)
	}
	if err != nil {
		return err
	}
	page.Pager = pages.NewPager(strings.Clone(c.OriginalURL()), pagination)
	for _, r := range changes {
		page.Changes = append(page.Changes, rowChange{changedRowOf(r.LoggedChange, models.SourceName(r.Table)), r.StartedAt, modeName(r.Mode)})
	}
	return h.show(c, fiber.StatusOK, "changes", title, page)
}

// rowChanges returns a page of a row's changes, none without a table. It returns validationErr if that is not nil.
func (h *Pages) rowChanges(ctx context.Context, query runs.RowQuery, validationErr error) ([]models.RowChange, models.Pagination, error) {
	if validationErr != nil || query.Table == "" {
		return nil, models.Pagination{}, validationErr
	}
	return h.history.RowChanges(ctx, query)
}

// rowID identifies a row by its table in lifecycle_db and its id.
type rowID struct {
	Table string
	ID    int64
}

// HistoryAddress returns the address of the row's changes.
func (r rowID) HistoryAddress() string {
	return "/sync/changes?table=" + r.Table + "&id=" + strconv.FormatInt(r.ID, 10)
}

// changedRow is an entry of the change log, for the template "changed-row".
type changedRow struct {
	rowID
	pages.ChangedRow

	Run    int64
	Action badge
	Reason *reason       // why the row would be held back
	Source []pages.Value // then also the row in lifecycle_db
}

// plannedRowOf describes a change that a dry run found.
func plannedRowOf(c models.LoggedChange, table string) changedRow {
	row := changedRowOf(c, table)
	row.Action.Text = models.NewText("console_sync.would_"+c.Action, nil)
	if entry, ok := c.Unfit(); ok {
		row.Source = pages.ValuesOf(entry.Row)
		rowReason := reasonOf(models.Quarantined{Table: c.Table, Reason: entry.Reason()}, row.Source, models.Tables())
		row.Reason = &rowReason
	}
	return row
}

// changedRowOf describes a change log entry; table is the table's name in lifecycle_db.
func changedRowOf(c models.LoggedChange, table string) changedRow {
	row := changedRow{rowID: rowID{table, c.RowID}, Run: c.RunID, Action: badge{Text: models.NewText("console_sync.did_"+c.Action, nil)}}
	switch c.Action {
	case "update":
		row.Action.Tone = "accent"
	case "delete":
		row.Action.Tone, row.IsRemoved = "bad", true
	case "quarantine":
		row.Action.Tone, row.IsRemoved = "warn", true
	case "insert", "release":
		row.Action.Tone, row.IsAdded = "good", true
	}
	after := c.After
	if row.IsRemoved {
		after = nil // of a row that would be held back: the reason
	}
	row.Values = pages.ChangedValues(c.Before, after)
	return row
}

package sync

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
)

type changes struct {
	Tables    []tableChoice
	Table, ID string // as they were asked for
	Asked     bool
	Changes   []rowChange
	Pager     pages.Pager
}

type tableChoice struct{ Name, Label string }

type rowChange struct {
	changedRow

	At      models.Instant
	Mode    string
	History string // address of what happened to the row
}

// Changes asks for a table and the id of a row, and lists what was changed there, newest first.
func (h *Pages) Changes(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "table", "id", "page", "limit")
	asked := runs.RowQuery{Paging: request.Paging(q), Table: q.Text("table"), ID: q.ID("id")}
	if err := q.Err(); err != nil {
		return err
	}
	shown := changes{Table: asked.Table, ID: q.Text("id"), Asked: asked.Table != ""}
	for _, t := range models.Tables() {
		shown.Tables = append(shown.Tables, tableChoice{t.Source, t.Label})
	}
	if shown.Asked {
		found, pagination, err := h.runs.RowChanges(c.UserContext(), asked)
		if err != nil {
			return err
		}
		shown.Pager = pages.NewPager(strings.Clone(c.OriginalURL()), pagination)
		for _, r := range found {
			table := h.runs.SourceName(r.Table)
			shown.Changes = append(shown.Changes, rowChange{changedRowOf(r.LoggedChange, table), r.StartedAt, modeName(r.Mode), rowHistory(table, r.RowID)})
		}
	}
	return h.site.Show(c, fiber.StatusOK, pages.Page{Template: "sync/changes", Title: "A row's history", Section: "sync", Data: shown})
}

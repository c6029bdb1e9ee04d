package pages

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
)

// changesReader reads what happened to rows. Errors: validation_failed for an unknown table, and without a row; connection, timeout, schema.
type changesReader interface {
	RowChanges(ctx context.Context, q runs.RowQuery) ([]models.RowChange, models.Pagination, error)
	SourceName(table string) string
}

// Changes is the page of what happened to a row.
type Changes struct {
	site *Site
	runs changesReader
}

// NewChanges returns the handlers.
func NewChanges(site *Site, runs changesReader) *Changes { return &Changes{site, runs} }

type changes struct {
	Tables    []tableChoice
	Table, ID string // as they were asked for
	Asked     bool
	Changes   []rowChange
	Pager     pager
}

type tableChoice struct{ Name, Label string }

type rowChange struct {
	changedRow

	At      models.Instant
	Mode    string
	History string // address of what happened to the row
}

// Show asks for a table and the id of a row, and lists what was changed there, newest first.
func (h *Changes) Show(c *fiber.Ctx) error {
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
		shown.Pager = pagerOf(strings.Clone(c.OriginalURL()), pagination)
		for _, r := range found {
			table := h.runs.SourceName(r.Table)
			shown.Changes = append(shown.Changes, rowChange{changedRowOf(r.LoggedChange, table), r.StartedAt, modeName(r.Mode), rowHistory(table, r.RowID)})
		}
	}
	return h.site.Show(c, fiber.StatusOK, Page{Template: "sync/changes", Title: "A row's history", Section: "sync", Data: shown})
}

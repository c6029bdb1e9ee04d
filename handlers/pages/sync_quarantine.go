package pages

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
)

// quarantineReader reads what is in quarantine. Errors: connection, timeout, schema.
type quarantineReader interface {
	Quarantine(ctx context.Context, p models.Paging) ([]models.Quarantined, models.Pagination, error)
	SourceName(table string) string
}

// Quarantine is the page of the source rows that cannot stand in the mirror.
type Quarantine struct {
	site *Site
	runs quarantineReader
}

// NewQuarantine returns the handlers.
func NewQuarantine(site *Site, runs quarantineReader) *Quarantine { return &Quarantine{site, runs} }

type quarantine struct {
	Rows  []quarantinedRow
	Pager pager
}

type quarantinedRow struct {
	reason

	Table   string // as lifecycle_db calls it
	ID      int64
	History string // address of what happened to the row
	Run     int64
	Since   time.Time
	Values  []value
}

// Show lists the rows with the reason in words, and what to do.
func (h *Quarantine) Show(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "page", "limit")
	paging := request.Paging(q)
	if err := q.Err(); err != nil {
		return err
	}
	rows, pagination, err := h.runs.Quarantine(c.UserContext(), paging)
	if err != nil {
		return err
	}
	shown := quarantine{Pager: pagerOf(strings.Clone(c.OriginalURL()), pagination)}
	tables := models.Tables()
	for _, r := range rows {
		values := valuesOf(r.Payload)
		shown.Rows = append(shown.Rows, quarantinedRow{
			reason: reasonOf(r, values, tables), Table: h.runs.SourceName(r.Table), ID: r.RowID, Run: r.RunID, Since: r.Since, Values: values,
			History: rowHistory(h.runs.SourceName(r.Table), r.RowID),
		})
	}
	return h.site.Show(c, fiber.StatusOK, Page{Template: "sync/quarantine", Title: "Quarantine", Section: "sync", Data: shown})
}

// rowHistory is the address of what happened to a row.
func rowHistory(table string, id int64) string {
	return "/sync/changes?table=" + table + "&id=" + strconv.FormatInt(id, 10)
}

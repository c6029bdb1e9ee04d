package sync

import (
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
)

type quarantine struct {
	Rows  []quarantinedRow
	Pager pages.Pager
}

type quarantinedRow struct {
	reason

	Table   string // as lifecycle_db calls it
	ID      int64
	History string // address of what happened to the row
	Run     int64
	Since   time.Time
	Values  []pages.Value
}

// Quarantine lists the rows with the reason in words, and what to do.
func (h *Pages) Quarantine(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "page", "limit")
	paging := request.Paging(q)
	if err := q.Err(); err != nil {
		return err
	}
	rows, pagination, err := h.runs.Quarantine(c.UserContext(), paging)
	if err != nil {
		return err
	}
	shown := quarantine{Pager: pages.NewPager(strings.Clone(c.OriginalURL()), pagination)}
	tables := models.Tables()
	for _, r := range rows {
		values := pages.ValuesOf(r.Payload)
		shown.Rows = append(shown.Rows, quarantinedRow{
			reason: reasonOf(r, values, tables), Table: h.runs.SourceName(r.Table), ID: r.RowID, Run: r.RunID, Since: r.Since, Values: values,
			History: rowHistory(h.runs.SourceName(r.Table), r.RowID),
		})
	}
	return h.site.Show(c, fiber.StatusOK, pages.Page{Template: "sync/quarantine", Title: "Quarantine", Section: "sync", Data: shown})
}

// rowHistory is the address of what happened to a row.
func rowHistory(table string, id int64) string {
	return "/sync/changes?table=" + table + "&id=" + strconv.FormatInt(id, 10)
}

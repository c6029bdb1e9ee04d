package sync

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
)

type quarantinePage struct {
	Rows  []quarantinedRow
	Pager pages.Pager
}

type quarantinedRow struct {
	reason

	Table   string // as lifecycle_db calls it
	ID      int64
	History string // address of the row's history
	Run     int64
	Since   time.Time
	Values  []pages.Value
}

// Quarantine lists the rows that are held back, with the reason and what to do.
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
	page := quarantinePage{Pager: pages.NewPager(strings.Clone(c.OriginalURL()), pagination)}
	for _, r := range rows {
		values, table := pages.ValuesOf(r.Payload), h.runs.SourceName(r.Table)
		page.Rows = append(page.Rows, quarantinedRow{
			reason: reasonOf(r, values, models.Tables()), Table: table, ID: r.RowID, Run: r.RunID, Since: r.Since, Values: values, History: rowHistory(table, r.RowID),
		})
	}
	return h.show(c, fiber.StatusOK, "quarantine", models.NewText("console_sync.held_back", nil), page)
}

// reason says why a row is held back, and what to do in lifecycle_db.
type reason struct{ What, Todo models.Text }

// reasonOf explains the reason of a row with its values.
func reasonOf(q models.Quarantined, values []pages.Value, tables []*models.Table) reason {
	column := q.Reason.Column
	params := models.Params{"column": column, "value": valueIn(values, column), "parent": parentOf(q.Table, column, tables)}
	switch q.Reason.Code {
	case models.DanglingReference:
		return reason{models.NewText("console_sync.dangling_reference", params), models.NewText("console_sync.dangling_reference_todo", params)}
	case models.ParentQuarantined:
		return reason{models.NewText("console_sync.parent_quarantined", params), models.NewText("console_sync.parent_quarantined_todo", nil)}
	case models.UnfitValue:
		return reason{models.NewText("console_sync.unfit_value", params), models.NewText("console_sync.unfit_value_todo", nil)}
	case models.InvalidText:
		return reason{models.NewText("console_sync.invalid_text", params), models.NewText("console_sync.invalid_text_todo", nil)}
	default:
		return reason{models.NewText("console_sync.other_reason", models.Params{"reason": q.Reason.String()}), models.NewText("console_sync.other_reason_todo", nil)}
	}
}

// parentOf is the table whose id a column holds, as lifecycle_db calls it.
func parentOf(table, column string, tables []*models.Table) string {
	for _, t := range tables {
		for _, c := range t.References() {
			if t.Name == table && c.Name == column {
				return c.References
			}
		}
	}
	return ""
}

// valueIn is a column's value, as much of it as a sentence can hold.
func valueIn(values []pages.Value, column string) any {
	for _, v := range values {
		if v.Name == column && v.Text != "" {
			if v.Start != "" {
				return v.Start + "…"
			}
			return v.Text
		}
	}
	return models.NewText("console_stages.empty", nil)
}

package sync

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
)

type quarantinePage struct {
	Rows  []quarantinedRow
	Pager pages.Pager
}

type quarantinedRow struct {
	rowID
	reason

	Run    int64
	Since  time.Time
	Values []pages.Value
}

// Quarantine lists the quarantined rows with the reason and the next step.
func (h *Pages) Quarantine(c *fiber.Ctx) error {
	paging, err := paging(c, 0)
	if err != nil {
		return err
	}
	rows, pagination, err := h.history.Quarantine(c.UserContext(), paging)
	if err != nil {
		return err
	}
	page := quarantinePage{Pager: pages.NewPager(strings.Clone(c.OriginalURL()), pagination)}
	for _, r := range rows {
		values := pages.ValuesOf(r.Payload)
		page.Rows = append(page.Rows, quarantinedRow{rowID{models.SourceName(r.Table), r.RowID}, reasonOf(r, values, models.Tables()), r.RunID, r.Since, values})
	}
	return h.show(c, fiber.StatusOK, "quarantine", models.NewText("console_sync.held_back", nil), page)
}

// reason is why a row is held back, and the next step in lifecycle_db.
type reason struct{ Text, NextStep models.Text }

// reasonOf returns the texts of a row's reason, which include its values.
func reasonOf(q models.Quarantined, values []pages.Value, tables []*models.Table) reason {
	column := q.Reason.Column
	params := models.Params{"column": column, "value": valueIn(values, column), "parent": parentOf(q.Table, column, tables)}
	code := q.Reason.Code
	switch code {
	case models.DanglingReference, models.ParentQuarantined, models.UnfitValue, models.InvalidText:
	default:
		code, params = "other_reason", models.Params{"reason": q.Reason.String()}
	}
	return reason{models.NewText("console_sync."+code, params), models.NewText("console_sync."+code+"_todo", params)}
}

// parentOf returns the table in lifecycle_db that a column references.
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

// valueIn returns a column's value, truncated for use in a sentence.
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

package sync

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/runs"
)

type runsPage struct {
	Runs  []runRow
	Pager pages.Pager
}

// runRow is a run in a list.
type runRow struct {
	models.Run

	ModeName models.Text
	Badge    badge
	Notes    models.Texts   // its reasons, or the class of its error
	Took     *time.Duration // nil while it is running, and for real time, whose runs last an hour whatever they do
	Part     int64          // percent of the longest on the page
	Written  *int64         // rows that it wrote or would have; nil if unknown or rolled back
	Would    bool           // it wrote none of them
}

// List lists the runs, newest first.
func (h *Pages) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "page", "limit")
	paging := request.Paging(q)
	if err := q.Err(); err != nil {
		return err
	}
	if paging.Limit == 0 {
		paging.Limit = pageRows
	}
	found, pagination, err := h.runs.ListWithCounts(c.UserContext(), paging)
	if err != nil {
		return err
	}
	page := runsPage{Runs: runRows(found), Pager: pages.NewPager(strings.Clone(c.OriginalURL()), pagination)}
	return h.show(c, fiber.StatusOK, "runs", models.NewText("console_sync.runs", nil), page)
}

func runRows(listed []runs.ListedRun) []runRow {
	rows := make([]runRow, len(listed))
	var longest time.Duration
	for i, r := range listed {
		rows[i] = runRow{Run: r.Run, ModeName: modeName(r.Mode), Badge: runBadge(r.Run), Notes: r.ReasonTexts(), Would: isPreview(r.Run)}
		if len(rows[i].Notes) == 0 && r.ErrorClass != nil {
			rows[i].Notes = models.Texts{className(classOf(r.Run))}
		}
		if rows[i].Would || r.State == models.Succeeded || r.State == models.Running {
			rows[i].Written = r.Written
		}
		if r.FinishedAt != nil && r.Mode != models.RealtimeRun {
			took := max(r.FinishedAt.Sub(r.StartedAt), 0)
			rows[i].Took, longest = &took, max(longest, took)
		}
	}
	for i := range rows {
		if took := rows[i].Took; took != nil && longest > 0 {
			const all = 100
			rows[i].Part = max(1, int64(*took*all/longest))
		}
	}
	return rows
}

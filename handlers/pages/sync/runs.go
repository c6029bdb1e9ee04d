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

	ModeName string
	Badge    badge
	Class    string         // of its error, in words
	Took     *time.Duration // nil while it is under way, and of real time, whose runs last an hour whatever they do
	Part     int64          // hundredths of the longest on the page
	Written  *int64         // rows that it wrote, or would have; nil where it is not known, or what it did was undone
	Would    bool           // it has written none of them
}

// List lists the runs, newest first.
func (h *Pages) List(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "page", "limit")
	paging := request.Paging(q)
	if err := q.Err(); err != nil {
		return err
	}
	if paging.Limit == 0 {
		paging.Limit = rowsOfRun
	}
	runs, pagination, err := h.runs.Counted(c.UserContext(), paging)
	if err != nil {
		return err
	}
	shown := runsPage{Runs: runRows(runs), Pager: pages.NewPager(strings.Clone(c.OriginalURL()), pagination)}
	return h.site.Show(c, fiber.StatusOK, pages.Page{Template: "sync/runs", Title: "Runs", Section: "sync", Data: shown})
}

func runRows(runs []runs.ListedRun) []runRow {
	rows := make([]runRow, len(runs))
	var longest time.Duration
	for i, r := range runs {
		rows[i] = runRow{Run: r.Run, ModeName: modeName(r.Mode), Badge: runBadge(r.Run), Class: className(pages.Deref(r.ErrorClass)), Would: onlyFound(r.Run)}
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
			rows[i].Part = max(1, int64(*took*100/longest))
		}
	}
	return rows
}

// modeName is what people call a mode.
func modeName(mode string) string {
	switch mode {
	case models.FullRun:
		return "Full run"
	case models.IncrementalRun:
		return "Incremental run"
	case models.WriteRun:
		return "Write by the API"
	case models.RealtimeRun:
		return "Real time"
	case models.DryRun:
		return "Dry run"
	case models.VerifyRun:
		return "Verification"
	default:
		return mode
	}
}

// runBadge says how a run stands or ended. A run that was refused because of its digest has done nothing wrong.
func runBadge(r models.Run) badge {
	found := r.Found()
	switch {
	case r.State == models.Running && r.CancelRequested:
		return badge{"Stopping", "warn"}
	case r.State == models.Running:
		return badge{"Under way", "accent"}
	case r.State == models.CanceledRun:
		return badge{"Canceled", "warn"}
	case r.State == models.Interrupted:
		return badge{"Interrupted", "bad"}
	case refused(r):
		return badge{"Refused", "warn"}
	case models.Class(pages.Deref(r.ErrorClass)) == models.MassDelete:
		return badge{"Stopped by the guard", "bad"}
	case r.State == models.Failed:
		return badge{"Failed", "bad"}
	case r.Mode == models.VerifyRun && found != nil && found.Total() > 0:
		return badge{"Not equal", "warn"}
	case r.Mode == models.VerifyRun:
		return badge{"Equal", "good"}
	case r.Mode == models.DryRun:
		return badge{"Done", "good"}
	default:
		return badge{"Succeeded", "good"}
	}
}

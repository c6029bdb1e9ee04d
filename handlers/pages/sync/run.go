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

type runPage struct {
	models.Run

	ModeName models.Text
	Badge    badge
	Summary  models.Text
	Reasons  models.Texts
	Refused  bool // it would have changed something else than the preview; the page shows that
	Took     *time.Duration
	Found    *models.Differences // by a verification
	Trouble  *trouble
	Next     *advice // for a run that was canceled
	Apply    *advice // if the page shows what can be applied
	Tables   []models.TableCount
	Would    bool // Tables and Changes are a preview
	Changes  []changedRow
	Pager    pages.Pager
}

// ShowRun shows what a run did or found. The page of a dry run is a preview that can be applied.
func (h *Pages) ShowRun(c *fiber.Ctx) error {
	paging, err := paging(c, pageRows)
	if err != nil {
		return err
	}
	id, err := request.RunID(c)
	if err != nil {
		return err
	}
	return h.showRun(c, fiber.StatusOK, id, paging, models.Text{})
}

// showRun shows a run; problem is what is wrong with the number of rows to delete, if anything.
func (h *Pages) showRun(c *fiber.Ctx, status int, id int64, paging models.Paging, problem models.Text) error {
	run, tables, err := h.runs.Get(c.UserContext(), id)
	if err != nil {
		return err
	}
	changes, pagination, err := h.runs.Changes(c.UserContext(), id, paging)
	if err != nil {
		return err
	}
	page := runPageOf(run, tables, pagination.TotalItems)
	own := strings.Clone(c.OriginalURL())
	if c.Method() == fiber.MethodPost { // a form that was sent elsewhere
		own = pages.RunAddress(id)
	}
	page.Pager = pages.NewPager(own, pagination)
	describe := changedRowOf
	if page.Would {
		describe = previewRowOf
	}
	for _, change := range changes {
		page.Changes = append(page.Changes, describe(change, h.runs.SourceName(change.Table)))
	}
	for i := range page.Tables {
		page.Tables[i].Table = h.runs.SourceName(page.Tables[i].Table)
	}
	if page.Trouble != nil {
		for i := range page.Trouble.Next.Forms {
			page.Trouble.Next.Forms[i].Problem = problem
		}
	}
	return h.show(c, status, "run", models.NewText("console_sync.run_title", models.Params{"mode": page.ModeName, "run": id}), page)
}

func runPageOf(r models.Run, tables []models.TableCount, changes int64) runPage {
	p := runPage{
		Run: r, ModeName: modeName(r.Mode), Badge: runBadge(r), Tables: tables, Summary: runSummary(r, tables, changes), Reasons: r.Reasons,
		Took: took(r), Refused: refused(r), Would: isPreview(r),
	}
	if r.Mode == models.VerifyRun {
		p.Found = r.Found()
	}
	switch {
	case r.State == models.CanceledRun:
		next := adviceOf(r)
		p.Next = &next
	case r.State != models.Running && r.State != models.Succeeded && !p.Refused:
		t := troubleOf(r)
		p.Trouble = &t
	}
	if (r.Mode == models.DryRun && r.State == models.Succeeded || p.Refused) && r.Digest != nil && changes > 0 {
		p.Apply = &advice{
			Texts: models.Texts{onlyThese(r), models.NewText("console_sync.apply_hint", nil)},
			Forms: []runForm{{Mode: models.FullRun, Digest: *r.Digest, Seen: r.ID, Button: models.NewText("console_sync.apply", nil), Primary: true}},
		}
	}
	return p
}

// took is how long a run took, nil while it is running.
func took(r models.Run) *time.Duration {
	if r.FinishedAt == nil {
		return nil
	}
	return new(max(r.FinishedAt.Sub(r.StartedAt), 0))
}

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
	paging, err := paging(c, pageRows)
	if err != nil {
		return err
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
		if took := took(r.Run); took != nil && r.Mode != models.RealtimeRun {
			rows[i].Took, longest = took, max(longest, *took)
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

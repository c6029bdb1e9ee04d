package sync

import (
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
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
	Changes  []loggedRow
	Of       int64 // number of changes, if only some are kept
	Pager    pages.Pager
}

// loggedRow is a row that a run changed, with the address of its history.
type loggedRow struct {
	changedRow

	History string
}

// ShowRun shows what a run did or found. The page of a dry run is a preview that can be applied.
func (h *Pages) ShowRun(c *fiber.Ctx) error {
	q := request.ParseQuery(c, "page", "limit")
	paging := request.Paging(q)
	if err := q.Err(); err != nil {
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
	if paging.Limit == 0 {
		paging.Limit = pageRows
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
		table := h.runs.SourceName(change.Table)
		page.Changes = append(page.Changes, loggedRow{describe(change, table), rowHistory(table, change.RowID)})
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
		Refused: refused(r), Would: isPreview(r),
	}
	if r.Mode == models.VerifyRun {
		p.Found = r.Found()
	}
	if r.FinishedAt != nil {
		took := max(r.FinishedAt.Sub(r.StartedAt), 0)
		p.Took = &took
	}
	if r.ChangesFound != nil {
		p.Of = *r.ChangesFound
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

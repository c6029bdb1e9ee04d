package sync

import (
	"cmp"
	"slices"
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

// badge is a word for a state. Tone is good, warn, bad, accent, or "" for none of them.
type badge struct {
	Text models.Text
	Tone string
}

// classOf is the class of the error that a run ended with, "" for none.
func classOf(r models.Run) models.Class { return models.Class(pages.Deref(r.ErrorClass)) }

// refused reports whether a run was given a digest and would have changed something else.
func refused(r models.Run) bool { return classOf(r) == models.Conflict }

// isPreview reports whether a run's changes are what it would have done.
func isPreview(r models.Run) bool {
	return r.Mode == models.DryRun || r.Mode == models.VerifyRun || refused(r)
}

// className is the name of an error class, which only runs can end with.
func className(class models.Class) models.Text {
	name, known := map[models.Class]string{
		models.Connection: "connection", models.Timeout: "timeout", models.Permission: "permission", models.Schema: "schema", models.DataType: "value",
		models.Constraint: "value", models.Config: "configuration", models.Busy: "busy", models.MassDelete: "mass_delete", models.Conflict: "conflict",
		models.Canceled: "canceled", models.Internal: "internal",
	}[class]
	if !known {
		return models.NewText(models.LegacyText, models.Params{"text": string(class)})
	}
	return models.NewText("console_sync.class_"+name, nil)
}

// modeName is the name of a mode.
func modeName(mode string) models.Text {
	return models.NewText("console_sync.mode_"+strings.ReplaceAll(mode, "-", "_"), nil)
}

// outcomeOf says how a run is doing or ended. A run that was refused because of its digest has done nothing wrong.
func outcomeOf(r models.Run) string {
	found := r.Found()
	switch {
	case r.State == models.Running && r.CancelRequested:
		return "stopping"
	case r.State == models.Running:
		return "running"
	case r.State == models.CanceledRun:
		return "canceled"
	case r.State == models.Interrupted:
		return "interrupted"
	case refused(r):
		return "refused"
	case classOf(r) == models.MassDelete:
		return "guarded"
	case r.State == models.Failed:
		return "failed"
	case r.Mode == models.VerifyRun && found != nil && found.Total() > 0:
		return "differs"
	case r.Mode == models.VerifyRun:
		return "in_sync"
	case r.Mode == models.DryRun:
		return "done"
	default:
		return "succeeded"
	}
}

// runBadge is the outcome of a run in a word.
func runBadge(r models.Run) badge {
	outcome := outcomeOf(r)
	tone := map[string]string{
		"stopping": "warn", "running": "accent", "canceled": "warn", "interrupted": "bad", "refused": "warn", "guarded": "bad", "failed": "bad", "differs": "warn",
	}[outcome]
	return badge{models.NewText("console_sync.state_"+outcome, nil), cmp.Or(tone, "good")}
}

// runSummary is the outcome of a run in a sentence. changes is how many it made or would make, as far as they are kept.
func runSummary(r models.Run, tables []models.TableCount, changes int64) models.Text {
	counted := models.Params{"counts": countsOf(tables)}
	switch outcome := outcomeOf(r); outcome {
	case "interrupted", "guarded":
		return models.NewText("console_sync.run_failed", nil)
	case "differs":
		return models.NewText("console_sync.run_differs", models.Params{"count": r.Found().Total()})
	case "done":
		if changes == 0 && !slices.ContainsFunc(tables, models.TableCount.Wrote) { // the kept changes of an old one are gone
			return models.NewText("console_sync.run_nothing_to_do", nil)
		}
		return models.NewText("console_sync.run_previewed", counted)
	default:
		return models.NewText("console_sync.run_"+outcome, counted)
	}
}

// countsOf says what was done to the rows of all tables.
func countsOf(tables []models.TableCount) []any {
	var sum models.TableCount
	for _, t := range tables {
		sum.Inserted, sum.Updated, sum.Deleted, sum.Released = sum.Inserted+t.Inserted, sum.Updated+t.Updated, sum.Deleted+t.Deleted, sum.Released+t.Released
		sum.Quarantined += t.Quarantined
	}
	var parts []any
	add := func(code string, n int64) {
		if n > 0 {
			parts = append(parts, models.NewText(code, models.Params{"count": n}))
		}
	}
	add("console_sync.rows_inserted", sum.Inserted)
	add("console_sync.rows_updated", sum.Updated)
	add("console_sync.rows_deleted", sum.Deleted)
	add("console_sync.rows_released", sum.Released)
	if parts == nil {
		parts = []any{models.NewText("console_sync.no_changes", nil)}
	}
	add("console_sync.rows_held_back", sum.Quarantined)
	return parts
}

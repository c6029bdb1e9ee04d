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

	ModeName         models.Text
	Badge            badge
	Summary          models.Text
	Reasons          models.Texts
	DigestMismatch   bool // the changes no longer matched the dry run; the page shows the current ones
	Duration         *time.Duration
	DifferenceCounts *models.Differences // of a verification
	Problem          *problem
	NextSteps        *nextSteps // after a canceled run
	ApplySteps       *nextSteps // form that applies the shown changes
	Tables           []models.TableCount
	IsDryRun         bool // Tables and Changes were only computed, not written
	Changes          []changedRow
	Pager            pages.Pager
}

// ShowRun shows what a run did or found. The page of a dry run has a form that applies its changes.
func (h *Pages) ShowRun(c *fiber.Ctx) error {
	paging, err := paging(c, pageSize)
	if err != nil {
		return err
	}
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	return h.showRun(c, fiber.StatusOK, id, paging, rowCountProblem{})
}

// rowCountProblem is an error in the number of rows to delete that the user entered; the zero value is none.
type rowCountProblem struct {
	Text    models.Text
	Entered string
}

// showRun shows a run, with an error in its form.
func (h *Pages) showRun(c *fiber.Ctx, status int, id int64, paging models.Paging, problem rowCountProblem) error {
	run, tables, err := h.history.Get(c.UserContext(), id)
	if err != nil {
		return err
	}
	changes, pagination, err := h.history.Changes(c.UserContext(), id, paging)
	if err != nil {
		return err
	}
	page := runPageOf(run, tables, pagination.TotalItems)
	address := strings.Clone(c.OriginalURL())
	if c.Method() == fiber.MethodPost { // redisplayed by showInvalidForm
		address = pages.RunAddress(id)
	}
	page.Pager = pages.NewPager(address, pagination)
	describe := changedRowOf
	if page.IsDryRun {
		describe = plannedRowOf
	}
	for _, change := range changes {
		page.Changes = append(page.Changes, describe(change, models.SourceName(change.Table)))
	}
	for i := range page.Tables {
		page.Tables[i].Table = models.SourceName(page.Tables[i].Table)
	}
	if page.Problem != nil {
		for i := range page.Problem.NextSteps.Forms {
			page.Problem.NextSteps.Forms[i].Problem = problem
		}
	}
	return h.show(c, status, "run", models.NewText("console_sync.run_title", models.Params{"mode": page.ModeName, "run": id}), page)
}

func runPageOf(r models.Run, tables []models.TableCount, changes int64) runPage {
	p := runPage{
		Run: r, ModeName: modeName(r.Mode), Badge: runBadge(r), Tables: tables, Summary: runSummary(r, tables, changes), Reasons: r.Reasons,
		Duration: durationOf(r), DigestMismatch: hasDigestMismatch(r), IsDryRun: isDryRun(r),
	}
	if r.Mode == models.VerifyRun {
		p.DifferenceCounts = r.Found()
	}
	switch {
	case r.State == models.CanceledRun:
		next := nextStepsOf(r)
		p.NextSteps = &next
	case r.State != models.Running && r.State != models.Succeeded && !p.DigestMismatch:
		t := problemOf(r)
		p.Problem = &t
	}
	if (r.Mode == models.DryRun && r.State == models.Succeeded || p.DigestMismatch) && r.Digest != nil && changes > 0 {
		p.ApplySteps = &nextSteps{
			Texts: models.Texts{exactChangesText(r), models.NewText("console_sync.apply_hint", nil)},
			Forms: []runForm{{Mode: models.FullRun, Digest: *r.Digest, FromRunID: r.ID, Button: models.NewText("console_sync.apply", nil), Primary: true}},
		}
	}
	return p
}

// durationOf returns the duration of a run, nil while it is running.
func durationOf(r models.Run) *time.Duration {
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

	ModeName        models.Text
	Badge           badge
	Notes           models.Texts   // its reasons, otherwise the class of its error
	Duration        *time.Duration // nil while running, and for real-time sync, whose run records always span an hour
	DurationPercent int64          // of the longest run on the page
	Written         *int64         // number of rows written, or planned by a dry run; nil if unknown or rolled back
	IsDryRun        bool           // the rows were only computed, not written
}

// List lists the runs, newest first.
func (h *Pages) List(c *fiber.Ctx) error {
	paging, err := paging(c, pageSize)
	if err != nil {
		return err
	}
	list, pagination, err := h.history.ListWithCounts(c.UserContext(), paging)
	if err != nil {
		return err
	}
	page := runsPage{Runs: runRows(list), Pager: pages.NewPager(strings.Clone(c.OriginalURL()), pagination)}
	return h.show(c, fiber.StatusOK, "runs", models.NewText("console_sync.runs", nil), page)
}

func runRows(list []runs.ListedRun) []runRow {
	rows := make([]runRow, len(list))
	var longest time.Duration
	for i, r := range list {
		rows[i] = runRow{Run: r.Run, ModeName: modeName(r.Mode), Badge: runBadge(r.Run), Notes: r.ReasonTexts(), IsDryRun: isDryRun(r.Run)}
		if len(rows[i].Notes) == 0 && r.ErrorClass != nil {
			rows[i].Notes = models.Texts{className(classOf(r.Run))}
		}
		if rows[i].IsDryRun || r.State == models.Succeeded || r.State == models.Running {
			rows[i].Written = r.Written
		}
		if duration := durationOf(r.Run); duration != nil && r.Mode != models.RealtimeRun {
			rows[i].Duration, longest = duration, max(longest, *duration)
		}
	}
	for i := range rows {
		if duration := rows[i].Duration; duration != nil && longest > 0 {
			const hundred = 100
			rows[i].DurationPercent = max(1, int64(*duration*hundred/longest))
		}
	}
	return rows
}

// badge is a label for a state. Tone is good, warn, bad, accent or "".
type badge struct {
	Text models.Text
	Tone string
}

// classOf returns the class of a run's error, "" for none.
func classOf(r models.Run) models.Class { return models.Class(pages.Deref(r.ErrorClass)) }

// hasDigestMismatch reports whether a run failed because its changes did not match the given digest.
func hasDigestMismatch(r models.Run) bool { return classOf(r) == models.Conflict }

// isDryRun reports whether a run only computed its changes: a dry run, a verification, or a run with a digest mismatch.
func isDryRun(r models.Run) bool {
	return r.Mode == models.DryRun || r.Mode == models.VerifyRun || hasDigestMismatch(r)
}

// className returns the name of a run's error class.
func className(class models.Class) models.Text {
	switch class {
	case models.DataType, models.Constraint:
		class = "value"
	case models.Connection, models.Timeout, models.Permission, models.Schema, models.Config, models.Busy, models.MassDelete, models.Conflict,
		models.Canceled, models.Internal:
	default:
		return models.NewText(models.LegacyText, models.Params{"text": string(class)})
	}
	return models.NewText("console_sync.class_"+string(class), nil)
}

// modeName returns the name of a mode.
func modeName(mode string) models.Text {
	return models.NewText("console_sync.mode_"+strings.ReplaceAll(mode, "-", "_"), nil)
}

// outcomeOf returns the state of a run, or how it ended. A digest mismatch does not count as a failure.
func outcomeOf(r models.Run) string {
	differences := r.Found()
	switch {
	case r.State == models.Running && r.CancelRequested:
		return "stopping"
	case r.State == models.Running:
		return "running"
	case r.State == models.CanceledRun:
		return "canceled"
	case r.State == models.Interrupted:
		return "interrupted"
	case hasDigestMismatch(r):
		return "refused"
	case classOf(r) == models.MassDelete:
		return "guarded"
	case r.State == models.Failed:
		return "failed"
	case r.Mode == models.VerifyRun && differences != nil && differences.Total() > 0:
		return "differs"
	case r.Mode == models.VerifyRun && differences != nil:
		return "in_sync"
	case r.Mode == models.DryRun:
		return "done"
	default:
		return "succeeded"
	}
}

// runBadge returns the badge of a run's outcome.
func runBadge(r models.Run) badge {
	outcome := outcomeOf(r)
	tone := map[string]string{
		"stopping": "warn", "running": "accent", "canceled": "warn", "interrupted": "bad", "refused": "warn", "guarded": "bad", "failed": "bad", "differs": "warn",
	}[outcome]
	return badge{models.NewText("console_sync.state_"+outcome, nil), cmp.Or(tone, "good")}
}

// runSummary returns the outcome of a run in a sentence. changes is the number of its stored changes.
func runSummary(r models.Run, tables []models.TableCount, changes int64) models.Text {
	params := models.Params{"counts": countsOf(tables)}
	switch outcome := outcomeOf(r); outcome {
	case "interrupted", "guarded":
		return models.NewText("console_sync.run_failed", nil)
	case "differs":
		return models.NewText("console_sync.run_differs", models.Params{"count": r.Found().Total()})
	case "done":
		if changes == 0 && !slices.ContainsFunc(tables, models.TableCount.Wrote) { // an old dry run's changes have been deleted
			return models.NewText("console_sync.run_nothing_to_do", nil)
		}
		return models.NewText("console_sync.run_previewed", params)
	default:
		return models.NewText("console_sync.run_"+outcome, params)
	}
}

// countsOf returns the total counts of all tables as texts.
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

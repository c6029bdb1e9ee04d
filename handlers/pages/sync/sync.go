// Package sync has the console's pages for people who operate the synchronisation.
package sync

import (
	"cmp"
	"context"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/doctor"
	"lifecycle-sync/services/runs"
)

const (
	section    = "sync"
	recentRuns = 10 // on the status page
	pageRows   = 25 // changes on a page of a run, and runs on a page of the list
)

// Pages are the handlers.
type Pages struct {
	site    *pages.Site
	syncs   *runs.Service
	runs    *runs.Journal
	doctor  *doctor.Doctor
	turn    chan struct{} // holds one while diagnostics run
	checker request.Checker
}

// New returns the handlers.
func New(site *pages.Site, syncs *runs.Service, journal *runs.Journal, d *doctor.Doctor) *Pages {
	return &Pages{site: site, syncs: syncs, runs: journal, doctor: d, turn: make(chan struct{}, 1), checker: request.NewChecker()}
}

func (h *Pages) show(c *fiber.Ctx, status int, template string, title models.Text, data any) error {
	return h.site.Show(c, status, pages.Page{Template: "sync/" + template, Title: title, Section: section, Data: data})
}

type statusPage struct {
	runs.Status
	outlook

	Start []runForm
	Runs  []runRow
	Total int64 // of all runs
	now   time.Time
}

// Show shows the sync status and what to do.
func (h *Pages) Show(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	status, err := h.syncs.Status(c.UserContext())
	if err != nil {
		return err
	}
	newest, pagination, err := h.runs.ListWithCounts(c.UserContext(), models.Paging{Limit: recentRuns})
	if err != nil {
		return err
	}
	now := time.Now()
	page := statusPage{status, outlookOf(status, now), startForms(), runRows(newest), pagination.TotalItems, now}
	return h.show(c, fiber.StatusOK, "status", models.NewText("console_sync.title", nil), page)
}

// Start starts a run, and goes to its page.
func (h *Pages) Start(c *fiber.Ctx) error {
	asked, err := h.checker.RunForm(c)
	if err != nil {
		return h.invalidRun(c, asked.Seen, err)
	}
	run, err := h.syncs.Trigger(c.UserContext(), asked.Request)
	return toRun(c, run, err)
}

// invalidRun shows the page again whose form needs a number of rows.
func (h *Pages) invalidRun(c *fiber.Ctx, seen int64, err error) error {
	if seen <= 0 {
		return err
	}
	for _, wrong := range models.AsError(err).Fields {
		if wrong.Field == "allowDeletes" {
			return h.showRun(c, fiber.StatusUnprocessableEntity, seen, models.Paging{}, models.NewText("console_sync.type_number", nil))
		}
	}
	return err
}

// DryRun finds out what a full run would change, and goes to the page that shows it.
func (h *Pages) DryRun(c *fiber.Ctx) error {
	if _, err := request.ReadPlainForm(c); err != nil {
		return err
	}
	run, err := h.syncs.Trigger(c.UserContext(), runs.Request{Mode: models.FullRun, DryRun: true})
	return toRun(c, run, err)
}

// Verify compares every row, and goes to the page of the result.
func (h *Pages) Verify(c *fiber.Ctx) error {
	if _, err := request.ReadPlainForm(c); err != nil {
		return err
	}
	result, err := h.syncs.Verify(c.UserContext())
	return toRun(c, result.Run, err)
}

// AskCancel asks whether a run is to be stopped, unless it has ended.
func (h *Pages) AskCancel(c *fiber.Ctx) error { return h.cancellation().Ask(c) }

// Cancel asks a run to stop. Errors: not_found, conflict when it has ended already or cannot be asked.
func (h *Pages) Cancel(c *fiber.Ctx) error { return h.cancellation().Confirm(c) }

func (h *Pages) cancellation() pages.Action[int64] {
	return pages.Action[int64]{
		Site: h.site, Section: section, Target: request.RunID,
		Describe: func(c *fiber.Ctx, id int64, _ any) (pages.Confirmation, error) {
			run, _, err := h.runs.Get(c.UserContext(), id)
			if run.State != models.Running {
				return pages.Confirmation{
					Heading: models.NewText("console_sync.already_ended", models.Params{"run": id}), Back: pages.RunAddress(id),
					Text: models.NewText("console_sync.nothing_to_cancel", nil), Cancel: models.NewText("console_sync.to_result", nil),
				}, err
			}
			return pages.Confirmation{
				Heading: models.NewText("console_sync.cancel_title", models.Params{"run": id}), Back: pages.RunAddress(id),
				Text: models.NewText("console_sync.cancel_text", nil), Action: pages.RunAddress(id) + "/cancel",
				Button: models.NewText("console_sync.cancel_run", nil), Cancel: models.NewText("console_sync.let_it_continue", nil),
			}, err
		},
		Do: func(ctx context.Context, id int64, _ string) (string, pages.Notice, error) {
			_, err := h.syncs.Cancel(ctx, id)
			return pages.RunAddress(id), pages.RunStopping, err
		},
	}
}

// toRun goes to the page of a run that has begun or ended.
func toRun(c *fiber.Ctx, run models.Run, err error) error {
	if err != nil {
		return err
	}
	return pages.SeeOther(c, pages.RunAddress(run.ID), pages.NoNotice)
}

type diagnostics struct {
	Groups []findings
	At     time.Time
}

// findings are the findings with a status.
type findings struct {
	Heading  models.Text
	Tone     string
	Findings []doctor.Finding
}

// Doctor runs the diagnostics and shows the findings, the most urgent first.
func (h *Pages) Doctor(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	found, err := h.diagnose(c.UserContext())
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, "doctor", models.NewText("console_sync.diagnostics", nil), diagnostics{grouped(found), time.Now()})
}

// diagnose runs one diagnosis at a time: each needs connections that runs need, too. Errors: timeout, canceled.
func (h *Pages) diagnose(ctx context.Context) ([]doctor.Finding, error) {
	select {
	case h.turn <- struct{}{}:
		defer func() { <-h.turn }()
		return h.doctor.Diagnose(ctx), nil
	case <-ctx.Done():
		return nil, models.AsError(ctx.Err())
	}
}

// grouped groups findings by status, without empty groups.
func grouped(found []doctor.Finding) (groups []findings) {
	for _, g := range []struct {
		status        doctor.Status
		heading, tone string
	}{
		{doctor.Problem, "console_sync.findings_problem", "bad"},
		{doctor.Note, "console_sync.findings_note", "warn"},
		{doctor.Skipped, "console_sync.findings_skipped", ""},
		{doctor.OK, "console_sync.findings_ok", "good"},
	} {
		group := findings{Heading: models.NewText(g.heading, nil), Tone: g.tone}
		for _, f := range found {
			if f.Status == g.status {
				group.Findings = append(group.Findings, f)
			}
		}
		if group.Findings != nil {
			groups = append(groups, group)
		}
	}
	return groups
}

// paging reads the page of a list that a request asks for, and how many rows it has, or else rows. Errors: validation_failed.
func paging(c *fiber.Ctx, rows int64) (models.Paging, error) {
	q := request.ParseQuery(c, "page", "limit")
	asked := request.Paging(q)
	asked.Limit = cmp.Or(asked.Limit, rows)
	return asked, q.Err()
}

// Package sync has the console's pages for operating the sync.
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
	pageSize   = 25 // of the changes of a run, and of the run list
)

// Pages are the handlers.
type Pages struct {
	site          *pages.Site
	runs          *runs.Service
	history       *runs.Journal
	doctor        *doctor.Doctor
	diagnosisSlot chan struct{} // allows one diagnosis at a time
	checker       request.Checker
}

// New returns the handlers.
func New(site *pages.Site, service *runs.Service, journal *runs.Journal, d *doctor.Doctor) *Pages {
	return &Pages{site: site, runs: service, history: journal, doctor: d, diagnosisSlot: make(chan struct{}, 1), checker: request.NewChecker()}
}

func (h *Pages) show(c *fiber.Ctx, status int, template string, title models.Text, data any) error {
	return h.site.Show(c, status, pages.Page{Template: "sync/" + template, Title: title, Section: section, Data: data})
}

type statusPage struct {
	runs.Status
	statusSummary

	Start []runForm
	Runs  []runRow
	Total int64 // number of all runs
	now   time.Time
}

// Show shows the sync status and the next steps.
func (h *Pages) Show(c *fiber.Ctx) error {
	status, err := h.runs.Status(c.UserContext())
	if err != nil {
		return err
	}
	newest, pagination, err := h.history.ListWithCounts(c.UserContext(), models.Paging{Limit: recentRuns})
	if err != nil {
		return err
	}
	now := time.Now()
	page := statusPage{status, summarize(status, now), startForms(), runRows(newest), pagination.TotalItems, now}
	return h.show(c, fiber.StatusOK, "status", models.NewText("console_sync.title", nil), page)
}

// Start starts a run and redirects to its page.
func (h *Pages) Start(c *fiber.Ctx) error {
	form, err := h.checker.ReadRunForm(c)
	if err == nil {
		err = h.checkRowCount(c.UserContext(), form)
	}
	if err != nil {
		return h.showInvalidForm(c, form, err)
	}
	run, err := h.runs.Trigger(c.UserContext(), form.Request)
	return redirectToRun(c, run, err)
}

// checkRowCount checks that the user entered the number of rows that the run's page shows: a run with another number would
// only fail. Errors: validation_failed; not_found, connection, timeout.
func (h *Pages) checkRowCount(ctx context.Context, form request.RunForm) error {
	if form.FromRunID <= 0 || form.RowCount == nil {
		return nil
	}
	run, _, err := h.history.Get(ctx, form.FromRunID)
	if err != nil {
		return err
	}
	if count := deletionCount(run); count > 0 && count != *form.RowCount {
		return request.Invalid("allowDeletes", "different", "console_sync.other_number", models.Params{"count": count, "entered": *form.RowCount})
	}
	return nil
}

// showInvalidForm redisplays the run page when the row count is invalid.
func (h *Pages) showInvalidForm(c *fiber.Ctx, form request.RunForm, err error) error {
	if form.FromRunID <= 0 {
		return err
	}
	for _, fieldErr := range models.AsError(err).Fields {
		if fieldErr.Field != "allowDeletes" {
			continue
		}
		problem := rowCountProblem{fieldErr.Text, form.RowCountText}
		if fieldErr.Code == "integer" {
			problem.Text = models.NewText("console_sync.type_number", nil)
		}
		return h.showRun(c, fiber.StatusUnprocessableEntity, form.FromRunID, models.Paging{}, problem)
	}
	return err
}

// DryRun executes a dry run and redirects to its page.
func (h *Pages) DryRun(c *fiber.Ctx) error {
	if _, err := request.ReadPlainForm(c); err != nil {
		return err
	}
	run, err := h.runs.Trigger(c.UserContext(), runs.Request{Mode: models.FullRun, DryRun: true})
	return redirectToRun(c, run, err)
}

// Verify runs a verification and redirects to its page.
func (h *Pages) Verify(c *fiber.Ctx) error {
	if _, err := request.ReadPlainForm(c); err != nil {
		return err
	}
	result, err := h.runs.Verify(c.UserContext())
	return redirectToRun(c, result.Run, err)
}

// Cancel asks for confirmation, then requests the cancellation of a run. Errors: not_found, conflict if it has ended or
// cannot be canceled.
func (h *Pages) Cancel(c *fiber.Ctx) error {
	return pages.Action[int64]{
		Site: h.site, Section: section, Target: request.BigID,
		Describe: func(c *fiber.Ctx, id int64, _ any) (pages.Confirmation, error) {
			run, _, err := h.history.Get(c.UserContext(), id)
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
			_, err := h.runs.Cancel(ctx, id)
			return pages.RunAddress(id), pages.RunStopping, err
		},
	}.Handle(c)
}

// redirectToRun redirects to a run's page, or returns err.
func redirectToRun(c *fiber.Ctx, run models.Run, err error) error {
	if err != nil {
		return err
	}
	return pages.SeeOther(c, pages.RunAddress(run.ID), pages.NoNotice)
}

type diagnostics struct {
	Groups []findings
	At     time.Time
}

// findings groups findings that share a status.
type findings struct {
	Heading  models.Text
	Tone     string
	Findings []doctor.Finding
}

// Doctor runs the diagnostics and shows the findings, the most urgent first.
func (h *Pages) Doctor(c *fiber.Ctx) error {
	list, err := h.diagnose(c.UserContext())
	if err != nil {
		return err
	}
	return h.show(c, fiber.StatusOK, "doctor", models.NewText("console_sync.diagnostics", nil), diagnostics{groupByStatus(list), time.Now()})
}

// diagnose runs the diagnostics, one at a time, because they use connections that runs need. Errors: timeout, canceled.
func (h *Pages) diagnose(ctx context.Context) ([]doctor.Finding, error) {
	select {
	case h.diagnosisSlot <- struct{}{}:
		defer func() { <-h.diagnosisSlot }()
		return h.doctor.Diagnose(ctx), nil
	case <-ctx.Done():
		return nil, models.AsError(ctx.Err())
	}
}

// groupByStatus groups findings by status, without empty groups.
func groupByStatus(list []doctor.Finding) (groups []findings) {
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
		for _, f := range list {
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

// paging reads the parameters page and limit, with defaultLimit rows as the default page size. Errors: validation_failed.
func paging(c *fiber.Ctx, defaultLimit int64) (models.Paging, error) {
	p, err := request.ReadPaging(c)
	p.Limit = cmp.Or(p.Limit, defaultLimit)
	return p, err
}

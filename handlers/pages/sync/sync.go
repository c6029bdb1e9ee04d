package sync

import (
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/doctor"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
)

// recentRuns is how many runs stand on the page that says how the mirror stands.
const recentRuns = 10

// Pages are for those who operate the synchronisation.
type Pages struct {
	site   *pages.Site
	syncs  *runs.Service
	runs   *runs.Journal
	doctor *doctor.Doctor
	turn   chan struct{} // holds one while an examination is under way

	checker request.Checker
}

// New returns the handlers.
func New(site *pages.Site, syncs *runs.Service, runs *runs.Journal, d *doctor.Doctor) *Pages {
	return &Pages{site: site, syncs: syncs, runs: runs, doctor: d, turn: make(chan struct{}, 1), checker: request.NewChecker()}
}

type syncPage struct {
	outlook
	syncFacts

	State    runs.State     // with Realtime, Running and its attempts what a script holds against how the mirror stands later
	Realtime realtime.State // "" without a follower
	Running  *models.Run
	Start    []runForm // what can be started
	Runs     []runRow
	Total    int64 // of all runs
}

// Show says how the mirror stands, and what to do where something is wrong.
func (h *Pages) Show(c *fiber.Ctx) error {
	if err := request.ParseQuery(c).Err(); err != nil {
		return err
	}
	ctx := c.UserContext()
	status, err := h.syncs.Status(ctx)
	if err != nil {
		return err
	}
	runs, pagination, err := h.runs.Counted(ctx, models.Paging{Limit: recentRuns})
	if err != nil {
		return err
	}
	now := time.Now()
	shown := syncPage{
		outlook: outlookOf(h.site.Texts(), status, now), syncFacts: factsOf(status, now), State: status.State,
		Realtime: pages.FollowerState(status), Running: status.Running, Start: startForms(), Runs: runRows(runs), Total: pagination.TotalItems,
	}
	return h.site.Show(c, fiber.StatusOK, pages.Page{Template: "sync/state", Title: "Synchronisation", Section: "sync", Data: shown})
}

// Start starts a run, and goes to its page.
func (h *Pages) Start(c *fiber.Ctx) error {
	asked, err := h.checker.RunForm(c)
	if err != nil {
		return h.mistyped(c, asked.Seen, err)
	}
	run, err := h.syncs.Trigger(c.UserContext(), asked.Request)
	return toRun(c, run, err)
}

// mistyped shows the page again on which no number was typed where one is needed.
func (h *Pages) mistyped(c *fiber.Ctx, seen int64, err error) error {
	if seen <= 0 {
		return err
	}
	for _, wrong := range models.AsError(err).Fields {
		if wrong.Field == "allowDeletes" {
			return h.show(c, fiber.StatusUnprocessableEntity, seen, models.Paging{}, "Type a whole number, such as 12")
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

// Verify compares every row, and goes to the page that says what was found.
func (h *Pages) Verify(c *fiber.Ctx) error {
	if _, err := request.ReadPlainForm(c); err != nil {
		return err
	}
	verdict, err := h.syncs.Verify(c.UserContext())
	return toRun(c, verdict.Run, err)
}

type cancelPage struct{ Run models.Run }

// AskCancel asks whether a run is to be stopped, unless it has ended already.
func (h *Pages) AskCancel(c *fiber.Ctx) error {
	id, err := h.runID(c)
	if err != nil {
		return err
	}
	run, _, err := h.runs.One(c.UserContext(), id)
	if err != nil {
		return err
	}
	return h.site.Show(c, fiber.StatusOK, pages.Page{Template: "sync/cancel", Title: "Cancel run " + strconv.FormatInt(id, 10), Section: "sync", Data: cancelPage{run}})
}

// Cancel asks a run to stop. Errors: not_found, conflict when it has ended already or cannot be asked.
func (h *Pages) Cancel(c *fiber.Ctx) error {
	id, err := h.runID(c)
	if err != nil {
		return err
	}
	if _, err := request.ReadPlainForm(c); err != nil {
		return err
	}
	if _, err := h.syncs.Cancel(c.UserContext(), id); err != nil {
		return err
	}
	return pages.SeeOther(c, pages.RunAddress(id), "run-stopping")
}

func (*Pages) runID(c *fiber.Ctx) (int64, error) {
	if err := request.ParseQuery(c).Err(); err != nil {
		return 0, err
	}
	return request.RunID(c)
}

// toRun goes to the page of a run that has begun or ended.
func toRun(c *fiber.Ctx, run models.Run, err error) error {
	if err != nil {
		return err
	}
	return pages.SeeOther(c, pages.RunAddress(run.ID), "")
}

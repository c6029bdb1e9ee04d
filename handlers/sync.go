package handlers

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/handlers/request"
	"lifecycle-sync/models"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
)

// startTimeout is the timeout for starting a run. Dry runs and verifications have no timeout here.
const startTimeout = 10 * time.Second

// Sync serves /sync.
type Sync struct {
	Service *runs.Service
	Journal *runs.Journal
	Keys    *outbox.Writer // runs a request once per idempotency key
	Checker request.Checker
}

// status is the sync status.
type status struct {
	State         runs.State          `json:"state"`
	Running       *run                `json:"running"`
	LastRun       *run                `json:"lastRun"`
	LastSuccessAt *models.Instant     `json:"lastSuccessAt"` // start of the last successful run
	Age           *float64            `json:"lastSuccessAgeSeconds"`
	ProvedEqualAt *models.Instant     `json:"provedEqualAt"` // start of the last successful full run
	NextRunAt     *models.Instant     `json:"nextRunAt"`
	CurrentAt     *models.Instant     `json:"currentAt"` // everything committed before is mirrored
	Realtime      *realtimeStatus     `json:"realtime"`
	RealtimeLag   *float64            `json:"realtimeLagSeconds"`
	Drift         *models.Differences `json:"drift"`
	VerifiedAt    *models.Instant     `json:"verifiedAt"` // start of the last verification
	Quarantined   int64               `json:"quarantined"`
}

// realtimeStatus is the state of real-time sync and, if it is stopped or unavailable, the error and its remedy.
type realtimeStatus struct {
	State         realtime.State `json:"state"`
	Message       *string        `json:"message"`
	Remedy        *string        `json:"remedy"`
	MessageDetail *models.Text   `json:"message_detail"`
	RemedyDetail  *models.Remedy `json:"remedy_detail"`
}

func (p runPrinter) realtimeStatus(s realtime.Status) realtimeStatus {
	f := realtimeStatus{State: s.State}
	if e := models.AsError(s.Err); e != nil {
		f.Message, f.Remedy, f.MessageDetail, f.RemedyDetail = new(p.Message(e)), new(p.RemedyOf(e)), &e.Text, e.Remedy
	}
	return f
}

func (p runPrinter) status(s runs.Status) status {
	startOf := func(r models.Run) models.Instant { return models.InstantOf(r.StartedAt) }
	return status{
		State: s.State, Running: convertOptional(s.Running, p.run), LastRun: convertOptional(s.LastRun, p.run), LastSuccessAt: convertOptional(s.LastSuccess, startOf),
		Age: convertOptional(s.Age, time.Duration.Seconds), ProvedEqualAt: convertOptional(s.ProvedEqual, startOf), NextRunAt: convertOptional(s.NextRun, models.InstantOf),
		CurrentAt: convertOptional(s.CurrentAt, models.InstantOf), Realtime: convertOptional(s.Realtime, p.realtimeStatus), RealtimeLag: convertOptional(s.Lag, time.Duration.Seconds),
		Drift: runs.RemainingDifferences(s.SyncStatus), VerifiedAt: convertOptional(s.Verified, startOf), Quarantined: s.Quarantined,
	}
}

// Status serves the sync status.
func (h *Sync) Status(c *fiber.Ctx) error {
	s, err := h.Service.Status(c.UserContext())
	if err != nil {
		return err
	}
	return c.JSON(success{Success: true, Data: runPrinterOf(c).status(s)})
}

// Start starts a run or executes a dry run.
func (h *Sync) Start(c *fiber.Ctx) error {
	req, err := h.Checker.ReadRun(c)
	if err != nil {
		return err
	}
	ctx, code := c.UserContext(), "done.dry_run_finished"
	if !req.DryRun {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, startTimeout)
		defer cancel()
		code = "done.run_started"
	}
	return h.respondAccepted(ctx, c, code, req, func(ctx context.Context) (models.Run, error) {
		return h.Service.Trigger(ctx, req)
	})
}

// Cancel requests the cancellation of a run.
func (h *Sync) Cancel(c *fiber.Ctx) error {
	id, err := request.BigID(c)
	if err != nil {
		return err
	}
	return h.respondAccepted(c.UserContext(), c, "done.cancel_requested", id, func(ctx context.Context) (models.Run, error) {
		return h.Service.Cancel(ctx, id)
	})
}

// respondAccepted calls do once per idempotency key and responds 202 with its run. input identifies the request's content.
func (h *Sync) respondAccepted(ctx context.Context, c *fiber.Ctx, code string, input any, do func(ctx context.Context) (models.Run, error)) error {
	var ref struct {
		ID int64 `json:"run"`
	}
	data, err := h.once(ctx, c, input, &ref, func(ctx context.Context) (any, error) {
		r, err := do(ctx)
		return runPrinterOf(c).run(r), err
	})
	if err != nil {
		return err
	}
	c.Location(runsPath + "/" + strconv.FormatInt(ref.ID, 10))
	return respondDone(c.Status(fiber.StatusAccepted), code, data)
}

// once calls do once per idempotency key. It returns the result as JSON and decodes it into out; a retry gets the first
// result. input identifies the request's content.
func (h *Sync) once(ctx context.Context, c *fiber.Ctx, input, out any, do func(ctx context.Context) (any, error)) (json.RawMessage, error) {
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return nil, err
	}
	result, err := h.Keys.Once(ctx, key, outbox.Fingerprint(input, nil), func(ctx context.Context) (any, error) {
		data, err := do(ctx)
		return data, runPrinterOf(c).withActiveRun(err)
	})
	if err != nil {
		return nil, err
	}
	return json.RawMessage(result.Data), json.Unmarshal(result.Data, out)
}

// withActiveRun adds the active run's data to an ActiveRunError.
func (p runPrinter) withActiveRun(err error) error {
	if active, ok := errors.AsType[*runs.ActiveRunError](err); ok {
		e := *models.AsError(err)
		e.Data = p.run(active.Run)
		return &e
	}
	return err
}

// differenceCounts is embedded in a verification.
type differenceCounts = models.Differences

type verification struct {
	Run   int64 `json:"run"`
	Equal bool  `json:"equal"`
	differenceCounts
	Tables      []models.TableCount `json:"tables"`
	Differences []runs.Difference   `json:"differences"`
}

// Verify compares the mirror with lifecycle_db.
func (h *Sync) Verify(c *fiber.Ctx) error {
	var outcome struct {
		Equal bool `json:"equal"`
	}
	data, err := h.once(c.UserContext(), c, nil, &outcome, func(ctx context.Context) (any, error) {
		v, err := h.Service.Verify(ctx)
		return h.verification(v), err
	})
	if err != nil {
		return err
	}
	code := "done.verified_different"
	if outcome.Equal {
		code = "done.verified_equal"
	}
	return respondDone(c, code, data)
}

func (h *Sync) verification(v runs.Verification) verification {
	return verification{
		Run: v.Run.ID, Equal: v.Equal,
		differenceCounts: v.Count,
		Tables:           withSourceNames(v.Tables),
		Differences:      v.Differences,
	}
}

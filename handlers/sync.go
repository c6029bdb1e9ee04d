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
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/outbox"
	"lifecycle-sync/services/realtime"
	"lifecycle-sync/services/runs"
	"lifecycle-sync/web/messages"
)

// startTimeout is how long a request waits for its run to start. Dry runs and verifications take as long as runs may.
const startTimeout = 10 * time.Second

// idempotent runs do once per idempotency key; a retry gets the first result. Errors: do's; conflict and busy of the
// key; connection.
type idempotent interface {
	Once(ctx context.Context, key *outbox.Key, fingerprint string, do func(ctx context.Context) (data any, err error)) (outbox.Result, error)
}

// Sync serves /sync.
type Sync struct {
	Service *runs.Service
	Journal *runs.Journal
	Keys    idempotent
	Checker request.Checker
	Texts   *messages.Printer
}

// status is the sync status.
type status struct {
	State         runs.State          `json:"state"`
	Running       *run                `json:"running"`
	LastRun       *run                `json:"lastRun"`
	LastSuccessAt *models.Instant     `json:"lastSuccessAt"`
	Age           *float64            `json:"lastSuccessAgeSeconds"`
	ProvedEqualAt *models.Instant     `json:"provedEqualAt"`
	NextRunAt     *models.Instant     `json:"nextRunAt"`
	CurrentAt     *models.Instant     `json:"currentAt"`
	Realtime      *follower           `json:"realtime"`
	RealtimeLag   *float64            `json:"realtimeLagSeconds"`
	Drift         *models.Differences `json:"drift"`
	VerifiedAt    *models.Instant     `json:"verifiedAt"`
	Quarantined   int64               `json:"quarantined"`
}

// follower is the state of real-time sync and, if it does not follow, why and what to do.
type follower struct {
	State         realtime.State `json:"state"`
	Message       *string        `json:"message"`
	Remedy        *string        `json:"remedy"`
	MessageDetail *models.Text   `json:"message_detail"`
	RemedyDetail  *models.Remedy `json:"remedy_detail"`
}

func (h *Sync) followerOf(s realtime.Status) follower {
	f := follower{State: s.State}
	if e := models.AsError(s.Err); e != nil {
		f.Message, f.Remedy, f.MessageDetail, f.RemedyDetail = new(h.Texts.Message(e)), new(h.Texts.RemedyOf(e)), &e.Text, e.Remedy
	}
	return f
}

func (h *Sync) statusOf(s runs.Status) status {
	startOf := func(r models.Run) models.Instant { return models.InstantOf(r.StartedAt) }
	out := status{
		State: s.State, Running: optional(s.Running, h.runOf), LastRun: optional(s.LastRun, h.runOf), LastSuccessAt: optional(s.LastSuccess, startOf),
		Age: optional(s.Age, time.Duration.Seconds), ProvedEqualAt: optional(s.ProvedEqual, startOf), NextRunAt: optional(s.NextRun, models.InstantOf),
		CurrentAt: optional(s.CurrentAt, models.InstantOf), Realtime: optional(s.Realtime, h.followerOf), RealtimeLag: optional(s.Lag, time.Duration.Seconds),
		VerifiedAt: optional(s.Verified, startOf), Quarantined: s.Quarantined,
	}
	if s.Verified != nil {
		out.Drift = s.Verified.Found()
	}
	return out
}

// Status serves the sync status.
func (h *Sync) Status(c *fiber.Ctx) error {
	s, err := h.Service.Status(c.UserContext())
	if err != nil {
		return err
	}
	return c.JSON(success{Success: true, Data: h.statusOf(s)})
}

// Start starts a run or executes a dry run.
func (h *Sync) Start(c *fiber.Ctx) error {
	wanted, err := h.Checker.Run(c)
	if err != nil {
		return err
	}
	ctx, code := c.UserContext(), "done.dry_run_finished"
	if !wanted.DryRun {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, startTimeout)
		defer cancel()
		code = "done.run_started"
	}
	return h.accepted(ctx, c, code, wanted, func(ctx context.Context) (models.Run, error) {
		return h.Service.Trigger(ctx, wanted)
	})
}

// Cancel requests that a run stops.
func (h *Sync) Cancel(c *fiber.Ctx) error {
	id, err := request.RunID(c)
	if err != nil {
		return err
	}
	return h.accepted(c.UserContext(), c, "done.cancel_requested", id, func(ctx context.Context) (models.Run, error) {
		return h.Service.Cancel(ctx, id)
	})
}

// accepted does once what a request wants, and responds with the run that do returns.
func (h *Sync) accepted(ctx context.Context, c *fiber.Ctx, code string, wanted any, do func(ctx context.Context) (models.Run, error)) error {
	var started struct {
		ID int64 `json:"run"`
	}
	data, err := h.once(ctx, c, wanted, &started, func(ctx context.Context) (any, error) {
		r, err := do(ctx)
		return h.runOf(r), err
	})
	if err != nil {
		return err
	}
	c.Location(runsPath + "/" + strconv.FormatInt(started.ID, 10))
	return done(c.Status(fiber.StatusAccepted), code, data)
}

// once does once per idempotency key what a request wants. It returns the result, as JSON and in out; a retry gets the
// first one.
func (h *Sync) once(ctx context.Context, c *fiber.Ctx, wanted, out any, do func(ctx context.Context) (any, error)) (json.RawMessage, error) {
	key, err := request.IdempotencyKey(c)
	if err != nil {
		return nil, err
	}
	result, err := h.Keys.Once(ctx, key, outbox.Fingerprint(wanted, nil), func(ctx context.Context) (any, error) {
		data, err := do(ctx)
		return data, h.withRun(err)
	})
	if err != nil {
		return nil, err
	}
	return json.RawMessage(result.Data), json.Unmarshal(result.Data, out)
}

// withRun adds the active run to the error that another run is active.
func (h *Sync) withRun(err error) error {
	if other, ok := errors.AsType[*runs.ActiveRunError](err); ok {
		e := *models.AsError(err)
		e.Data = h.runOf(other.Run)
		return &e
	}
	return err
}

type difference struct {
	Table   string        `json:"table"`
	ID      int64         `json:"id"`
	Action  mirror.Action `json:"action"`
	Cause   mirror.Cause  `json:"cause"`
	Columns []string      `json:"columns"`
}

// found embeds the counts of differences in a verification.
type found = models.Differences

type verification struct {
	Run   int64 `json:"run"`
	Equal bool  `json:"equal"`
	found
	Tables      []models.TableCount `json:"tables"`
	Differences []difference        `json:"differences"`
}

// Verify compares the mirror with lifecycle_db.
func (h *Sync) Verify(c *fiber.Ctx) error {
	var verified struct {
		Equal bool `json:"equal"`
	}
	data, err := h.once(c.UserContext(), c, nil, &verified, func(ctx context.Context) (any, error) {
		v, err := h.Service.Verify(ctx)
		return h.verification(v), err
	})
	if err != nil {
		return err
	}
	code := "done.verified_different"
	if verified.Equal {
		code = "done.verified_equal"
	}
	return done(c, code, data)
}

func (h *Sync) verification(v runs.Verification) verification {
	return verification{
		Run: v.Run.ID, Equal: v.Equal,
		found:       v.Count,
		Tables:      h.counts(v.Tables),
		Differences: each(v.Differences, func(d runs.Difference) difference { return difference(d) }),
	}
}

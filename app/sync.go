package app

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/web/messages"
)

// outcome is what --json prints about a run. Run is null if none was recorded: for a dry run, and while pmo_db is
// unavailable.
type outcome struct {
	Run           *int64              `json:"run"`
	Mode          string              `json:"mode"`
	State         models.RunState     `json:"state"`
	Reason        *string             `json:"reason"`
	ReasonDetails models.Texts        `json:"reason_details"`
	Digest        *string             `json:"digest"`
	StartedAt     time.Time           `json:"started_at"`
	FinishedAt    *time.Time          `json:"finished_at"`
	Tables        []models.TableCount `json:"tables"`
	Error         *outcomeError       `json:"error"`
}

type outcomeError struct {
	Class         models.Class   `json:"class"`
	Message       string         `json:"message"`
	Remedy        string         `json:"remedy"`
	MessageDetail models.Text    `json:"message_detail"`
	RemedyDetail  *models.Remedy `json:"remedy_detail"`
}

// runFunc makes a run: the engine itself, or the service that the API uses.
type runFunc func(ctx context.Context, req mirror.Request, progress mirror.Progress) (mirror.Result, error)

// sync makes one run and prints each step.
func (a *App) sync(ctx context.Context, run runFunc, req mirror.Request, out *console) (mirror.Result, error) {
	ctx, cancel := mirror.WithTimeout(ctx, a.cfg.SyncTimeout)
	defer cancel()
	defer out.close()
	out.line("🔄 Starting data synchronization from lifecycle_db to pmo_db...")
	started := now()
	if err := a.prepare(ctx, out); err != nil {
		return mirror.Result{Run: a.recordFailure(ctx, req, started, err)}, err
	}
	req.RetryTime, req.OnRetry = a.cfg.SyncRetryTime, out.retrying
	result, err := run(ctx, req, out)
	if err != nil {
		return result, err
	}
	a.printReasons(out, result.Run)
	out.line("🎉 Data synchronization completed successfully!")
	return result, nil
}

// printReasons prints why the run is what it is.
func (a *App) printReasons(out *console, run *models.Run) {
	if reasons := run.ReasonTexts(); len(reasons) > 0 {
		out.line("ℹ️ %s", a.texts.Texts(reasons))
	}
}

// newOutcome describes a run in a mode, and its record if there is one.
func newOutcome(texts *messages.Printer, mode string, started time.Time, result mirror.Result, err error) outcome {
	finished := now()
	o := outcome{Mode: mode, State: models.Succeeded, StartedAt: started, FinishedAt: &finished, Tables: result.Tables}
	if o.Tables == nil {
		o.Tables = []models.TableCount{}
	}
	if e := models.AsError(err); e != nil {
		o.State, o.Error = models.Failed, &outcomeError{Class: e.Class,
			Message: texts.Message(e), Remedy: texts.RemedyOf(e), MessageDetail: e.Text, RemedyDetail: e.Remedy,
		}
	}
	if run := result.Run; run != nil {
		o.Run, o.Mode, o.State, o.StartedAt, o.FinishedAt, o.Digest = &run.ID, run.Mode, run.State, run.StartedAt, run.FinishedAt, run.Digest
		if reasons := run.ReasonTexts(); len(reasons) > 0 {
			reason := texts.Texts(reasons)
			o.Reason, o.ReasonDetails = &reason, reasons
		}
	}
	return o
}

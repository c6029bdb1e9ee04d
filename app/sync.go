package app

import (
	"context"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

// outcome is what --json prints of a run. Run is null when none was recorded: in a dry run, and when
// pmo_db could not be reached.
type outcome struct {
	Run        *int64              `json:"run"`
	Mode       string              `json:"mode"`
	State      models.RunState     `json:"state"`
	Reason     *string             `json:"reason"`
	Digest     *string             `json:"digest"`
	StartedAt  time.Time           `json:"started_at"`
	FinishedAt *time.Time          `json:"finished_at"`
	Tables     []models.TableCount `json:"tables"`
	Error      *outcomeError       `json:"error"`
}

type outcomeError struct {
	Class   models.Class `json:"class"`
	Message string       `json:"message"`
	Remedy  string       `json:"remedy"`
}

// maker makes runs: the engine, or what also lets the API steer them.
type maker func(ctx context.Context, req mirror.Request, progress mirror.Progress) (mirror.Result, error)

// sync makes one run, reporting each step.
func (a *App) sync(ctx context.Context, run maker, req mirror.Request, out *console) (mirror.Result, error) {
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
	a.reportReasons(out, result.Run)
	out.line("🎉 Data synchronization completed successfully!")
	return result, nil
}

// reportReasons prints why the run is what it is.
func (a *App) reportReasons(out *console, run *models.Run) {
	if reasons := run.ReasonTexts(); len(reasons) > 0 {
		out.line("ℹ️ %s", a.texts.Texts(reasons))
	}
}

// outcomeOf tells of a run in a mode, and of its record, where it has one.
func outcomeOf(mode string, started time.Time, result mirror.Result, err error) outcome {
	finished := now()
	o := outcome{Mode: mode, State: models.Succeeded, StartedAt: started, FinishedAt: &finished, Tables: result.Tables}
	if o.Tables == nil {
		o.Tables = []models.TableCount{}
	}
	if e := models.AsError(err); e != nil {
		o.State, o.Error = models.Failed, &outcomeError{Class: e.Class, Message: englishTexts(time.UTC).Message(e), Remedy: englishTexts(time.UTC).RemedyOf(e)}
	}
	if run := result.Run; run != nil {
		o.Run, o.Mode, o.State, o.StartedAt, o.FinishedAt, o.Digest = &run.ID, run.Mode, run.State, run.StartedAt, run.FinishedAt, run.Digest
		if reasons := run.ReasonTexts(); len(reasons) > 0 {
			reason := englishTexts(time.UTC).Texts(reasons)
			o.Reason = &reason
		}
	}
	return o
}

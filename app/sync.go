package app

import (
	"context"
	"encoding/json"
	"io"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

// outcome is what --json prints of a run.
type outcome struct {
	*models.Run
	Tables []models.TableCount `json:"tables"`
	Error  *outcomeError       `json:"error"`
}

type outcomeError struct {
	Class   models.Class `json:"class"`
	Message string       `json:"message"`
	Remedy  string       `json:"remedy"`
}

// sync makes one run, reporting each step.
func (a *App) sync(ctx context.Context, req mirror.Request, out *console) (mirror.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, a.cfg.SyncTimeout)
	defer cancel()
	defer out.close()
	out.line("🔄 Starting data synchronization from lifecycle_db to pmo_db...")
	if err := a.prepare(ctx, out); err != nil {
		return mirror.Result{}, err
	}
	result, err := a.engine.Sync(ctx, req, out)
	if err != nil {
		return result, err
	}
	out.line("🎉 Data synchronization completed successfully!")
	return result, nil
}

// writeOutcome prints one JSON object on a line of its own.
func writeOutcome(w io.Writer, started time.Time, result mirror.Result, err error) error {
	o := outcome{Run: result.Run, Tables: result.Tables}
	if o.Run == nil {
		finished := now()
		o.Run = &models.Run{Mode: "full", State: models.Failed, StartedAt: started, FinishedAt: &finished}
	}
	if o.Tables == nil {
		o.Tables = []models.TableCount{}
	}
	if e := models.AsError(err); e != nil {
		o.Error = &outcomeError{Class: e.Class, Message: e.Message, Remedy: e.Remedy}
	}
	return json.NewEncoder(w).Encode(o)
}

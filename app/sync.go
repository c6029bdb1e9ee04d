package app

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/web/messages"
)

type syncCommand struct {
	Mode         string `enum:"full,incremental" default:"full" help:"full compares every row; incremental compares what may have changed since the last run."`
	DryRun       bool   `help:"Print what a run would change, and change nothing. Every row is compared in either mode."`
	Follow       bool   `help:"Keep running and mirror every change as soon as it is committed (PostgreSQL). On standby while another process follows."`
	AllowDeletes *int64 `placeholder:"N" help:"Allow exactly N rows to be deleted from the mirror, after the mass-delete guard stopped a run."`
	Digest       string `placeholder:"D" help:"Apply exactly the changes of the dry run with this digest, or nothing if they no longer match."`
	JSON         bool   `name:"json" help:"Print the result as JSON on the last line of standard output, after the changes of a dry run; readable output goes to standard error."`
}

// Run syncs once, does a dry run, or follows lifecycle_db.
func (c *syncCommand) Run(env *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	return env.withApp(func(a *App) error {
		out, started := env.terminal(c.JSON), now()
		defer out.close()
		req := mirror.Request{Mode: c.Mode, AllowDeletes: c.AllowDeletes, Digest: c.Digest}
		switch {
		case c.Follow:
			return a.followInForeground(env.ctx, out)
		case c.DryRun:
			found, err := a.dryRun(env, req, out, c.JSON)
			printed := newOutcome(a.printer, models.DryRun, started, mirror.Result{Tables: found.Tables}, err)
			if found.Tables != nil { // a dry run that the guard would stop still succeeds
				printed.Digest = &found.Digest
				err = nil
			}
			return env.printJSON(c.JSON, printed, err)
		default:
			result, err := a.sync(env.ctx, a.engine.Sync, req, out)
			a.alertAfter(env.ctx, result, err)
			return env.printJSON(c.JSON, newOutcome(a.printer, c.Mode, started, result, err), err)
		}
	})
}

// check refuses invalid flags and combinations. Errors: configuration.
func (c *syncCommand) check() error {
	switch {
	case c.AllowDeletes != nil && *c.AllowDeletes < 0:
		return models.NewError(models.Config, "cli.allow_deletes", nil)
	case c.Follow && (c.DryRun || c.JSON || c.AllowDeletes != nil || c.Digest != ""):
		return models.NewError(models.Config, "cli.follow_combination", nil)
	case c.Digest != "" && !mirror.IsDigest(c.Digest):
		return models.NewError(models.Config, "cli.digest", nil)
	case c.Digest != "" && (c.DryRun || c.Mode != models.FullRun):
		return models.NewError(models.Config, "cli.digest_combination", nil)
	default:
		return nil
	}
}

// runFunc executes a run: the engine itself, or the service that the API uses.
type runFunc func(ctx context.Context, req mirror.Request, progress mirror.Progress) (mirror.Result, error)

// sync executes one run and prints each step.
func (a *App) sync(ctx context.Context, run runFunc, req mirror.Request, out *terminal) (mirror.Result, error) {
	ctx, cancel := mirror.WithTimeout(ctx, a.cfg.SyncTimeout)
	defer cancel()
	defer out.finishBar()
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

// printReasons prints the run's reasons.
func (a *App) printReasons(out *terminal, run *models.Run) {
	if reasons := run.ReasonTexts(); len(reasons) > 0 {
		out.line("ℹ️ %s", a.printer.Texts(reasons))
	}
}

// dryRun prints every change that a run would make, and their digest. If the mass-delete guard would stop the run, it
// returns the complete result with the guard's error.
func (a *App) dryRun(env *environment, req mirror.Request, out *terminal, asJSON bool) (mirror.DryRun, error) {
	out.quiet = true
	out.line("🔍 Comparing lifecycle_db with pmo_db; the mirror stays unchanged...")
	ctx, cancel := mirror.WithTimeout(env.ctx, a.cfg.SyncTimeout)
	defer cancel()
	if err := a.fillDemo(ctx); err != nil {
		return mirror.DryRun{}, err
	}
	found, err := a.engine.DryRun(ctx, req, out, func(c mirror.Change) error {
		if asJSON {
			return json.NewEncoder(env.stdout).Encode(newDifference(c, ""))
		}
		out.line("%s", describe(c))
		return nil
	})
	if found.Tables == nil {
		return found, err
	}
	for _, count := range found.Tables {
		out.line("📋 %s: %d%s", count.Table, count.Mirrored(), details(count))
	}
	command := "lifecycle-sync sync --digest " + found.Digest
	if err != nil {
		out.line("⚠️ The run would be stopped: %s", a.printer.Error(err))
		command += " --allow-deletes N"
	}
	out.line("🔍 The mirror is unchanged. To apply exactly this: %s", command)
	return found, err
}

// describe formats a change as one line.
func describe(c mirror.Change) string {
	t := c.Table
	switch c.Action {
	case mirror.Insert, mirror.Release:
		return fmt.Sprintf("+ %s %d %s", t.Mirror, c.ID, t.Object(c.After))
	case mirror.Update:
		var columns []string
		for _, i := range c.Columns {
			column := t.Columns[i]
			columns = append(columns, fmt.Sprintf("%s: %s → %s", column.Name, column.JSON(c.Before.Cells[i]), column.JSON(c.After.Cells[i])))
		}
		return fmt.Sprintf("~ %s %d %s", t.Mirror, c.ID, strings.Join(columns, ", "))
	case mirror.Delete:
		return fmt.Sprintf("- %s %d %s", t.Mirror, c.ID, t.Object(c.Before))
	case mirror.Quarantine:
		return fmt.Sprintf("! %s %d quarantined: %s %s", t.Mirror, c.ID, c.Reason, t.Object(c.After))
	default:
		return fmt.Sprintf("! %s %d removed from the quarantine: it no longer exists in lifecycle_db, or is mirrored already", t.Mirror, c.ID)
	}
}

// difference is a change as JSON.
type difference struct {
	Table   string        `json:"table"`
	ID      int64         `json:"id"`
	Action  mirror.Action `json:"action"`
	Cause   mirror.Cause  `json:"cause,omitempty"`
	Columns []string      `json:"columns,omitempty"`
	Reason  string        `json:"reason,omitempty"`
	Before  models.JSON   `json:"before"`
	After   models.JSON   `json:"after"`
}

func newDifference(c mirror.Change, cause mirror.Cause) difference {
	d := difference{Table: c.Table.Name, ID: c.ID, Action: c.Action, Cause: cause, Reason: c.Reason.String()}
	for _, i := range c.Columns {
		d.Columns = append(d.Columns, c.Table.Columns[i].Name)
	}
	if c.Before.Cells != nil {
		d.Before = c.Table.Object(c.Before, c.Columns...)
	}
	if c.After.Cells != nil {
		d.After = c.Table.Object(c.After, c.Columns...)
	}
	return d
}

// outcome is the --json output about a run. Run is null if none was recorded: for a dry run, and while pmo_db is
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

// newOutcome describes a run in a mode, and its record if there is one.
func newOutcome(printer *messages.Printer, mode string, started time.Time, result mirror.Result, err error) outcome {
	finished := now()
	o := outcome{Mode: mode, State: models.Succeeded, StartedAt: started, FinishedAt: &finished, Tables: result.Tables}
	if o.Tables == nil {
		o.Tables = []models.TableCount{}
	}
	if e := models.AsError(err); e != nil {
		o.State, o.Error = models.Failed, &outcomeError{Class: e.Class,
			Message: printer.Message(e), Remedy: printer.RemedyOf(e), MessageDetail: e.Text, RemedyDetail: e.Remedy,
		}
	}
	if run := result.Run; run != nil {
		o.Run, o.Mode, o.State, o.StartedAt, o.FinishedAt, o.Digest = &run.ID, run.Mode, run.State, run.StartedAt, run.FinishedAt, run.Digest
		if reasons := run.ReasonTexts(); len(reasons) > 0 {
			reason := printer.Texts(reasons)
			o.Reason, o.ReasonDetails = &reason, reasons
		}
	}
	return o
}

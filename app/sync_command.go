package app

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

type syncCommand struct {
	Mode         string `enum:"full,incremental" default:"full" help:"full compares every row; incremental compares what can have changed since the last run."`
	DryRun       bool   `help:"Print what a run would change, and change nothing. Every row is compared in either mode."`
	Follow       bool   `help:"Keep running and mirror every change as soon as it is committed (PostgreSQL). On standby while another process follows."`
	AllowDeletes *int64 `placeholder:"N" help:"Allow exactly N rows to be removed from the mirror, after the mass-delete guard stopped a run."`
	Digest       string `placeholder:"D" help:"Apply exactly what the dry run with this digest showed, and nothing if that has changed since."`
	JSON         bool   `name:"json" help:"Print the outcome as one JSON object on the last line of standard output; readable output goes to standard error."`
}

// Run makes one run, previews it, or follows lifecycle_db.
func (c *syncCommand) Run(env *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	return env.withApp(func(a *App) error {
		switch {
		case c.Follow:
			return a.followInForeground(env.ctx, env.console(env.stdout))
		case c.DryRun:
			return c.preview(env, a)
		default:
			return c.sync(env, a)
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

func (c *syncCommand) request() mirror.Request {
	return mirror.Request{Mode: c.Mode, AllowDeletes: c.AllowDeletes, Digest: c.Digest}
}

// sync makes the run.
func (c *syncCommand) sync(env *environment, a *App) error {
	started := now()
	result, err := a.sync(env.ctx, a.engine.Sync, c.request(), env.console(env.logTo(c.JSON)))
	a.alertAfter(env.ctx, result, err)
	if c.JSON {
		if err := json.NewEncoder(env.stdout).Encode(newOutcome(a.texts, c.Mode, started, result, err)); err != nil {
			return err
		}
	}
	return err
}

// preview prints what the run would change. It is no error if the run would be stopped.
func (c *syncCommand) preview(env *environment, a *App) error {
	started := now()
	found, err := a.preview(env, c.request(), env.console(env.logTo(c.JSON)), c.JSON)
	shown := found.Tables != nil
	if c.JSON {
		o := newOutcome(a.texts, models.DryRun, started, mirror.Result{Tables: found.Tables}, err)
		if shown {
			o.Digest = &found.Digest
		}
		if err := json.NewEncoder(env.stdout).Encode(o); err != nil {
			return err
		}
	}
	if shown {
		return nil
	}
	return err
}

// logTo is the writer for readable output.
func (env *environment) logTo(json bool) io.Writer {
	if json {
		return env.stderr
	}
	return env.stdout
}

// preview prints every change that a run would make, and their digest. If the result has counts, the error is the one
// that the run would end with.
func (a *App) preview(env *environment, req mirror.Request, out *console, asJSON bool) (mirror.Preview, error) {
	defer out.close()
	out.line("🔍 Comparing lifecycle_db with pmo_db; nothing is written...")
	ctx, cancel := mirror.WithTimeout(env.ctx, a.cfg.SyncTimeout)
	defer cancel()
	if err := a.fillDemo(ctx); err != nil {
		return mirror.Preview{}, err
	}
	found, err := a.engine.Preview(ctx, req, quiet{out}, func(c mirror.Change) error {
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
	if err != nil {
		out.line("⚠️ The run would be stopped: %s", a.texts.Error(err))
	}
	out.line("🔍 Nothing was written. To apply exactly this: lifecycle-sync sync --digest %s", found.Digest)
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
		return fmt.Sprintf("! %s %d leaves the quarantine: it no longer exists in lifecycle_db, or is mirrored already", t.Mirror, c.ID)
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

// quiet is a console that shows bars but no line per table: the differences are the lines.
type quiet struct{ *console }

// Begin prints nothing.
func (quiet) Begin(*models.Table, int64) {}

// End prints nothing.
func (quiet) End(*models.Table, models.TableCount) {}

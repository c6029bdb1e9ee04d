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
	Mode         string `enum:"full,incremental" default:"full" help:"full: compare every row; incremental: only what can differ since the last run."`
	DryRun       bool   `help:"Print what a run would change, and change nothing. Every row is compared, in either mode."`
	Follow       bool   `help:"Stay, and bring every change as soon as it is committed (PostgreSQL). Stands by while another process does."`
	AllowDeletes *int64 `placeholder:"N" help:"Let exactly N rows leave the mirror, when the mass-delete guard stopped a run."`
	Digest       string `placeholder:"D" help:"Apply exactly what a dry run has shown and given this digest, and nothing when that has changed meanwhile."`
	JSON         bool   `name:"json" help:"Print the outcome as one JSON object on the last line of standard output; everything else goes to standard error."`
}

// Run makes one run, or shows what it would do.
func (c *syncCommand) Run(env *environment) error {
	if err := c.check(); err != nil {
		return err
	}
	return env.withApp(func(a *App) error {
		switch {
		case c.Follow:
			return a.followInForeground(env.ctx, newConsole(env.stdout))
		case c.DryRun:
			return c.show(env, a)
		default:
			return c.synchronise(env, a)
		}
	})
}

// check refuses what cannot be asked for, or not together.
func (c *syncCommand) check() error {
	var wrong string
	switch {
	case c.AllowDeletes != nil && *c.AllowDeletes < 0:
		wrong = "--allow-deletes takes a whole number from 0"
	case c.Follow && (c.DryRun || c.JSON || c.AllowDeletes != nil || c.Digest != ""):
		wrong = "--follow goes with none of --dry-run, --json, --allow-deletes and --digest"
	case c.Digest != "" && !mirror.IsDigest(c.Digest):
		wrong = "--digest takes the digest that sync --dry-run has printed"
	case c.Digest != "" && (c.DryRun || c.Mode != models.FullRun):
		wrong = "--digest goes neither with --dry-run nor with --mode incremental"
	default:
		return nil
	}
	return &models.Error{Class: models.Config, LegacyMessage: wrong}
}

func (c *syncCommand) request() mirror.Request {
	return mirror.Request{Mode: c.Mode, AllowDeletes: c.AllowDeletes, Digest: c.Digest}
}

// synchronise makes the run.
func (c *syncCommand) synchronise(env *environment, a *App) error {
	started := now()
	result, err := a.sync(env.ctx, a.engine.Sync, c.request(), newConsole(env.logTo(c.JSON)))
	a.alertAfter(env.ctx, result, err)
	if c.JSON {
		if err := json.NewEncoder(env.stdout).Encode(outcomeOf(c.Mode, started, result, err)); err != nil {
			return err
		}
	}
	return err
}

// show shows what the run would do. That the run would be stopped is no error here.
func (c *syncCommand) show(env *environment, a *App) error {
	started := now()
	found, err := a.preview(env, c.request(), newConsole(env.logTo(c.JSON)), c.JSON)
	shown := found.Tables != nil
	if c.JSON {
		o := outcomeOf(models.DryRun, started, mirror.Result{Tables: found.Tables}, err)
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

// logTo is where the log for people goes.
func (env *environment) logTo(json bool) io.Writer {
	if json {
		return env.stderr
	}
	return env.stdout
}

// preview prints every change that a run would make, and their digest. With counts, the error is the one that
// the run would end with.
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
		out.line("⚠️ The run would be stopped: %s", err)
	}
	out.line("🔍 Nothing was written. To apply exactly this: lifecycle-sync sync --digest %s", found.Digest)
	return found, err
}

// describe writes a change as one line, an update column by column.
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
		return fmt.Sprintf("! %s %d leaves the quarantine: it is no longer there in lifecycle_db, or mirrored already", t.Mirror, c.ID)
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

// quiet is a console that shows bars but no line a table: the differences are the lines.
type quiet struct{ *console }

// Begin says nothing.
func (quiet) Begin(*models.Table, int64) {}

// End says nothing.
func (quiet) End(*models.Table, models.TableCount) {}

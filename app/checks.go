package app

import (
	"slices"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/doctor"
	"lifecycle-sync/services/mirror"
)

type verifyCommand struct {
	JSON bool `name:"json" help:"Print each difference and, on the last line, the result as JSON on standard output."`
}

type verificationJSON struct {
	Equal   bool                `json:"equal"`
	Behind  int64               `json:"behind"`
	Drift   int64               `json:"drift"`
	Unknown int64               `json:"unknown"`
	Tables  []models.TableCount `json:"tables"`
}

// Run compares the databases and exits with 3 if they differ.
func (c *verifyCommand) Run(env *environment) error {
	return env.withApp(func(a *App) error {
		out := env.terminal(c.JSON)
		out.quiet = true
		defer out.close()
		ctx, cancel := mirror.WithTimeout(env.ctx, a.cfg.SyncTimeout)
		defer cancel()
		found, err := a.engine.Verify(ctx, out, func(change mirror.Change, cause mirror.Cause) error {
			d := newDifference(change, cause)
			if c.JSON {
				return env.printJSON(true, d, nil)
			}
			details := strings.Join(slices.DeleteFunc([]string{string(d.Action), strings.Join(d.Columns, ", "), d.Reason}, func(s string) bool { return s == "" }), " ")
			out.line("≠ %s %d: %s (%s)", change.Table.Mirror, d.ID, details, cause)
			return nil
		})
		if err != nil {
			return err
		}
		counts := found.Differences
		switch {
		case c.JSON:
			err = env.printJSON(true, verificationJSON{found.Equal, counts.Behind, counts.Drift, counts.Unknown, found.Tables}, nil)
		case !found.Equal:
			out.line("❌ The mirror differs from lifecycle_db: %d behind, %d drift, %d of unknown cause. Run lifecycle-sync sync.", counts.Behind, counts.Drift, counts.Unknown)
		default:
			for _, count := range found.Tables {
				out.line("✅ %s: %d rows equal, %d quarantined", count.Table, count.Mirrored(), count.Quarantined)
			}
			out.line("🎉 The mirror equals lifecycle_db")
		}
		if err == nil && !found.Equal {
			err = exitError(exitNotEqual)
		}
		return err
	})
}

type doctorCommand struct {
	JSON bool `name:"json" help:"Also print the findings as one JSON object on the last line of standard output; readable output goes to standard error."`
}

// findingJSON is a finding as --json prints it. The details are the codes and parameters of the texts.
type findingJSON struct {
	Name          string         `json:"name"`
	Status        doctor.Status  `json:"status"`
	BlocksRuns    bool           `json:"blocks_runs"`
	Message       string         `json:"message"`
	Remedy        string         `json:"remedy"`
	MessageDetail models.Text    `json:"message_detail"`
	RemedyDetail  *models.Remedy `json:"remedy_detail"`
}

// diagnosisJSON is the --json output. OK is false when there is a problem.
type diagnosisJSON struct {
	Checks []findingJSON `json:"checks"`
	OK     bool          `json:"ok"`
}

// Run runs every check. It exits with 1 when a problem needs action.
func (c *doctorCommand) Run(env *environment) error {
	return env.withApp(func(a *App) error {
		out := env.terminal(c.JSON)
		defer out.close()
		findings := a.doctor().Diagnose(env.ctx)
		printed := diagnosisJSON{OK: doctor.Healthy(findings)}
		for _, f := range findings {
			printed.Checks = append(printed.Checks, findingJSON{f.Name, f.Status, f.BlocksRuns, a.printer.Text(f.Text), a.printer.Remedy(f.Remedy), f.Text, f.Remedy})
			a.printFinding(out, f)
		}
		if err := env.printJSON(c.JSON, printed, nil); err != nil {
			return err
		}
		switch {
		case env.ctx.Err() != nil:
			return models.AsError(env.ctx.Err())
		case !printed.OK:
			out.line("❌ Problems need action")
			return exitError(exitFailed)
		default:
			out.line("🎉 No problems found")
			return nil
		}
	})
}

// doctor wires the diagnosis.
func (a *App) doctor() *doctor.Doctor {
	return &doctor.Doctor{
		Source: a.source, Store: a.store, Tables: models.Tables(), Uploads: a.files, Data: a.data,
		StaleAfter: a.cfg.StaleAfter, Retention: a.cfg.ChangeLogRetention, CheckTime: a.cfg.ConnectTimeout, Realtime: a.cfg.Realtime,
		Alerts: a.cfg.AlertURL != "", Now: time.Now, Log: a.log,
	}
}

// printFinding prints a finding, its remedy and the command that carries the remedy out, each on a line of its own.
func (a *App) printFinding(out *terminal, f doctor.Finding) {
	sign := map[doctor.Status]string{doctor.OK: "✅", doctor.Note: "⚠️", doctor.Problem: "❌", doctor.Skipped: "⏭"}[f.Status]
	blocks := ""
	if f.BlocksRuns {
		blocks = " (blocks runs)"
	}
	out.line("%s %s%s: %s", sign, f.Name, blocks, a.printer.Text(f.Text))
	if f.Remedy == nil {
		return
	}
	for _, line := range []string{a.printer.Text(f.Remedy.Text), f.Remedy.Command} {
		if line != "" {
			out.line("   %s", line)
		}
	}
}

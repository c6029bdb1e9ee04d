package app

import (
	"encoding/json"
	"errors"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/services/doctor"
)

type doctorCommand struct {
	JSON bool `name:"json" help:"Also print the findings as one JSON object on the last line of standard output; readable output goes to standard error."`
}

// errUnhealthy makes doctor exit with 1.
var errUnhealthy = errors.New("a problem needs action")

// findingJSON is a finding as --json prints it. The details are what the texts are rendered from.
type findingJSON struct {
	Name          string         `json:"name"`
	Status        doctor.Status  `json:"status"`
	BlocksRuns    bool           `json:"blocks_runs"`
	Message       string         `json:"message"`
	Remedy        string         `json:"remedy"`
	MessageDetail models.Text    `json:"message_detail"`
	RemedyDetail  *models.Remedy `json:"remedy_detail"`
}

// diagnosisJSON is what --json prints. OK is false when there is a problem.
type diagnosisJSON struct {
	Checks []findingJSON `json:"checks"`
	OK     bool          `json:"ok"`
}

// Run runs every check. It exits with 1 when a problem needs action.
func (c *doctorCommand) Run(env *environment) error {
	return env.withApp(func(a *App) error {
		out := env.console(env.logTo(c.JSON))
		defer out.close()
		d, err := a.doctor()
		if err != nil {
			return err
		}
		findings := d.Diagnose(env.ctx)
		healthy := doctor.Healthy(findings)
		printed := diagnosisJSON{OK: healthy}
		for _, f := range findings {
			printed.Checks = append(printed.Checks, findingJSON{f.Name, f.Status, f.BlocksRuns, a.texts.Text(f.Text), a.texts.Remedy(f.Remedy), f.Text, f.Remedy})
			a.printFinding(out, f)
		}
		if c.JSON {
			if err := json.NewEncoder(env.stdout).Encode(printed); err != nil {
				return err
			}
		}
		switch {
		case env.ctx.Err() != nil:
			return models.AsError(env.ctx.Err())
		case !healthy:
			out.line("❌ Problems need action")
			return errUnhealthy
		default:
			out.line("🎉 No problems found")
			return nil
		}
	})
}

// doctor wires the diagnosis. Errors: configuration.
func (a *App) doctor() (*doctor.Doctor, error) {
	data, err := files.Open("file:" + a.cfg.DataDir)
	if err != nil {
		return nil, err
	}
	return doctor.New(doctor.Options{
		Source: a.source, Store: a.store, Tables: models.Tables(), Uploads: a.files, Data: data,
		StaleAfter: a.cfg.StaleAfter, CheckTime: a.cfg.ConnectTimeout, Realtime: a.cfg.Realtime, Alerts: a.cfg.AlertURL != "", Now: time.Now, Log: a.log,
	}), nil
}

// printFinding prints a finding, its remedy and the command that carries the remedy out, each on a line of its own.
func (a *App) printFinding(out *console, f doctor.Finding) {
	sign := map[doctor.Status]string{doctor.OK: "✅", doctor.Note: "⚠️", doctor.Problem: "❌", doctor.Skipped: "⏭"}[f.Status]
	blocks := ""
	if f.BlocksRuns {
		blocks = " (blocks runs)"
	}
	out.line("%s %s%s: %s", sign, f.Name, blocks, a.texts.Text(f.Text))
	if f.Remedy == nil {
		return
	}
	for _, line := range []string{a.texts.Text(f.Remedy.Text), f.Remedy.Command} {
		if line != "" {
			out.line("   %s", line)
		}
	}
}

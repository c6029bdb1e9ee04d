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
	JSON bool `name:"json" help:"Print the findings as one JSON object on the last line of standard output as well; what people read goes to standard error."`
}

// errUnwell is how doctor says that something must be done.
var errUnwell = errors.New("something must be done")

// examined is what --json prints. OK is false when there is a problem.
type examined struct {
	Checks []doctor.Finding `json:"checks"`
	OK     bool             `json:"ok"`
}

// Run examines everything, and exits with 1 when something must be done.
func (c *doctorCommand) Run(env *environment) error {
	return env.withApp(func(a *App) error {
		out := newConsole(env.logTo(c.JSON))
		defer out.close()
		physician, err := a.doctor()
		if err != nil {
			return err
		}
		findings := physician.Examine(env.ctx)
		for _, f := range findings {
			printFinding(out, f)
		}
		if c.JSON {
			if err := json.NewEncoder(env.stdout).Encode(examined{findings, doctor.Well(findings)}); err != nil {
				return err
			}
		}
		switch {
		case env.ctx.Err() != nil:
			return models.AsError(env.ctx.Err())
		case !doctor.Well(findings):
			out.line("❌ Something must be done")
			return errUnwell
		default:
			out.line("🎉 Nothing must be done")
			return nil
		}
	})
}

// doctor wires what examines the program's surroundings. Errors: configuration.
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

// printFinding writes a finding as a line, with what to do on the next.
func printFinding(out *console, f doctor.Finding) {
	sign := map[doctor.Status]string{doctor.OK: "✅", doctor.Note: "⚠️", doctor.Problem: "❌", doctor.Skipped: "⏭"}[f.Status]
	out.line("%s %s: %s", sign, f.Name, f.Message)
	if f.Remedy != "" {
		out.line("   %s", f.Remedy)
	}
}

package app

import (
	"encoding/json"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

type verifyCommand struct {
	JSON bool `name:"json" help:"Print each difference and, on the last line, the result as JSON on standard output."`
}

// Run compares the databases and exits with 3 if they differ.
func (c *verifyCommand) Run(env *environment) error {
	return env.withApp(func(a *App) error {
		out := env.console(env.logTo(c.JSON))
		defer out.close()
		ctx, cancel := mirror.WithTimeout(env.ctx, a.cfg.SyncTimeout)
		defer cancel()
		result, err := a.engine.Verify(ctx, quiet{out}, func(change mirror.Change, cause mirror.Cause) error {
			if c.JSON {
				return json.NewEncoder(env.stdout).Encode(newDifference(change, cause))
			}
			d := newDifference(change, cause)
			out.line("≠ %s %d: %s%s%s (%s)", change.Table.Mirror, d.ID, d.Action, prefixed(" ", strings.Join(d.Columns, ", ")), prefixed(" ", d.Reason), cause)
			return nil
		})
		if err != nil {
			return err
		}
		if c.JSON {
			if err := json.NewEncoder(env.stdout).Encode(newVerification(result)); err != nil {
				return err
			}
		} else {
			printVerification(out, result)
		}
		if !result.Equal {
			return errNotEqual
		}
		return nil
	})
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}

func printVerification(out *console, v mirror.Verification) {
	if !v.Equal {
		out.line("❌ The mirror differs from lifecycle_db: %d behind, %d drift, %d of unknown cause. Run lifecycle-sync sync.",
			v.Differences.Behind, v.Differences.Drift, v.Differences.Unknown)
		return
	}
	for _, count := range v.Tables {
		out.line("✅ %s: %d rows equal, %d quarantined", count.Table, count.Mirrored(), count.Quarantined)
	}
	out.line("🎉 The mirror equals lifecycle_db")
}

type verificationJSON struct {
	Equal   bool                `json:"equal"`
	Behind  int64               `json:"behind"`
	Drift   int64               `json:"drift"`
	Unknown int64               `json:"unknown"`
	Tables  []models.TableCount `json:"tables"`
}

func newVerification(v mirror.Verification) verificationJSON {
	return verificationJSON{Equal: v.Equal, Behind: v.Differences.Behind, Drift: v.Differences.Drift,
		Unknown: v.Differences.Unknown, Tables: v.Tables}
}

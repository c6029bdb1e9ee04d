// Package doctor diagnoses what runs and the API depend on: servers, privileges, tables, replication, recent runs,
// folders. Each finding says what to do. Doctor changes nothing.
package doctor

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
)

// Options are what a Doctor needs.
type Options struct {
	Source     *lifecycle.Source
	Store      *pmo.Store
	Tables     []*models.Table // parents before children
	Uploads    Storage
	Data       Storage
	StaleAfter time.Duration // maximum age of the last successful run
	CheckTime  time.Duration // time limit of each check
	Realtime   bool          // real-time sync is on
	Alerts     bool          // an alert receiver is configured
	Now        func() time.Time
	Log        *slog.Logger // for unexpected errors
}

// Storage is where files are kept. Errors of Check: permission, unavailable, canceled.
type Storage interface {
	// Check tests whether files can be written, and returns the free bytes, files.Unlimited if that is unknown.
	Check(ctx context.Context) (free int64, err error)
}

// Status says how a check ended.
type Status string

// The statuses. Only a Problem keeps something from working, now or soon.
const (
	OK      Status = "ok"
	Note    Status = "note"    // worth knowing; no action needed
	Problem Status = "problem" // needs action
	Skipped Status = "skipped" // not checked; the text says why
)

// Finding is the outcome of a check: a text and what to do about it. A check that finds several things has one
// finding for each, all with its name.
type Finding struct {
	models.Problem

	Name       string
	Status     Status
	BlocksRuns bool // no run can succeed before this is fixed
}

// Healthy reports whether nothing needs action.
func Healthy(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Status == Problem })
}

// Doctor diagnoses one pair of databases and this machine.
type Doctor struct{ o Options }

// New returns the doctor.
func New(o Options) *Doctor { return &Doctor{o} }

// Diagnose runs every check in a fixed order and returns at least one finding for each. What is wrong is a finding,
// not an error. When ctx ends, the remaining checks are skipped.
func (d *Doctor) Diagnose(ctx context.Context) []Finding {
	diagnosis := newDiagnosis(d.o)
	for _, c := range diagnosis.checks() {
		diagnosis.run(ctx, c)
	}
	return diagnosis.findings
}

type params = models.Params

func ok(code string, values params) Finding {
	return Finding{Status: OK, Problem: models.Problem{Text: models.NewText(code, values)}}
}

func skipped(code string, values params) Finding {
	return Finding{Status: Skipped, Problem: models.Problem{Text: models.NewText(code, values)}}
}

func note(code string, values params, remedy *models.Remedy) Finding {
	return Finding{Status: Note, Problem: models.Problem{Text: models.NewText(code, values), Remedy: remedy}}
}

func problem(code string, values params, remedy *models.Remedy) Finding {
	return Finding{Status: Problem, Problem: models.Problem{Text: models.NewText(code, values), Remedy: remedy}}
}

// skippedBecause is the finding that an earlier check's result prevents this one.
func skippedBecause(check string) Finding {
	return skipped("doctor.skipped", params{"check": check})
}

// failed is a finding with the text and remedy of an error.
func failed(status Status, e *models.Error) Finding {
	return Finding{Status: status, Problem: models.Problem{Text: e.Text, Remedy: e.Remedy}}
}

// Package doctor diagnoses what runs and the API depend on: servers, privileges, tables, replication, recent runs,
// folders. Each finding says what to do. Doctor changes nothing.
package doctor

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
)

// Options configure a Doctor.
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

// Storage stores files. Errors of Check: permission, unavailable, canceled.
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

// side is one of the two databases.
type side string

const (
	inSource side = "lifecycle_db"
	inMirror side = "pmo_db"
)

// check is one entry of the list that Diagnose works through.
type check struct {
	name       string
	db         side // the database it queries, "" for neither
	also       side // another database whose state it needs
	postgres   bool // it is about something that SQLite does not have
	blocksRuns bool // a run stops when it finds a problem
	// find returns the findings. After an error the database is not queried again.
	find func(ctx context.Context) ([]Finding, error)
}

// databaseState holds the results of earlier checks of a database.
type databaseState struct {
	server  database.ServerInfo
	line    database.Transport
	tables  map[string]database.TableInfo // by name
	stopped string                        // the check after which it is not queried any more
}

// diagnosis is one Diagnose in progress.
type diagnosis struct {
	Options

	source, mirror databaseState
	access         map[string]lifecycle.Access // by table name
	slots          []slot                      // in lifecycle_db's server
	migrated       bool                        // pmo_db's schema is at least this binary's
	status         journal.SyncStatus
	findings       []Finding
}

func newDiagnosis(o Options) *diagnosis {
	d := &diagnosis{Options: o}
	if !d.onServer() {
		f := skipped("doctor.sqlite", nil)
		f.Name = "postgresql"
		d.findings = []Finding{f}
	}
	return d
}

// onServer reports whether the databases are on PostgreSQL servers; otherwise they are SQLite files.
func (d *diagnosis) onServer() bool { return d.Source.Features().Server }

// checks lists every check in the order of the report. Later checks use what earlier ones found out.
func (d *diagnosis) checks() []check {
	return slices.Concat(
		d.sourceServer().checks(), d.sourceChecks(), d.mirrorServer().checks(), d.mirrorChecks(),
		d.replicationChecks(), d.runChecks(), d.machineChecks(),
	)
}

// state returns the known state of a database, nil for neither.
func (d *diagnosis) state(s side) *databaseState {
	switch s {
	case inSource:
		return &d.source
	case inMirror:
		return &d.mirror
	default:
		return nil
	}
}

// run runs one check unless something prevents it.
func (d *diagnosis) run(ctx context.Context, c check) {
	if c.postgres && !d.onServer() {
		return
	}
	for _, s := range []side{c.db, c.also} {
		if state := d.state(s); state != nil && state.stopped != "" {
			d.add(c, skippedBecause(state.stopped))
			return
		}
	}
	if ctx.Err() != nil {
		d.add(c, skipped("doctor.canceled", nil))
		return
	}
	limited, cancel := context.WithTimeout(ctx, d.CheckTime)
	defer cancel()
	findings, err := c.find(limited)
	if err != nil {
		findings = append(findings, d.checkFailed(c, err))
		if state := d.state(c.db); state != nil {
			state.stopped = c.name
		}
	}
	d.add(c, findings...)
}

func (d *diagnosis) add(c check, findings ...Finding) {
	for _, f := range findings {
		f.Name, f.BlocksRuns = c.name, c.blocksRuns && f.Status == Problem
		d.findings = append(d.findings, f)
	}
}

// checkFailed is the finding that a check could not be completed.
func (d *diagnosis) checkFailed(c check, err error) Finding {
	e := models.AsError(err)
	switch e.Class {
	case models.Timeout:
		return problem("doctor.timeout", params{"limit": d.CheckTime}, models.NewRemedy("doctor.timeout_remedy", nil))
	case models.Internal:
		d.Log.Warn("doctor check failed", "check", c.name, "error", e, "cause", e.Cause)
	default:
	}
	return failed(Problem, e)
}

// onTables adds to the findings about a database's tables which tables were not checked, or, if there is nothing to
// say, the good news.
func (d *diagnosis) onTables(at side, found []Finding, good Finding) []Finding {
	var missing []string
	cause := "mirror.tables"
	for _, t := range d.Tables {
		switch {
		case at == inMirror && !d.mirror.tables[t.Mirror].Exists:
			missing = append(missing, t.Mirror)
		case at == inSource && !d.source.tables[t.Source].Exists && !t.Optional:
			missing, cause = append(missing, t.Source), "source.tables"
		}
	}
	if missing != nil {
		return append(found, skipped("doctor.tables_skipped", params{"tables": missing, "check": cause}))
	}
	return orOK(found, good)
}

// orOK returns the findings or, if there are none, the good news.
func orOK(found []Finding, good Finding) []Finding {
	if found == nil {
		return []Finding{good}
	}
	return found
}

// shared is a check that the preflight of runs makes, too: it comes from the database's list of table checks. more, if
// not nil, adds what only doctor looks for.
func (d *diagnosis) shared(at side, name string, good func() Finding, more func(ctx context.Context) ([]Finding, error)) check {
	list := func() database.TableCheck {
		checks := d.Store.TableChecks(d.source.tables, d.mirror.tables)
		if at == inSource {
			checks = d.Source.TableChecks(d.source.tables)
		}
		return checks[slices.IndexFunc(checks, func(c database.TableCheck) bool { return c.Name == name })]
	}
	return check{name: name, db: at, blocksRuns: true, find: func(ctx context.Context) ([]Finding, error) {
		var found []Finding
		for _, t := range d.existing(at) {
			found = append(found, problems(list().Find(t))...)
		}
		var err error
		if more != nil {
			var added []Finding
			added, err = more(ctx)
			found = append(found, added...)
		}
		return d.onTables(at, found, good()), err
	}}
}

func problems(all []models.Problem) (found []Finding) {
	for _, p := range all {
		found = append(found, Finding{Status: Problem, Problem: p})
	}
	return found
}

// existing lists the tables that a database has.
func (d *diagnosis) existing(at side) []*models.Table {
	return slices.DeleteFunc(slices.Clone(d.Tables), func(t *models.Table) bool {
		if at == inSource {
			return !d.source.tables[t.Source].Exists
		}
		return !d.mirror.tables[t.Mirror].Exists
	})
}

// hidden finds missing tables in schemas that the search_path does not reach. SQLite has no schemas.
func (d *diagnosis) hidden(ctx context.Context, inspector *database.Inspector, tables map[string]database.TableInfo) (map[string]database.HiddenTable, error) {
	var missing []string
	for name, info := range tables {
		if !info.Exists {
			missing = append(missing, name)
		}
	}
	if missing == nil || !d.onServer() {
		return nil, nil //nolint:nilnil // no table is hidden
	}
	return inspector.HiddenTables(ctx, missing)
}

func hiddenTable(at side, table string, where database.HiddenTable, s database.ServerInfo) Finding {
	values := params{"table": table, "schema": where.Schema, "role": s.Role}
	if !where.Usable {
		return problem("doctor.schema_unusable", values, models.NewSQL(string(at), "GRANT USAGE ON SCHEMA "+where.Schema+" TO "+s.Role))
	}
	return problem("doctor.schema_not_searched", values,
		models.NewSQL(string(at), "ALTER ROLE "+s.Role+" IN DATABASE "+s.Database+" SET search_path = "+where.Schema+", public"))
}

// Package doctor checks everything that runs and the API depend on: servers, privileges, tables, replication, recent runs,
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

// Doctor diagnoses one pair of databases and this machine.
type Doctor struct {
	Source     *lifecycle.Source
	Store      *pmo.Store
	Tables     []*models.Table // parents before children
	Uploads    Storage
	Data       Storage
	StaleAfter time.Duration // maximum age of the last successful run
	Retention  time.Duration // of the attachments of deleted products
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

// The statuses. Only a Problem stops something from working, now or soon.
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

// Diagnose runs every check in a fixed order and returns at least one finding for each. Failures are findings, never
// errors. When ctx ends, the remaining checks are skipped.
func (o *Doctor) Diagnose(ctx context.Context) []Finding {
	d := &diagnosis{Doctor: o}
	d.source = checkedDatabase{d: d, name: inSource, setting: "LIFECYCLE_DATABASE_URL", directSetting: "LIFECYCLE_DIRECT_URL",
		inspector: o.Source.Inspector(), tablesCheck: "source.tables",
		nameOf:      func(t *models.Table) string { return t.Source },
		tableChecks: func() []database.TableCheck { return o.Source.TableChecks(d.source.tables) }}
	d.mirror = checkedDatabase{d: d, name: inMirror, setting: "PMO_DATABASE_URL", directSetting: "PMO_DIRECT_URL",
		inspector: o.Store.Inspector(), tablesCheck: "mirror.tables",
		nameOf:      func(t *models.Table) string { return t.Mirror },
		tableChecks: func() []database.TableCheck { return o.Store.TableChecks(d.source.tables, d.mirror.tables) }}
	if !d.onServer() {
		d.add(check{name: "postgresql"}, skipped("doctor.sqlite", nil))
	}
	for _, c := range slices.Concat(
		d.source.serverChecks(), d.sourceChecks(), d.mirror.serverChecks(), d.mirrorChecks(), d.replicationChecks(), d.runChecks(), d.machineChecks(),
	) {
		d.run(ctx, c)
	}
	return d.findings
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

// skippedBecause returns the finding for a check that the result of another one prevents.
func skippedBecause(check string) Finding {
	return skipped("doctor.skipped", params{"check": check})
}

// failed returns a finding with the text and remedy of an error.
func failed(status Status, e *models.Error) Finding {
	return Finding{Status: status, Problem: models.Problem{Text: e.Text, Remedy: e.Remedy}}
}

// The names of the two databases.
const (
	inSource = "lifecycle_db"
	inMirror = "pmo_db"
)

// checkedDatabase is one of the two databases, with what earlier checks found out about it.
type checkedDatabase struct {
	d             *diagnosis
	name          string // inSource or inMirror
	setting       string // that holds its URL
	directSetting string // that holds the URL that bypasses a pooler
	inspector     *database.Inspector
	nameOf        func(*models.Table) string // the table's name in this database
	tablesCheck   string                     // the name of the check that looks for its tables
	tableChecks   func() []database.TableCheck

	reached     database.Reach
	refusal     error // why it was not reached
	server      database.ServerInfo
	transport   database.Transport
	tables      map[string]database.TableInfo // by name
	failedCheck string                        // the check that failed; later ones are skipped
}

// check is one entry of the list that Diagnose works through. Later checks use what earlier ones found out.
type check struct {
	name         string
	db           *checkedDatabase // the database that it queries, nil for neither
	requires     *checkedDatabase // another database whose state it needs
	postgresOnly bool             // skipped on SQLite
	blocksRuns   bool             // a problem that it finds makes every run fail
	// find returns the findings. After an error the database is not queried again.
	find func(ctx context.Context) ([]Finding, error)
}

// oneFinding adapts a check that queries nothing and has one finding, from the results of earlier checks.
func oneFinding(find func() Finding) func(context.Context) ([]Finding, error) {
	return func(context.Context) ([]Finding, error) { return []Finding{find()}, nil }
}

// diagnosis is one Diagnose in progress.
type diagnosis struct {
	*Doctor

	source, mirror checkedDatabase
	access         map[string]lifecycle.Access // by table name
	slots          []slot                      // on lifecycle_db's server
	schemaUpToDate bool                        // pmo_db's schema is at least this binary's
	status         journal.SyncStatus
	findings       []Finding
}

// onServer reports whether the databases are on PostgreSQL servers; otherwise they are SQLite files.
func (d *diagnosis) onServer() bool { return d.Source.Features().Server }

// run runs one check unless something prevents it.
func (d *diagnosis) run(ctx context.Context, c check) {
	if c.postgresOnly && !d.onServer() {
		return
	}
	for _, s := range []*checkedDatabase{c.db, c.requires} {
		if s != nil && s.failedCheck != "" {
			d.add(c, skippedBecause(s.failedCheck))
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
		if c.db != nil {
			c.db.failedCheck = c.name
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

// checkFailed returns the finding for a check that could not be completed.
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

// withSkippedTables adds a finding that lists the tables that do not exist and were not checked. Without findings it returns
// okFinding.
func (s *checkedDatabase) withSkippedTables(found []Finding, okFinding Finding) []Finding {
	var missing []string
	for _, t := range s.d.Tables {
		if !s.has(t) && (s.name == inMirror || !t.Optional) {
			missing = append(missing, s.nameOf(t))
		}
	}
	if missing != nil {
		return append(found, skipped("doctor.tables_skipped", params{"tables": missing, "check": s.tablesCheck}))
	}
	return okIfNone(found, okFinding)
}

// okIfNone returns the findings or, if there are none, okFinding.
func okIfNone(found []Finding, okFinding Finding) []Finding {
	if found == nil {
		return []Finding{okFinding}
	}
	return found
}

// preflightCheck returns a check that the preflight of runs makes too: it is in the database's list of table checks. extra,
// which may be nil, finds what only doctor reports.
func (s *checkedDatabase) preflightCheck(name string, okFinding func() Finding, extra func(ctx context.Context) ([]Finding, error)) check {
	return check{name: name, db: s, blocksRuns: true, find: func(ctx context.Context) (found []Finding, err error) {
		checks := s.tableChecks()
		i := slices.IndexFunc(checks, func(c database.TableCheck) bool { return c.Name == name })
		for _, t := range s.existing() {
			found = append(found, problems(checks[i].Find(t))...)
		}
		var added []Finding
		if extra != nil {
			added, err = extra(ctx)
		}
		return s.withSkippedTables(append(found, added...), okFinding()), err
	}}
}

func problems(all []models.Problem) (found []Finding) {
	for _, p := range all {
		found = append(found, Finding{Status: Problem, Problem: p})
	}
	return found
}

func (s *checkedDatabase) has(t *models.Table) bool { return s.tables[s.nameOf(t)].Exists }

// existing lists the tables that the database has.
func (s *checkedDatabase) existing() []*models.Table {
	return slices.DeleteFunc(slices.Clone(s.d.Tables), func(t *models.Table) bool { return !s.has(t) })
}

// inspect reads the catalogue's entries of tables. It returns a finding for each missing table that is in a schema which the
// search_path does not reach. SQLite has no schemas.
func (s *checkedDatabase) inspect(ctx context.Context, names []string) (hidden map[string]Finding, err error) {
	if s.tables, err = s.inspector.Inspect(ctx, names); err != nil || !s.d.onServer() {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return s.tables[name].Exists })
	if len(missing) == 0 {
		return nil, nil //nolint:nilnil // no table is hidden
	}
	found, err := s.inspector.HiddenTables(ctx, missing)
	hidden = map[string]Finding{}
	for table, where := range found {
		code, statement := "doctor.schema_unusable", "GRANT USAGE ON SCHEMA "+where.Schema+" TO "+s.server.Role
		if where.Usable {
			code, statement = "doctor.schema_not_searched", "ALTER ROLE "+s.server.Role+" IN DATABASE "+s.server.Database+" SET search_path = "+where.Schema+", public"
		}
		hidden[table] = problem(code, params{"table": table, "schema": where.Schema, "role": s.server.Role}, models.NewSQL(s.name, statement))
	}
	return hidden, err
}

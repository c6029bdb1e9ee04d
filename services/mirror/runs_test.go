package mirror_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/web/messages"
)

// try makes a run in the fixture's mode, optionally with an allowance.
func (l *fixture) try(allow ...int64) (mirror.Result, error) {
	l.Helper()
	return l.apply("", allow...)
}

// apply is try with the digest of a dry run.
func (l *fixture) apply(digest string, allow ...int64) (mirror.Result, error) {
	l.Helper()
	if l.settles {
		l.settle() // otherwise most rows count as new in the next run, and all are compared
	}
	req := mirror.Request{Mode: l.mode, Digest: digest}
	if len(allow) > 0 {
		req.AllowDeletes = &allow[0]
	}
	return l.Engine.Sync(l.Context(), req, mirror.Silent{})
}

// sync makes a run that must succeed, and returns its counts by table.
func (l *fixture) sync(allow ...int64) map[string]models.TableCount {
	l.Helper()
	result, err := l.try(allow...)
	if err != nil {
		l.Fatalf("sync: %v (%v)", err, models.AsError(err).Cause)
	}
	if result.Run.State != models.Succeeded {
		l.Fatalf("the run is %s", result.Run.State)
	}
	return byTable(result.Tables)
}

func byTable(counts []models.TableCount) map[string]models.TableCount {
	out := map[string]models.TableCount{}
	for _, c := range counts {
		c.RunID, c.Position = 0, 0
		out[c.Table] = c
	}
	return out
}

// refused makes a run that must change nothing and fail with an error of the class that contains the texts.
func (l *fixture) refused(class models.Class, texts ...string) *models.Error {
	l.Helper()
	return l.fails(class, texts, nil)
}

// refusedDeletes makes a run that the mass-delete guard must stop with a number of rows.
func (l *fixture) refusedDeletes(rows int64, allow ...int64) *models.Error {
	l.Helper()
	e := l.fails(models.MassDelete, nil, allow)
	if n := l.allowed(e); n != rows {
		l.Fatalf("the guard names %d rows, must name %d: %v", n, rows, e)
	}
	return e
}

func (l *fixture) fails(class models.Class, texts []string, allow []int64) *models.Error {
	l.Helper()
	before := l.state()
	_, err := l.try(allow...)
	l.unchanged(before)
	return l.wantError(err, class, texts...)
}

// wantError fails unless an error is of the class and its message or remedy contains the texts.
func (l *fixture) wantError(err error, class models.Class, texts ...string) *models.Error {
	l.Helper()
	e := models.AsError(err)
	if e == nil || e.Class != class {
		l.Fatalf("got %v, which is not of class %s", err, class)
	}
	message := messages.New().Printer(messages.English, time.UTC).Error(err)
	for _, text := range texts {
		if !strings.Contains(message, text) {
			l.Errorf("%q does not say %q", message, text)
		}
	}
	return e
}

// allowed returns the allowance that a mass_delete error names.
func (l *fixture) allowed(e *models.Error) int64 {
	l.Helper()
	var n int64
	if _, err := fmt.Sscanf(e.Remedy.Command, "lifecycle-sync sync --allow-deletes %d", &n); err != nil {
		l.Fatalf("%v in %q", err, e.Remedy.Command)
	}
	return n
}

// found is a difference that verify reported.
type found struct {
	table   string
	id      int64
	action  mirror.Action
	cause   mirror.Cause
	columns string
}

// verify returns the verification and its differences.
func (l *fixture) verify() (mirror.Verification, []found) {
	l.Helper()
	var all []found
	verification, err := l.Engine.Verify(l.Context(), mirror.Silent{}, func(c mirror.Change, cause mirror.Cause) error {
		f := found{table: c.Table.Name, id: c.ID, action: c.Action, cause: cause}
		for _, i := range c.Columns {
			f.columns += "," + c.Table.Columns[i].Name
		}
		if f.columns != "" {
			f.columns = f.columns[1:]
		}
		all = append(all, f)
		return nil
	})
	if err != nil {
		l.Fatalf("verify: %v (%v)", err, models.AsError(err).Cause)
	}
	return verification, all
}

// progress calls reached once: when a table begins, or after a number of its rows.
type progress struct {
	mirror.Silent
	table   string
	after   int64
	reached func()
	active  bool
}

// Begin is called for each table.
func (p *progress) Begin(t *models.Table, _ int64) {
	p.active = t.Name == p.table
	p.Advance(0)
}

// Advance counts rows.
func (p *progress) Advance(rows int64) {
	if p.active {
		if p.after -= rows; p.after <= 0 {
			p.active = false
			p.reached()
		}
	}
}

// state is what a run may change in pmo_db: the rows of its tables, except the list of runs. On PostgreSQL it includes row
// versions, to detect rows that were rewritten unchanged.
type state map[string][]string

func (l *fixture) state() state {
	l.Helper()
	s := state{}
	for _, table := range []string{"changes", "quarantine", "run_tables", "watermark"} {
		s["lifecycle_sync_"+table] = l.dump("lifecycle_sync_" + table)
	}
	for _, t := range l.Tables {
		s[t.Mirror] = l.dump(t.Mirror)
	}
	return s
}

// without leaves tables out of the state.
func (s state) without(tables ...string) state {
	for _, table := range tables {
		delete(s, table)
	}
	return s
}

func (l *fixture) dump(table string) (lines []string) {
	l.Helper()
	query := "SELECT ctid || ' ' || xmin || ' ' || m::text FROM " + table + " m"
	if l.kind == database.SQLite {
		columns := kit.One[string](l, l.Target, "SELECT group_concat('quote(' || name || ')', ' || ') FROM pragma_table_info(?)", table)
		query = "SELECT " + columns + " FROM " + table
	}
	l.scan(l.Target, query, nil, func(rows *sql.Rows) error {
		lines = append(lines, "")
		return rows.Scan(&lines[len(lines)-1])
	})
	slices.Sort(lines)
	return lines
}

// unchanged fails if the state is another than before.
func (l *fixture) unchanged(before state) {
	l.Helper()
	for table, lines := range before {
		if after := l.dump(table); !slices.Equal(lines, after) {
			only := func(in, not []string) []string {
				return slices.DeleteFunc(slices.Clone(in), func(line string) bool { return slices.Contains(not, line) })
			}
			l.Fatalf("%s was written:\n- %q\n+ %q", table, only(lines, after), only(after, lines))
		}
	}
}

// syncEqual makes a run after which the mirror must match the oracle.
func (l *fixture) syncEqual(allow ...int64) {
	l.Helper()
	l.sync(allow...)
	l.equal()
}

// idle checks the mirror, and that a run without differences writes no row.
func (l *fixture) idle() {
	l.Helper()
	l.equal()
	l.wantNoWrites()
}

func (l *fixture) wantNoWrites() {
	l.Helper()
	before := l.state().without("lifecycle_sync_run_tables", "lifecycle_sync_watermark") // the run's own counts and horizon
	for name, c := range l.sync() {
		if c.Wrote() {
			l.Fatalf("a run right after the first still wrote %s: %+v", name, c)
		}
	}
	l.unchanged(before)
}

package mirror_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/services/mirror"
)

// try makes a run in the fixture's mode, optionally with an allowance.
func (l *fixture) try(allow ...int64) (mirror.Result, error) {
	l.Helper()
	if l.settles {
		l.settle() // otherwise most rows count as new in the next run, and all are compared
	}
	req := mirror.Request{Mode: l.mode}
	if len(allow) > 0 {
		req.AllowDeletes = &allow[0]
	}
	return l.engine.Sync(l.Context(), req, mirror.Silent{})
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

// refused makes a run that must fail with the given class and change nothing.
func (l *fixture) refused(class models.Class, allow ...int64) *models.Error {
	l.Helper()
	before := l.state()
	_, err := l.try(allow...)
	e := models.AsError(err)
	if e == nil || e.Class != class {
		l.Fatalf("the run ended with %v, which is not of class %s", err, class)
	}
	l.unchanged(before)
	return e
}

// refusedSaying makes a run that must fail with an error that contains the texts, and change nothing.
func (l *fixture) refusedSaying(class models.Class, texts ...string) {
	l.Helper()
	l.wantSaid(l.refused(class), texts...)
}

// wantSaid fails unless an error's message or remedy contains the texts.
func (l *fixture) wantSaid(err error, texts ...string) {
	l.Helper()
	message := rendered(err)
	for _, text := range texts {
		if !strings.Contains(message, text) {
			l.Errorf("%q does not say %q", message, text)
		}
	}
}

// refusedDeletes makes a run that the mass-delete guard must stop with a number of rows.
func (l *fixture) refusedDeletes(rows int64, allow ...int64) {
	l.Helper()
	if e := l.refused(models.MassDelete, allow...); l.allowed(e) != rows {
		l.Errorf("allowed %v: %v", allow, e)
	}
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
	verification, err := l.engine.Verify(l.Context(), mirror.Silent{}, func(c mirror.Change, cause mirror.Cause) error {
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

// interrupter cancels a run when a number of rows of a table have been compared.
type interrupter struct {
	mirror.Silent
	table  string
	left   int64
	cancel context.CancelFunc
	active bool
}

// Begin remembers whether it is the table.
func (i *interrupter) Begin(t *models.Table, _ int64) { i.active = t.Name == i.table }

// Advance counts down.
func (i *interrupter) Advance(rows int64) {
	if i.active {
		if i.left -= rows; i.left <= 0 {
			i.cancel()
		}
	}
}

// state is everything in pmo_db that a run may change, except the list of runs. On PostgreSQL it includes row versions,
// to detect rows that were rewritten unchanged.
type state map[string][]string

func (l *fixture) state() state {
	l.Helper()
	return l.stateOf(l.stateful()...)
}

// stateOf is the state of some tables.
func (l *fixture) stateOf(tables ...string) state {
	l.Helper()
	s := state{}
	for _, table := range tables {
		s[table] = l.dump(table)
	}
	return s
}

// stateful lists pmo_db's tables apart from the runs.
func (l *fixture) stateful() []string {
	names := []string{"lifecycle_sync_changes", "lifecycle_sync_quarantine", "lifecycle_sync_run_tables", "lifecycle_sync_watermark"}
	for _, t := range l.tables {
		names = append(names, t.Mirror)
	}
	return names
}

func (l *fixture) dump(table string) []string {
	l.Helper()
	query := "SELECT * FROM " + table
	if l.kind == database.Postgres {
		query = "SELECT ctid::text, xmin::text, m::text FROM " + table + " m"
	}
	var lines []string
	l.scan(l.target, query, nil, func(rows *sql.Rows) error {
		columns, err := rows.Columns()
		if err != nil {
			return err
		}
		values, dest := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			dest[i] = &values[i]
		}
		err = rows.Scan(dest...)
		lines = append(lines, fmt.Sprintf("%#v", values))
		return err
	})
	slices.Sort(lines)
	return lines
}

// unchanged fails if anything in pmo_db, except the list of runs, has changed.
func (l *fixture) unchanged(before state) {
	l.Helper()
	for table, lines := range before {
		if after := l.dump(table); !slices.Equal(lines, after) {
			l.Fatalf("%s was written:\n%s", table, difference(lines, after))
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
	before := l.state()
	for name, c := range l.sync() {
		if c.Wrote() {
			l.Fatalf("a run right after the first still wrote %s: %+v", name, c)
		}
	}
	delete(before, "lifecycle_sync_run_tables") // the run's own counts
	delete(before, "lifecycle_sync_watermark")  // advances
	l.unchanged(before)
}

// difference lists the first lines that are on one side only.
func difference(before, after []string) string {
	out := ""
	for _, side := range []struct {
		sign       string
		has, lacks []string
	}{{"-", before, after}, {"+", after, before}} {
		n := 0
		for _, line := range side.has {
			if _, ok := slices.BinarySearch(side.lacks, line); !ok {
				if n++; n <= 5 {
					out += side.sign + line + "\n"
				}
			}
		}
	}
	return out
}

package mirror_test

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

// try makes a run, of the lab's mode, allowing exactly the given number of rows to leave when one is given.
func (l *lab) try(allow ...int64) (mirror.Result, error) {
	l.Helper()
	if l.settles {
		l.settle() // else most rows pass for new next time, and all are compared
	}
	req := mirror.Request{Mode: l.mode}
	if len(allow) > 0 {
		req.AllowDeletes = &allow[0]
	}
	return l.engine.Sync(l.Context(), req, mirror.Silent{})
}

// sync makes a run that must succeed, and returns its counts by table.
func (l *lab) sync(allow ...int64) map[string]models.TableCount {
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

// refused makes a run that must fail with the given class, and checks that it changed nothing.
func (l *lab) refused(class models.Class, allow ...int64) *models.Error {
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

// allowed is the allowance that a mass_delete error names.
func (l *lab) allowed(e *models.Error) int64 {
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

// verify returns what verify says, difference by difference.
func (l *lab) verify() (mirror.Verification, []found) {
	l.Helper()
	var all []found
	verdict, err := l.engine.Verify(l.Context(), mirror.Silent{}, func(c mirror.Change, cause mirror.Cause) error {
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
	return verdict, all
}

// interrupter cancels a run when a number of rows of a table have been compared.
type interrupter struct {
	mirror.Silent
	table  string
	left   int64
	cancel context.CancelFunc
	active bool
}

// Begin notes whether it is the table's turn.
func (i *interrupter) Begin(t *models.Table, _ int64) { i.active = t.Name == i.table }

// Advance counts down.
func (i *interrupter) Advance(rows int64) {
	if i.active {
		if i.left -= rows; i.left <= 0 {
			i.cancel()
		}
	}
}

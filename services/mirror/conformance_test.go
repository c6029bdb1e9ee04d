package mirror_test

import (
	"context"
	"fmt"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

// forEveryTable runs fn for each mirrored table on each database system; the tables to which the one
// under test refers have rows.
func forEveryTable(t *testing.T, fn func(l *lab, table *models.Table)) {
	t.Parallel()
	for i, table := range models.Tables() {
		t.Run(table.Name, func(t *testing.T) {
			each(t, func(l *lab) {
				l.fillParents(l.tables[i])
				fn(l, l.tables[i])
			})
		})
	}
}

func TestSync_EmptySource(t *testing.T) {
	each(t, func(l *lab) {
		for name, c := range l.sync() {
			if c != (models.TableCount{Table: name}) {
				l.Errorf("%s: %+v", name, c)
			}
		}
		l.equal()
		l.idle()
	})
}

// TestSync_EveryTable inserts, updates and deletes around one row, one bucket of ids, one batch of INSERTs, the
// switch to COPY and one flush.
func TestSync_EveryTable(t *testing.T) {
	forEveryTable(t, func(l *lab, table *models.Table) {
		rows := 0
		for _, size := range l.sizes(table) {
			l.fill(table, rows+1, size)
			want := models.TableCount{Table: table.Name, Inserted: int64(size - rows), Unchanged: int64(rows)}
			rows = size
			if got := l.sync()[table.Name]; got != want {
				l.Fatalf("%d rows: got %+v, want %+v", size, got, want)
			}
			l.equal()
			l.idle()
		}
		l.everyRowUpdated(table, rows)
		l.someDeleted(table, rows)
	})
}

// sizes are the numbers of rows that a table grows to. SQLite has no COPY, and one small table is
// enough to see a writer flush there.
func (l *lab) sizes(table *models.Table) []int {
	switch {
	case l.kind == database.Postgres:
		return []int{1, 33, 501, 501 + 2001, 501 + 2001 + 5001}
	case table.Name == "stages":
		return []int{1, 33, 501, 501 + 5001}
	default:
		return []int{1, 33, 501}
	}
}

// everyRowUpdated changes every row, in one column.
func (l *lab) everyRowUpdated(table *models.Table, rows int) {
	l.Helper()
	column := table.Columns[1]
	l.change(fmt.Sprintf("UPDATE %s SET %s = %s", table.Source, column.Name, l.other(column)))
	if got, want := l.sync()[table.Name], (models.TableCount{Table: table.Name, Updated: int64(rows)}); got != want {
		l.Fatalf("got %+v, want %+v", got, want)
	}
	l.equal()
	l.idle()
}

// someDeleted deletes one row in twenty, which the guard lets pass.
func (l *lab) someDeleted(table *models.Table, rows int) {
	l.Helper()
	l.change("DELETE FROM " + table.Source + " WHERE id % 20 = 7")
	gone := int64(rows+13) / 20
	if got, want := l.sync()[table.Name], (models.TableCount{Table: table.Name, Deleted: gone, Unchanged: int64(rows) - gone}); got != want {
		l.Fatalf("got %+v, want %+v", got, want)
	}
	l.equal()
	l.idle()
}

// TestSync_ComparesEveryColumn changes one column of one row at a time, as little as its type allows, without
// updated_at.
func TestSync_ComparesEveryColumn(t *testing.T) {
	forEveryTable(t, func(l *lab, table *models.Table) {
		l.fill(table, 1, 40)
		l.sync()
		for i, c := range table.Columns[1:] {
			l.change(fmt.Sprintf("UPDATE %s SET %s = %s WHERE id = %d", table.Source, c.Name, l.other(c), i+1))
			verdict, all := l.verify()
			if want := (found{table.Name, int64(i + 1), mirror.Update, on(l, mirror.Behind, mirror.Unknown), c.Name}); verdict.Equal || len(all) != 1 || all[0] != want {
				l.Errorf("%s: verify found %+v, must find %+v", c.Name, all, want)
			}
			if got, want := l.sync()[table.Name], (models.TableCount{Table: table.Name, Updated: 1, Unchanged: 39}); got != want {
				l.Errorf("%s: got %+v, want %+v", c.Name, got, want)
			}
			if !c.NotNull {
				l.change(fmt.Sprintf("UPDATE %s SET %s = NULL WHERE id = %d", table.Source, c.Name, i+1))
				l.sync()
			}
			l.equal()
		}
		l.idle()
	})
}

// TestSync_CancelRollsBack cancels a run while it compares a table; on PostgreSQL most rows are written by then.
func TestSync_CancelRollsBack(t *testing.T) {
	forEveryTable(t, func(l *lab, table *models.Table) {
		l.fill(table, 1, 501)
		l.sync()
		l.change("UPDATE " + table.Source + " SET updated_at = NULL")
		rows := on(l, 6000, 1000)
		l.fill(table, 502, rows)
		before := l.state()
		ctx, cancel := context.WithCancel(l.Context())
		defer cancel()
		result, err := l.engine.Sync(ctx, mirror.Request{}, &interrupter{table: table.Name, left: int64(rows) * 9 / 10, cancel: cancel})
		if e := models.AsError(err); e == nil || e.Class != models.Canceled {
			l.Fatalf("a cancelled run ended with %v", err)
		}
		l.unchanged(before)
		l.recorded(result.Run, models.CanceledRun)
		l.sync()
		l.equal()
	})
}

// recorded checks the state in which pmo_db has a run.
func (l *lab) recorded(run *models.Run, want models.RunState) {
	l.Helper()
	recorded, err := journal.New(l.store.Session).Run(l.Context(), run.ID)
	if err != nil || recorded == nil || recorded.State != want {
		l.Fatalf("run %d is recorded as %+v, %v; must be %q", run.ID, recorded, err, want)
	}
}

// TestSync_QuarantinesAndReleasesRows uses a timestamp that RFC 3339 cannot express.
func TestSync_QuarantinesAndReleasesRows(t *testing.T) {
	forEveryTable(t, func(l *lab, table *models.Table) {
		l.fill(table, 1, 40)
		l.sync()
		l.change("UPDATE " + table.Source + " SET created_at = 'infinity' WHERE id = 17")
		if got, want := l.sync()[table.Name], (models.TableCount{Table: table.Name, Unchanged: 39, Quarantined: 1}); got != want {
			l.Errorf("turned bad: got %+v, want %+v", got, want)
		}
		l.equal()
		l.idle()
		l.change("UPDATE " + table.Source + " SET created_at = NULL WHERE id = 17")
		if got, want := l.sync()[table.Name], (models.TableCount{Table: table.Name, Unchanged: 39, Released: 1}); got != want {
			l.Errorf("mended: got %+v, want %+v", got, want)
		}
		l.equal()
		l.idle()
	})
}

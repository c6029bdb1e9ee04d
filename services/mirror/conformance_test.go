package mirror_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo/journal"
	"lifecycle-sync/services/mirror"
)

// forEveryTable runs fn for each mirrored table; the tables to which it refers have rows. run is each or both.
func forEveryTable(t *testing.T, run func(*testing.T, func(*fixture)), fn func(l *fixture, table *models.Table)) {
	t.Parallel()
	for i, table := range models.Tables() {
		t.Run(table.Name, func(t *testing.T) {
			run(t, func(l *fixture) {
				l.fillParents(l.tables[i])
				fn(l, l.tables[i])
			})
		})
	}
}

func TestSync_EmptySource(t *testing.T) {
	each(t, func(l *fixture) {
		for name, c := range l.sync() {
			if c != (models.TableCount{Table: name}) {
				l.Errorf("%s: %+v", name, c)
			}
		}
		l.idle()
	})
}

// TestSync_EveryTable inserts, updates and deletes around one row, one bucket of ids, one batch of INSERTs, the
// switch to COPY and one flush.
func TestSync_EveryTable(t *testing.T) {
	forEveryTable(t, each, func(l *fixture, table *models.Table) {
		rows := 0
		for _, size := range l.sizes(table) {
			l.fill(table, rows+1, size)
			l.wantSync(models.TableCount{Table: table.Name, Inserted: int64(size - rows), Unchanged: int64(rows)})
			rows = size
		}
		column := table.Columns[1]
		l.change(fmt.Sprintf("UPDATE %s SET %s = %s", table.Source, column.Name, l.other(column)))
		l.wantSync(models.TableCount{Table: table.Name, Updated: int64(rows)})
		l.change("DELETE FROM " + table.Source + " WHERE id % 20 = 7") // the guard allows one row in twenty
		gone := int64(rows+13) / 20
		l.wantSync(models.TableCount{Table: table.Name, Deleted: gone, Unchanged: int64(rows) - gone})
	})
}

// sizes are the numbers of rows that a table grows to. One table has them all; SQLite has no COPY.
func (l *fixture) sizes(table *models.Table) []int {
	switch complete := table.Name == "stages"; {
	case complete && l.kind == database.Postgres:
		return []int{1, 33, 501, 501 + 2001, 501 + 2001 + 5001}
	case complete:
		return []int{1, 33, 501, 501 + 5001}
	case l.kind == database.Postgres && l.mode == "":
		return []int{1, 501, 501 + 2001}
	default:
		return []int{1, 33, 501}
	}
}

// wantSync makes a run, compares what it did to one table, and checks the mirror.
func (l *fixture) wantSync(want models.TableCount) {
	l.Helper()
	if got := l.sync()[want.Table]; got != want {
		l.Fatalf("got %+v, want %+v", got, want)
	}
	l.idle()
}

// TestSync_ComparesEveryColumn changes another column of each row, as little as its type allows, without updated_at.
// The rows share a bucket, so that their own hashes are compared.
func TestSync_ComparesEveryColumn(t *testing.T) {
	forEveryTable(t, each, func(l *fixture, table *models.Table) {
		l.fill(table, 1, 40)
		l.sync()
		var want []found
		columns := table.Columns[1:]
		for i, c := range columns {
			l.change(fmt.Sprintf("UPDATE %s SET %s = %s WHERE id = %d", table.Source, c.Name, l.other(c), i+1))
			want = append(want, found{table.Name, int64(i + 1), mirror.Update, on(l, mirror.Behind, mirror.Unknown), c.Name})
		}
		if verification, all := l.verify(); verification.Equal || !slices.Equal(all, want) {
			l.Errorf("verify found %+v, must find %+v", all, want)
		}
		updated := int64(len(columns))
		l.wantSync(models.TableCount{Table: table.Name, Updated: updated, Unchanged: 40 - updated})
		for i, c := range columns {
			if !c.NotNull {
				l.change(fmt.Sprintf("UPDATE %s SET %s = NULL WHERE id = %d", table.Source, c.Name, i+1))
			}
		}
		l.syncEqual()
	})
}

// TestSync_CancelRollsBack cancels a run while it compares a table; most products of PostgreSQL are written by then.
func TestSync_CancelRollsBack(t *testing.T) {
	forEveryTable(t, both, func(l *fixture, table *models.Table) {
		l.fill(table, 1, 501)
		l.sync()
		l.change("UPDATE " + table.Source + " SET updated_at = NULL")
		rows := 1000
		if table.Name == "products" {
			rows = on(l, 6000, 1000)
		}
		l.fill(table, 502, rows)
		before := l.state()
		ctx, cancel := context.WithCancel(l.Context())
		defer cancel()
		result, err := l.engine.Sync(ctx, mirror.Request{}, &interrupter{table: table.Name, left: int64(rows) * 9 / 10, cancel: cancel})
		if e := models.AsError(err); e == nil || e.Class != models.Canceled {
			l.Fatalf("a canceled run ended with %v", err)
		}
		l.unchanged(before)
		l.recorded(result.Run, models.CanceledRun)
		l.syncEqual()
	})
}

// recorded checks the state in which pmo_db has a run.
func (l *fixture) recorded(run *models.Run, want models.RunState) {
	l.Helper()
	recorded, err := journal.New(l.store.Session).Run(l.Context(), run.ID)
	if err != nil || recorded == nil || recorded.State != want {
		l.Fatalf("run %d is recorded as %+v, %v; must be %q", run.ID, recorded, err, want)
	}
}

// TestSync_QuarantinesAndReleasesRows uses a timestamp that RFC 3339 cannot express.
func TestSync_QuarantinesAndReleasesRows(t *testing.T) {
	forEveryTable(t, each, func(l *fixture, table *models.Table) {
		l.fill(table, 1, 40)
		l.sync()
		l.change("UPDATE " + table.Source + " SET created_at = 'infinity' WHERE id = 17")
		l.wantSync(models.TableCount{Table: table.Name, Unchanged: 39, Quarantined: 1})
		l.change("UPDATE " + table.Source + " SET created_at = NULL WHERE id = 17")
		l.wantSync(models.TableCount{Table: table.Name, Unchanged: 39, Released: 1})
	})
}

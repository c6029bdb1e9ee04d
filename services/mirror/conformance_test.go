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

// fillAll inserts rows with the ids lo to hi into every table.
func (l *fixture) fillAll(lo, hi int) {
	l.Helper()
	for _, table := range l.Tables {
		l.fill(table, lo, hi)
	}
}

// wantSync makes a run, compares what it did to each table, and checks the mirror.
func (l *fixture) wantSync(want models.TableCount) {
	l.Helper()
	got := l.sync()
	for _, table := range l.Tables {
		if want.Table = table.Name; got[table.Name] != want {
			l.Fatalf("got %+v, want %+v", got[table.Name], want)
		}
	}
	l.idle()
}

// TestSync_EveryTable inserts, updates and deletes around no row, one bucket of ids, one batch of INSERTs, and the switch
// to COPY on PostgreSQL. One table also passes the size of a flush.
func TestSync_EveryTable(t *testing.T) {
	each(t, func(l *fixture) {
		l.wantSync(models.TableCount{})
		sizes := []int{parentRows, 33, 501}
		if l.kind == database.Postgres && l.mode == "" {
			sizes = append(sizes, 501+2001)
		}
		rows := 0
		for _, size := range sizes {
			l.fillAll(rows+1, size)
			l.wantSync(models.TableCount{Inserted: int64(size - rows), Unchanged: int64(rows)})
			rows = size
		}
		for _, table := range l.Tables {
			l.change(fmt.Sprintf("UPDATE %s SET %s = %s", table.Source, table.Columns[1].Name, l.other(table.Columns[1])))
		}
		l.wantSync(models.TableCount{Updated: int64(rows)})
		for _, table := range l.Tables {
			l.change("DELETE FROM " + table.Source + " WHERE id % 20 = 7") // the guard allows one row in twenty
		}
		gone := int64(rows+13) / 20
		l.wantSync(models.TableCount{Deleted: gone, Unchanged: int64(rows) - gone})
		if l.mode == "" {
			l.fill(l.Tables[1], rows+1, rows+5001)
			l.syncEqual()
			l.change("UPDATE tbl_stage SET icon_dark = 'x'")
			if got := l.sync()["stages"].Updated; got != int64(rows)-gone+5001 {
				l.Errorf("%d stages updated", got)
			}
			l.idle()
		}
	})
}

// TestSync_ComparesEveryColumn changes another column of each row, as little as its type allows, without updated_at.
// The rows of a table share a bucket, so that their own hashes are compared.
func TestSync_ComparesEveryColumn(t *testing.T) {
	each(t, func(l *fixture) {
		l.fillAll(1, 40)
		l.sync()
		var want []found
		for _, table := range l.Tables {
			for i, c := range table.Columns[1:] {
				l.change(fmt.Sprintf("UPDATE %s SET %s = %s WHERE id = %d", table.Source, c.Name, l.other(c), i+1))
				want = append(want, found{table.Name, int64(i + 1), mirror.Update, on(l, mirror.Behind, mirror.Unknown), c.Name})
			}
		}
		if verification, all := l.verify(); verification.Equal || !slices.Equal(all, want) {
			l.Errorf("verify found %+v, must find %+v", all, want)
		}
		got := l.sync()
		for _, table := range l.Tables {
			updated := int64(len(table.Columns) - 1)
			if want := (models.TableCount{Table: table.Name, Updated: updated, Unchanged: 40 - updated}); got[table.Name] != want {
				l.Errorf("got %+v, want %+v", got[table.Name], want)
			}
			for i, c := range table.Columns[1:] {
				if !c.NotNull {
					l.change(fmt.Sprintf("UPDATE %s SET %s = NULL WHERE id = %d", table.Source, c.Name, i+1))
				}
			}
		}
		l.syncEqual()
		l.idle()
	})
}

// TestSync_CancelRollsBack cancels a run while it compares each table; most products of PostgreSQL are written by then.
func TestSync_CancelRollsBack(t *testing.T) {
	both(t, func(l *fixture) {
		l.fillAll(1, 33)
		l.sync()
		before := l.state()
		for _, table := range l.Tables {
			rows := 100
			if table.Name == "products" {
				rows = on(l, 6000, 100)
			}
			l.change("UPDATE " + table.Source + " SET updated_at = NULL")
			l.fill(table, 34, rows)
			ctx, cancel := context.WithCancel(l.Context())
			result, err := l.Engine.Sync(ctx, mirror.Request{}, &progress{table: table.Name, after: int64(rows) * 9 / 10, reached: cancel})
			if e := models.AsError(err); e == nil || e.Class != models.Canceled {
				l.Fatalf("a canceled run ended with %v", err)
			}
			l.unchanged(before)
			l.recorded(result.Run, models.CanceledRun)
		}
		l.syncEqual()
	})
}

// recorded checks the state in which pmo_db has a run.
func (l *fixture) recorded(run *models.Run, want models.RunState) {
	l.Helper()
	recorded, err := journal.New(l.Store.Session).Run(l.Context(), run.ID)
	if err != nil || recorded == nil || recorded.State != want {
		l.Fatalf("run %d is recorded as %+v, %v; must be %q", run.ID, recorded, err, want)
	}
}

// TestSync_QuarantinesAndReleasesRows uses a timestamp that RFC 3339 cannot express.
func TestSync_QuarantinesAndReleasesRows(t *testing.T) {
	each(t, func(l *fixture) {
		l.fillAll(1, 40)
		l.sync()
		for _, table := range l.Tables {
			l.change("UPDATE " + table.Source + " SET created_at = 'infinity' WHERE id = 17")
		}
		l.wantSync(models.TableCount{Unchanged: 39, Quarantined: 1})
		for _, table := range l.Tables {
			l.change("UPDATE " + table.Source + " SET created_at = NULL WHERE id = 17")
		}
		l.wantSync(models.TableCount{Unchanged: 39, Released: 1})
	})
}

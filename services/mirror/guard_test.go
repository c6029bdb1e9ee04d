package mirror_test

import (
	"fmt"
	"testing"

	"lifecycle-sync/models"
)

// TestGuard_StopsMassDelete expects no change until the exact number of rows is allowed.
func TestGuard_StopsMassDelete(t *testing.T) {
	each(t, func(l *fixture) {
		l.small()
		l.sync()
		l.change("DELETE FROM tbl_produk WHERE id > 20") // their histories refer to products 1 to 3
		l.change("DELETE FROM tbl_stage_histori WHERE id = 150")
		l.refused(models.MassDelete, "tbl_produk_lifecycle would lose 20 of 40 rows; tbl_stage_histori_lifecycle would lose 1 of 60 rows")
		for _, wrong := range [][]int64{nil, {0}, {20}, {22}} {
			l.refusedDeletes(21, wrong...)
		}
		if got := l.sync(21)["products"].Deleted; got != 20 {
			l.Errorf("%d deleted", got)
		}
		l.equal()
		l.refusedDeletes(0, 21)
	})
}

// TestGuard_Boundaries tries values around 10 rows and 10 %.
func TestGuard_Boundaries(t *testing.T) {
	each(t, func(l *fixture) {
		for _, step := range []struct {
			rows, leave int
			trips       bool
		}{
			{20, 10, false}, {20, 11, true}, {110, 11, false}, {109, 11, true}, {200, 20, false}, {200, 21, true},
		} {
			l.change("DELETE FROM tbl_stage")
			l.fill(l.Tables[1], 1, step.rows)
			if _, err := l.try(); err != nil {
				l.sync(l.allowed(models.AsError(err)))
			}
			l.change(fmt.Sprintf("DELETE FROM tbl_stage WHERE id <= %d", step.leave))
			if step.trips {
				l.refusedDeletes(int64(step.leave))
			} else if got := l.sync()["stages"].Deleted; got != int64(step.leave) {
				l.Errorf("%+v: %d deleted", step, got)
			}
		}
	})
}

// TestGuard_StopsEmptyingATable uses a table of two rows, deleted or quarantined.
func TestGuard_StopsEmptyingATable(t *testing.T) {
	each(t, func(l *fixture) {
		for _, statement := range []string{"DELETE FROM tbl_stage", "UPDATE tbl_stage SET created_at = 'infinity'"} {
			l.fill(l.Tables[1], 1, 2)
			l.sync()
			l.change(statement)
			l.refused(models.MassDelete, "tbl_stage_lifecycle would become empty")
			l.refusedDeletes(2)
			l.sync(2)
			l.idle()
		}
	})
}

func TestGuard_CountsQuarantinedChildren(t *testing.T) {
	each(t, func(l *fixture) {
		l.small()
		l.sync()
		l.change("UPDATE tbl_segmen SET created_at = 'infinity' WHERE id = 2")
		// Products 1, 4, … 40 have segment 2: 14 of 40. Product 1 has 20 histories.
		l.refusedDeletes(1 + 14 + 20)
		l.syncEqual(1 + 14 + 20)
		l.change("UPDATE tbl_segmen SET created_at = NULL WHERE id = 2")
		if got := l.sync(); got["products"].Released != 14 || got["stage_history"].Released != 20 {
			l.Errorf("released: %+v", got)
		}
		l.idle()
	})
}

func TestSync_QuarantinesOrphansUntilParentReturns(t *testing.T) {
	each(t, func(l *fixture) {
		l.small()
		l.change("UPDATE tbl_stage_histori SET id_produk = 20 WHERE id = 140")
		l.sync()
		l.change("DELETE FROM tbl_produk WHERE id = 20")
		l.syncEqual()
		if reason := l.quarantine(l.Tables[4])[140]; reason != "dangling_reference(id_produk)" {
			l.Errorf("the reason is %q", reason)
		}
		l.fill(l.Tables[3], 20, 20)
		if got := l.sync(); got["products"].Inserted != 1 || got["stage_history"].Released != 1 {
			l.Errorf("%+v", got)
		}
		l.equal()
		l.change("UPDATE tbl_stage_histori SET id_produk = 0 WHERE id = 140")
		l.sync()
		l.change("DELETE FROM tbl_stage_histori WHERE id = 140") // gone while in quarantine
		l.sync()
		l.idle()
	})
}

package lifecycle_test

import (
	"errors"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestOutcome_OfARestoredRow reads the outcome of a write from the restored row, which has its old times.
func TestOutcome_OfARestoredRow(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		p := databases.New(t, url, 3, 0)
		products := models.TableNamed(lifecycle.ProductTable)
		var columns []int
		for i := range products.Columns {
			columns = append(columns, i)
		}
		write := func(do func(tx *lifecycle.Tx) error) error {
			return p.Lifecycle.InTx(t.Context(), do)
		}
		var deleted models.Row
		if err := write(func(tx *lifecycle.Tx) error {
			rows, err := tx.LockRows(t.Context(), products, []int64{2})
			if err == nil {
				deleted = rows[2]
				err = tx.Remove(t.Context(), products, []int64{2})
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		rolledBack := errors.New("rolled back")
		for _, c := range []struct {
			end  error
			want lifecycle.Outcome
		}{{rolledBack, lifecycle.Aborted}, {nil, lifecycle.Committed}} {
			var restoration models.SourceTransaction
			if err := write(func(tx *lifecycle.Tx) error {
				restoration = tx.Transaction(lifecycle.ProductTable, 2, lifecycle.Restored)
				restoration.XID = nil
				return errors.Join(tx.Insert(t.Context(), products, []models.Row{deleted}, columns), c.end)
			}); !errors.Is(err, c.end) {
				t.Fatal(err)
			}
			if got, err := p.Lifecycle.Outcome(t.Context(), restoration); got != c.want || err != nil {
				t.Errorf("the outcome is %q, want %q (%v)", got, c.want, err)
			}
		}
	})
}

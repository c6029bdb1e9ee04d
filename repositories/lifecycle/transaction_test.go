package lifecycle

import (
	"slices"
	"testing"
)

// TestMerge_KeepsDeletedProducts checks that a merged transaction still tells which products were deleted, and is small.
func TestMerge_KeepsDeletedProducts(t *testing.T) {
	t.Parallel()
	deletion := func(ids ...int64) map[string]TouchedRows {
		return map[string]TouchedRows{"tbl_produk": {IDs: ids, Deleted: ids}}
	}
	first := merge([]Transaction{{XID: 10, Rows: deletion(3, 1)}, {XID: 11, Rows: map[string]TouchedRows{"tbl_produk": {Whole: true}}}})
	all := merge([]Transaction{first, {XID: 12, Rows: deletion(2, 3)}})
	if got := all.Rows["tbl_produk"]; !slices.Equal(got.Deleted, []int64{1, 2, 3}) || !got.Whole || got.IDs != nil {
		t.Errorf("%+v", got)
	}
	if all.size() != 8 {
		t.Errorf("merging again would free %d ids", all.size())
	}
}

// TestMerge_KeepsVisibilityAndTables checks that a merged transaction is visible if all of its parts are, and lists their tables.
func TestMerge_KeepsVisibilityAndTables(t *testing.T) {
	t.Parallel()
	row := map[string]TouchedRows{"tbl_produk": {IDs: []int64{1}}}
	first := merge([]Transaction{{XID: 10, End: 100, Rows: row}, {XID: 12, End: 120, Rows: map[string]TouchedRows{"tbl_stage": {IDs: []int64{2}}}}})
	all := merge([]Transaction{first, {XID: 11, End: 130, Rows: row}})
	if all.End != 130 || len(all.Rows) != 2 || !all.Rows["tbl_produk"].Whole || !all.Rows["tbl_stage"].Whole {
		t.Errorf("%+v", all)
	}
	for _, c := range []struct {
		running []int64
		xmax    int64
		want    bool
	}{
		{nil, 13, true},
		{nil, 12, false},
		{[]int64{10}, 13, false},
		{[]int64{11}, 20, false},
		{[]int64{12}, 20, false},
		{[]int64{13}, 20, true},
		{nil, 1<<32 + 13, true}, // the same ids, one round later
	} {
		visibility := Visibility{xmax: c.xmax, running: map[int64]bool{}}
		for _, xid := range c.running {
			visibility.running[xid] = true
		}
		if got := visibility.Sees(all); got != c.want {
			t.Errorf("xmax %d, running %v: %t", c.xmax, c.running, got)
		}
	}
}

package lifecycle

import "testing"

// TestMerged lets one transaction stand for several: it is seen when all of them are, and names their tables.
func TestMerged(t *testing.T) {
	t.Parallel()
	row := map[string]Touched{"tbl_produk": {IDs: []int64{1}}}
	first := merged([]Transaction{{XID: 10, End: 100, Rows: row}, {XID: 12, End: 120, Rows: map[string]Touched{"tbl_stage": {IDs: []int64{2}}}}})
	all := merged([]Transaction{first, {XID: 11, End: 130, Rows: row}})
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
		sight := Sight{xmax: c.xmax, running: map[int64]bool{}}
		for _, xid := range c.running {
			sight.running[xid] = true
		}
		if got := sight.Sees(all); got != c.want {
			t.Errorf("xmax %d, running %v: %t", c.xmax, c.running, got)
		}
	}
}

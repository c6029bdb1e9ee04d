package main

import (
	"context"
	"strings"
)

// measure is one line of the table.
type measure struct {
	name    string
	against string  // the yardstick
	reach   float64 // the ratio to reach: a maximum, or a minimum with least
	most    float64 // maximum of our own figure, in its unit; 0: none
	unit    string
	runs    int
	volume  volume // of the arena; consecutive measures of equal volume share one
	contest contest
	least   bool // more is better
}

// contest finds a measure's figures. Errors: skipped when it cannot run here.
type contest interface {
	measure(ctx context.Context, a *arena, m measure) (figures, error)
}

// figures are the results of a measure, in its unit.
type figures struct{ ours, yardstick float64 }

// skipped is the reason why a contest cannot run here.
type skipped struct{ reason string }

func (s skipped) Error() string { return s.reason }

// measures lists every measure, in the order of the table.
func measures(cfg config) []measure {
	large := volume{cfg.rows, 2 * cfg.rows}
	touched := "products"
	if cfg.histories {
		touched = "rows"
	}
	return []measure{
		{"first full sync", "naive pipe", 0.45, 0, "s", 1, large,
			duel{emptied, (*arena).naivePipe, "full"}, false},
		{"full sync, nothing changed", "temp-table merge", 0.30, 0, "s", 3, large,
			duel{nothing, (*arena).tempTableMerge, "full"}, false},
		{"full sync, 1 % of " + touched + " changed", "temp-table merge", 0.45, 0, "s", 3, large,
			duel{oneIn(100), (*arena).tempTableMerge, "full"}, false},
		{"full sync, all " + touched + " changed", "temp-table merge", 1.60, 0, "s", 1, large,
			duel{oneIn(1), (*arena).tempTableMerge, "full"}, false},
		{"incremental sync, 1,000 changed", "temp-table merge", 0.10, 0, "s", 3, large,
			duel{somewhatChanged, (*arena).tempTableMerge, "incremental"}, false},
		{"real time, commit to visible, 99 in 100", "limit", 1, 0, "ms", 1, large, freshness{}, false},
		{"real time, killed again and again: rows that differ", "kills", 0, 0, "", 1, large, survival{}, false},
		{"list of all, first page, cold", "SQL by hand", 1.30, 0, "ms", 21, large, firstPage, false},
		{"list of all, a search, cold", "SQL by hand", 1.30, 0, "ms", 21, large, search, false},
		{"list of all, last page, cold", "SQL by hand", 1.30, 0, "ms", 21, large, lastPage, false},
		{"dashboard, cold", "SQL by hand", 1.30, 0, "ms", 5, large, dashboard, false},
		{"console: list of all, cold", "the same as JSON", 1.50, 0, "ms", 21, large, listPageCold, false},
		{"console: overview, cold", "the same as JSON", 1.50, 0, "ms", 5, large, overviewPageCold, false},
		{"bulk move of 1,000 products", "one SQL transaction", 1.50, 0, "ms", 11, large, bulkMove{}, false},
		{"import preview of 20,000 rows, CSV", "reading the file and the rows", 2, 0, "ms", 5, volume{importSize, 2 * importSize}, csvPreview, false},
		{"import preview of 20,000 rows, XLSX", "reading the file and the rows", 2, 0, "ms", 5, volume{importSize, 2 * importSize}, workbookPreview, false},
		{"211/5/4/45, whole process, second run", "row-by-row script", 0.10, 0, "s", 11, volume{211, 45},
			duel{secondRun, (*arena).rowByRow, "full"}, false},
		{"list of 211, warm", "Node + pg", 10, 0, "requests/s", 3, volume{211, 45}, throughput{byNode}, true},
		{"list of 211, warm", "from memory", 0.50, 0, "requests/s", 3, volume{211, 45}, throughput{fromMemory}, true},
		{"console: list of 211, warm", "the same as JSON", 3, 0, "ms", 1000, volume{211, 45}, listPageWarm, false},
		{"console: overview of 211, warm", "the same as JSON", 3, 0, "ms", 1000, volume{211, 45}, overviewPageWarm, false},
		{"peak memory of the process", "at 10,000 products", 1.50, 96, "MB", 1, small,
			memory{large}, false},
	}
}

// measureAll runs the selected measures.
func (b *bench) measureAll(ctx context.Context) (results []result, err error) {
	var a *arena
	defer func() {
		if a != nil {
			a.close(ctx)
		}
	}()
	for _, m := range measures(b.cfg) {
		if !strings.Contains(m.name, b.cfg.only) {
			continue
		}
		if b.cfg.runs > 0 {
			m.runs = b.cfg.runs
		}
		if a != nil && a.volume != m.volume { // one arena at a time, so that nothing runs in the background
			a.close(ctx)
			a = nil
		}
		if a == nil {
			if a, err = newArena(ctx, b, m.volume); err != nil {
				return nil, err
			}
		}
		r, err := b.measure(ctx, a, m)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

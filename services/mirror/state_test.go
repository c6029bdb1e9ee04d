package mirror_test

import (
	"fmt"
	"slices"

	"lifecycle-sync/repositories/database"
)

// state is everything in pmo_db that a run may change, apart from the list of runs: on PostgreSQL
// with the row versions, so that a row written without changing shows.
type state map[string][]string

func (l *lab) state() state {
	l.Helper()
	return l.stateOf(l.stateful()...)
}

// stateOf is the state of some tables.
func (l *lab) stateOf(tables ...string) state {
	l.Helper()
	s := state{}
	for _, table := range tables {
		s[table] = l.dump(table)
	}
	return s
}

// stateful lists pmo_db's tables apart from the runs.
func (l *lab) stateful() []string {
	names := []string{"lifecycle_sync_changes", "lifecycle_sync_quarantine", "lifecycle_sync_run_tables", "lifecycle_sync_watermark"}
	for _, t := range l.tables {
		names = append(names, t.Mirror)
	}
	return names
}

func (l *lab) dump(table string) []string {
	l.Helper()
	query := "SELECT * FROM " + table
	if l.kind == database.Postgres {
		query = "SELECT ctid::text, xmin::text, m::text FROM " + table + " m"
	}
	rows, err := l.target.QueryContext(l.Context(), query)
	if err != nil {
		l.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		l.Fatal(err)
	}
	values, dest := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		dest[i] = &values[i]
	}
	var lines []string
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			l.Fatal(err)
		}
		lines = append(lines, fmt.Sprintf("%#v", values))
	}
	if err := rows.Err(); err != nil {
		l.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}

// unchanged fails the test when anything in pmo_db, apart from the list of runs, is not as before.
func (l *lab) unchanged(before state) {
	l.Helper()
	for table, lines := range before {
		if after := l.dump(table); !slices.Equal(lines, after) {
			l.Fatalf("%s was written:\n%s", table, difference(lines, after))
		}
	}
}

// idle makes a run that has nothing to do, and checks that it writes no row: no mirrored row, no
// mark, no change.
func (l *lab) idle() {
	l.Helper()
	before := l.state()
	for name, c := range l.sync() {
		if c.Wrote() {
			l.Fatalf("a run right after the first still wrote %s: %+v", name, c)
		}
	}
	delete(before, "lifecycle_sync_run_tables") // the run's own counts
	delete(before, "lifecycle_sync_watermark")  // which moves
	l.unchanged(before)
}

// difference lists the first lines that only one side has.
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

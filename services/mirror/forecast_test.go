package mirror_test

import (
	"bytes"
	"maps"

	"lifecycle-sync/models"
)

// forecast is what the next run must do.
type forecast struct {
	counts      map[string]models.TableCount
	differences int64 // that verify must report
	leaving     int64 // rows that leave the mirror, all tables
	trips       bool  // whether the guard must stop it
}

// foretell computes the forecast from the content of both databases.
func (l *lab) foretell() forecast {
	l.Helper()
	j, f := l.judge(), forecast{counts: map[string]models.TableCount{}}
	for _, t := range l.tables {
		c := models.TableCount{Table: t.Name, Quarantined: int64(len(j.unfit[t.Name]))}
		have, marks := l.read(mirrored, t), l.marks(t)
		for id, row := range j.fit[t.Name] {
			_, marked := marks[id]
			switch {
			case have[id] != nil && differing(l.kind, t, row, have[id]) != nil:
				c.Updated++
			case have[id] != nil:
				c.Unchanged++
			case marked:
				c.Released++
			default:
				c.Inserted++
			}
		}
		var leaving int64
		for id := range have {
			if j.source[t.Name][id] == nil {
				c.Deleted++
			}
			if j.fit[t.Name][id] == nil {
				leaving++
			}
		}
		f.counts[t.Name], f.leaving = c, f.leaving+leaving
		f.differences += c.Inserted + c.Updated + c.Deleted + c.Released + l.markChanges(t, j, marks, have)
		f.trips = f.trips || tooMany(leaving, int64(len(have)), int64(len(j.fit[t.Name])))
	}
	return f
}

// markChanges counts the quarantine entries that are added, removed or changed.
func (l *lab) markChanges(t *models.Table, j judgement, marks map[int64]string, have content) (n int64) {
	for id, reason := range j.unfit[t.Name] {
		if have[id] != nil || marks[id] != reason || !identical(l.held[t.Name][id], j.source[t.Name][id]) {
			n++
		}
	}
	for id := range marks {
		if j.source[t.Name][id] == nil {
			n++
		}
	}
	return n
}

func identical(a, b map[string]cell) bool {
	return maps.EqualFunc(a, b, func(a, b cell) bool { return a.class == b.class && bytes.Equal(a.text, b.text) })
}

// tooMany is the rule of the mass-delete guard.
func tooMany(leaving, before, after int64) bool {
	return leaving > 10 && 10*leaving > before || leaving > 0 && after == 0
}

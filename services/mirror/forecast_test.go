package mirror_test

import (
	"bytes"
	"maps"

	"lifecycle-sync/models"
)

// forecast is the expected outcome of the next run.
type forecast struct {
	counts      map[string]models.TableCount
	differences int64 // that verify must report
	deletes     int64 // in all tables
	trips       bool  // whether the guard must stop it
}

// forecast computes the forecast from the content of both databases.
func (l *fixture) forecast() forecast {
	l.Helper()
	j, f := l.judge(), forecast{counts: map[string]models.TableCount{}}
	for _, t := range l.Tables {
		c := models.TableCount{Table: t.Name, Quarantined: int64(len(j.unfit[t.Name]))}
		have, quarantined := l.read(mirrored, t), l.quarantine(t)
		for id, row := range j.fit[t.Name] {
			_, isQuarantined := quarantined[id]
			switch {
			case have[id] != nil && differing(l.kind, t, row, have[id]) != nil:
				c.Updated++
			case have[id] != nil:
				c.Unchanged++
			case isQuarantined:
				c.Released++
			default:
				c.Inserted++
			}
		}
		var deletes int64
		for id := range have {
			if j.source[t.Name][id] == nil {
				c.Deleted++
			}
			if j.fit[t.Name][id] == nil {
				deletes++
			}
		}
		f.counts[t.Name], f.deletes = c, f.deletes+deletes
		f.differences += c.Inserted + c.Updated + c.Deleted + c.Released + l.quarantineChanges(t, j, quarantined, have)
		f.trips = f.trips || tooMany(deletes, int64(len(have)), int64(len(j.fit[t.Name])))
	}
	return f
}

// quarantineChanges counts the quarantine entries that are added, removed or changed.
func (l *fixture) quarantineChanges(t *models.Table, j judgement, quarantined map[int64]string, have content) (n int64) {
	for id, reason := range j.unfit[t.Name] {
		if have[id] != nil || quarantined[id] != reason || !identical(l.lastSource[t.Name][id], j.source[t.Name][id]) {
			n++
		}
	}
	for id := range quarantined {
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
func tooMany(deletes, before, after int64) bool {
	return deletes > 10 && 10*deletes > before || deletes > 0 && after == 0
}

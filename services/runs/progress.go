package runs

import (
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
)

// Progress of a table is told at most so often, and the clock is looked at only after so many rows.
const (
	progressInterval = 250 * time.Millisecond
	progressRows     = 512
)

// Progress is the data of an event of that name: how far a run is.
type Progress struct {
	Run   int64
	Table string // as lifecycle_db calls it
	Done  int64  // rows gone through
	Total int64  // about how many there are, 0 when unknown
}

// TableDone is the data of an event Table: what a run did to one table.
type TableDone struct {
	Run   int64
	Count models.TableCount
}

// broadcast tells those who listen how far a run is, and another Progress as well.
type broadcast struct {
	also   mirror.Progress
	events *events
	now    func() time.Time
	run    int64

	at     Progress
	untold int64 // rows since the clock was looked at
	told   time.Time
}

// Begin tells that work on a table begins.
func (b *broadcast) Begin(t *models.Table, rows int64) {
	b.also.Begin(t, rows)
	b.at = Progress{Run: b.run, Table: t.Source, Total: rows}
	b.tell()
}

// Expect adds to what there is to do.
func (b *broadcast) Expect(rows int64) {
	b.also.Expect(rows)
	b.at.Total += rows
}

// Advance counts rows, and tells of them now and then.
func (b *broadcast) Advance(rows int64) {
	b.also.Advance(rows)
	b.at.Done += rows
	if b.untold += rows; b.untold >= progressRows {
		b.untold = 0
		if b.now().Sub(b.told) >= progressInterval {
			b.tell()
		}
	}
}

// End tells what was done to a table.
func (b *broadcast) End(t *models.Table, count models.TableCount) {
	b.also.End(t, count)
	b.events.publish(Table, TableDone{Run: b.run, Count: count})
}

func (b *broadcast) tell() {
	b.told = b.now()
	b.events.publish(Advanced, b.at)
}

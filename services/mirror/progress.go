package mirror

import "lifecycle-sync/models"

// Progress follows a run. Its methods are called from one goroutine at a time.
type Progress interface {
	// Begin starts a table of about the given number of rows; 0 if unknown.
	Begin(t *models.Table, rows int64)
	// Expect adds rows to be processed.
	Expect(rows int64)
	// Advance counts rows that were compared or copied.
	Advance(rows int64)
	// End finishes a table.
	End(t *models.Table, count models.TableCount)
}

// Silent ignores progress.
type Silent struct{}

// Begin does nothing.
func (Silent) Begin(*models.Table, int64) {}

// Expect does nothing.
func (Silent) Expect(int64) {}

// Advance does nothing.
func (Silent) Advance(int64) {}

// End does nothing.
func (Silent) End(*models.Table, models.TableCount) {}

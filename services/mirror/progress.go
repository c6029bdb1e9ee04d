package mirror

import "lifecycle-sync/models"

// Progress is told how far a run is. Its methods are called from one goroutine at a time.
type Progress interface {
	// Begin says that work on a table begins, which has about so many rows; 0 when that is unknown.
	Begin(t *models.Table, rows int64)
	// Expect says that so many rows more are to be gone through.
	Expect(rows int64)
	// Advance says that so many rows were compared or copied.
	Advance(rows int64)
	// End says what was done to a table.
	End(t *models.Table, count models.TableCount)
}

// Silent is Progress that nobody sees.
type Silent struct{}

// Begin does nothing.
func (Silent) Begin(*models.Table, int64) {}

// Expect does nothing.
func (Silent) Expect(int64) {}

// Advance does nothing.
func (Silent) Advance(int64) {}

// End does nothing.
func (Silent) End(*models.Table, models.TableCount) {}

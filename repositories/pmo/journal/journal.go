// Package journal records the sync's runs, their change log, the quarantine and the watermark.
package journal

import (
	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// Journal reads and writes what the sync records about itself.
type Journal struct{ s *pmo.Session }

// New returns the journal on a session.
func New(s *pmo.Session) *Journal { return &Journal{s: s} }

// The keys of the advisory locks. Runs hold WriterLock, and API writes and real-time sync for moments. A run also holds
// RunLock, which tells others not to wait. Both end with the transaction, and so with its process.
const (
	WriterLock = 0x6c6966656379636c // "lifecycl"
	RunLock    = WriterLock + 1
)

// batchSize is how many rows one INSERT carries: larger ones are not faster on PostgreSQL and exceed the
// parameters that SQLite allows.
const batchSize = 500

// Succeeded is the condition that a run has made mirror and source equal.
const Succeeded = "state = '" + string(models.Succeeded) + "' AND mode IN ('" + models.FullRun + "', '" + models.IncrementalRun + "')"

// listed selects the runs that people see, without API writes. refused selects runs whose digest differed and which became
// a preview: they tell nothing about the mirror. All conditions are constants, so that the partial index on runs is used.
const (
	listed      = "mode <> '" + models.WriteRun + "'"
	synchronise = listed + " AND mode IN ('" + models.FullRun + "', '" + models.IncrementalRun + "')"
	running     = synchronise + " AND state = '" + string(models.Running) + "'"
	refused     = "(state = '" + string(models.Failed) + "' AND COALESCE(error_class, '') = '" + string(models.Conflict) + "')"
	verified    = listed + " AND mode = '" + models.VerifyRun + "' AND state = '" + string(models.Succeeded) + "'"
)

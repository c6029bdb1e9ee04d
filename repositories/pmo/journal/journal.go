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

// The keys of the advisory locks. A writer of the mirror holds WriterLock: runs, and for moments API writes and
// real time. A run also holds RunLock, which shows others that waiting is pointless. Both end with the
// transaction, so also when its process dies.
const (
	WriterLock = 0x6c6966656379636c // "lifecycl"
	RunLock    = WriterLock + 1
)

// batchSize is how many rows one INSERT carries: larger ones are not faster on PostgreSQL and exceed the
// parameters that SQLite allows.
const batchSize = 500

// Succeeded is the condition that a run has made mirror and source equal.
const Succeeded = "state = '" + string(models.Succeeded) + "' AND mode IN ('" + models.FullRun + "', '" + models.IncrementalRun + "')"

// listed is the condition that a run is one that people are shown: not what the API's own writes did. refused is
// that it found other changes than it was to make, and has become a preview of them, which says nothing of how
// the mirror stands. Like the ones built on them, they are constants, so that the index of such runs serves.
const (
	listed      = "mode <> '" + models.WriteRun + "'"
	synchronise = listed + " AND mode IN ('" + models.FullRun + "', '" + models.IncrementalRun + "')"
	running     = synchronise + " AND state = '" + string(models.Running) + "'"
	refused     = "(state = '" + string(models.Failed) + "' AND COALESCE(error_class, '') = '" + string(models.Conflict) + "')"
	verified    = listed + " AND mode = '" + models.VerifyRun + "' AND state = '" + string(models.Succeeded) + "'"
)

// Package mirror reads and writes the mirrored rows for the sync engine: the transactions that runs, API writes
// and real time write in, the preflight checks, and loading an empty mirror.
package mirror

import (
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
)

// Store opens the mirror for reading and writing.
type Store struct{ pool *pmo.Store }

// New returns the mirror in a store.
func New(pool *pmo.Store) *Store { return &Store{pool: pool} }

// journal is the journal outside of a run's transaction.
func (s *Store) journal() *journal.Journal { return journal.New(s.pool.Session) }

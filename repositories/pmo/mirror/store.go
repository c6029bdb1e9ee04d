// Package mirror reads and writes the mirrored rows for the sync engine: the transactions that runs, API writes
// and real time write in, the preflight checks, and loading an empty mirror.
package mirror

import (
	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/journal"
)

// Store opens the mirror for reading and writing.
type Store struct{ pool *pmo.Store }

// New returns the mirror in a store.
func New(pool *pmo.Store) *Store { return &Store{pool: pool} }

func (s *Store) session(conn *database.Conn) *pmo.Session {
	return &pmo.Session{DB: s.pool.DB, Tables: s.pool.Tables, Conn: conn}
}

func (s *Store) reader(conn *database.Conn) *Reader { return &Reader{store: s, s: s.session(conn)} }

func (s *Store) tx(conn *database.Conn, run *models.Run) *Tx {
	r := s.reader(conn)
	r.writing = true
	return &Tx{Reader: r, Journal: journal.New(r.s), Run: run}
}

// journal is the journal outside of the run's transaction.
func (s *Store) journal() *journal.Journal { return journal.New(s.pool.Session) }

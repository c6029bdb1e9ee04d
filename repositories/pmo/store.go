// Package pmo holds all SQL against pmo_db: the mirrored rows, and what the sync keeps about itself
// (runs, change log, quarantine).
package pmo

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/migrations"
)

// Store is pmo_db.
type Store struct {
	db     *database.DB
	tables []*models.Table
}

// New returns the store behind a pool, for the given mirrored tables.
func New(db *database.DB, tables []*models.Table) *Store { return &Store{db: db, tables: tables} }

// Kind is the database system the store runs on.
func (s *Store) Kind() database.Kind { return s.db.Kind() }

// Ping connects, if no connection is there yet. Errors: connection, permission.
func (s *Store) Ping(ctx context.Context) error { return s.db.Translate(s.db.SQL.PingContext(ctx)) }

// Migrate creates or upgrades the tables, and returns how many migrations that took. Errors: schema,
// permission, connection.
func (s *Store) Migrate(ctx context.Context) (int, error) {
	return migrations.Up(ctx, s.db, func(ctx context.Context) error {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		_, err = s.inspect(ctx, conn, expectation{missing: true})
		return err
	})
}

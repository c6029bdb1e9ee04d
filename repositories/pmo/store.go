// Package pmo holds all SQL against pmo_db: the mirrored rows, and what the sync keeps about itself
// (runs, change log, quarantine).
package pmo

import (
	"context"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/migrations"
)

// Store is pmo_db. One that View or InTx hands out works in their transaction, by one goroutine at a
// time; any other takes a connection of its pool for each statement.
type Store struct {
	db     *database.DB
	tables []*models.Table
	conn   *database.Conn // of the transaction, if there is one
}

// New returns the store behind a pool, for the given mirrored tables.
func New(db *database.DB, tables []*models.Table) *Store { return &Store{db: db, tables: tables} }

// gorm is where statements go: the transaction, or the pool.
func (s *Store) gorm(ctx context.Context) *gorm.DB {
	if s.conn != nil {
		return s.conn.Gorm(ctx)
	}
	return s.db.WithContext(ctx)
}

// Kind is the database system the store runs on.
func (s *Store) Kind() database.Kind { return s.db.Kind() }

// Features are those of the store's database system.
func (s *Store) Features() database.Features { return s.db.Features() }

// Ping makes the two connections that a run uses, if they are not there yet, both at once. Errors:
// connection, permission.
func (s *Store) Ping(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	if s.Kind() == database.SQLite {
		group.SetLimit(1) // the first one makes the file, and no other may open it meanwhile
	}
	for range 2 {
		group.Go(func() error {
			conn, err := s.db.Conn(groupCtx)
			if err == nil {
				defer conn.Close()
			}
			return err
		})
	}
	return group.Wait()
}

// Migrate creates or upgrades the tables, and returns how many migrations that took. Errors: schema,
// permission, connection.
func (s *Store) Migrate(ctx context.Context) (int, error) {
	return migrations.Up(ctx, s.db, func(ctx context.Context) error {
		conn, err := s.db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		infos, err := s.inspect(ctx, conn)
		if err != nil {
			return err
		}
		return s.preflight(nil, infos, false)
	})
}

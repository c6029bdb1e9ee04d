// Package pmo connects to pmo_db: sessions and transactions, the schema, and the mirror's version. Its
// sub-packages hold the SQL: catalog, journal, mirror, outbox and attachments.
package pmo

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/migrations"
)

// Session runs the statements of a repository: all in one transaction, by one goroutine at a time, or, without
// Conn, each on its own connection of the pool.
type Session struct {
	DB     *database.DB
	Tables []*models.Table // the mirrored tables, parents before children
	Conn   *database.Conn  // the transaction; nil outside of one
}

// Gorm returns GORM on the transaction or the pool.
func (s *Session) Gorm(ctx context.Context) *gorm.DB {
	if s.Conn != nil {
		return s.Conn.Gorm(ctx)
	}
	return s.DB.WithContext(ctx)
}

// Table returns the mirrored table that lifecycle_db calls source; nil if there is none.
func (s *Session) Table(source string) *models.Table { return models.FindTable(s.Tables, source) }

// Store is a pool of connections to pmo_db. Repositories use its Session outside of transactions.
type Store struct{ *Session }

// New returns the store on a pool, for the given mirrored tables.
func New(db *database.DB, tables []*models.Table) *Store {
	return &Store{&Session{DB: db, Tables: tables}}
}

// Features are those of the database system.
func (s *Store) Features() database.Features { return s.DB.Features() }

// Ping opens the two connections that a run uses, at the same time. Errors: connection, permission.
func (s *Store) Ping(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	if !s.Features().Server {
		group.SetLimit(1) // the first connection creates the file, which the second must not open at the same time
	}
	for range 2 {
		group.Go(func() error {
			conn, err := s.DB.Conn(groupCtx)
			if err == nil {
				defer conn.Close()
			}
			return err
		})
	}
	return group.Wait()
}

// Examiner looks at the server and the tables.
func (s *Store) Inspector() *database.Inspector { return s.DB.Inspector() }

// Heartbeat returns an error once pmo_db has not answered for the network timeout, nil when ctx ends.
func (s *Store) Heartbeat(ctx context.Context) error { return s.DB.Heartbeat(ctx) }

// Migrate creates or upgrades the tables and returns the number of migrations applied. Errors: schema,
// permission, connection.
func (s *Store) Migrate(ctx context.Context) (int, error) {
	return migrations.Up(ctx, s.DB, func(ctx context.Context) error {
		conn, err := s.DB.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		infos, err := conn.Inspect(ctx, s.MirrorNames())
		if err != nil {
			return err
		}
		return s.Preflight(nil, infos, false)
	})
}

// SchemaVersion returns the version of the schema, 0 if it was never migrated, and the version that this binary
// needs. Errors: permission, connection.
func (s *Store) SchemaVersion(ctx context.Context) (current, latest int64, err error) {
	return migrations.Version(ctx, s.DB)
}

// Hears reports whether what one connection notifies another one is told within a time, as the API's
// processes need it of each other. PostgreSQL only. Errors: connection.
func (s *Store) Hears(ctx context.Context, token string, within time.Duration) (bool, error) {
	const channel = "lifecycle_doctor"
	listener, err := s.DB.DedicatedConn(ctx, "doctor")
	if err != nil {
		return false, err
	}
	defer listener.Close()
	if err := listener.Listen(ctx, channel); err != nil {
		return false, err
	}
	if err := s.Gorm(ctx).Exec("SELECT pg_notify(?, ?)", channel, token).Error; err != nil {
		return false, s.DB.Translate(err)
	}
	for until := time.Now().Add(within); ; {
		heard, sent, err := listener.WaitNotification(ctx, until)
		if err != nil || !sent || heard == token { // others may be examining, too
			return sent, err
		}
	}
}

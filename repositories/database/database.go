// Package database is the one place that knows how PostgreSQL and SQLite differ: how to open them,
// how to read a column as canonical text, what a value must satisfy to be mirrored, how to hash a
// row, and what their errors mean. repositories/lifecycle and repositories/pmo write their SQL in
// terms of it.
package database

import (
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"lifecycle-sync/models"
)

// DB is a pool of connections to one database.
type DB struct {
	*gorm.DB
	SQL *sql.DB
	Dialect
	Name string // "lifecycle_db" or "pmo_db": how messages call it

	path           string                               // SQLite's file
	outside        func(purpose string) *pgx.ConnConfig // of connections that are not the pool's; nil on SQLite
	networkTimeout time.Duration                        // as in Options
	optional       []setting
	refused        sync.Map // names of the optional settings that the server does not take
}

// Options are what a pool needs to know beyond its URL.
type Options struct {
	Name           string        // "lifecycle_db" or "pmo_db"
	MaxConns       int           // open connections at the most
	ConnectTimeout time.Duration // for one attempt
	NetworkTimeout time.Duration // after so long without an answer a connection is dead; 0: whatever the system thinks
}

// Open makes the pool. It does not connect: the first query does. Errors carry no part of the URL.
func Open(url string, o Options) (*DB, error) {
	if err := CheckURL(o.Name, url); err != nil {
		return nil, err
	}
	if kind, _ := KindOf(url); kind == Postgres {
		return openPostgres(url, o)
	}
	return openSQLite(url, o)
}

func (db *DB) gormConfig() *gorm.Config {
	return &gorm.Config{
		SkipDefaultTransaction: true,           // services choose transactions
		DisableAutomaticPing:   true,           // opening a pool must not need its database
		Logger:                 logger.Discard, // errors are returned, and said once where they end
		NowFunc:                func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
	}
}

// Close ends every connection.
func (db *DB) Close() error { return db.SQL.Close() }

// Translate turns what a database said into an error fit to be shown. nil stays nil, and an error
// that is one already stays as it is.
func (db *DB) Translate(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*models.Error](err); ok {
		return e
	}
	if e := models.AsError(err); e.Class != models.Internal { // a context ended
		return e
	}
	return db.translate(err, db.Name)
}

// Package database is the one place that knows how PostgreSQL and SQLite differ: connections, transactions, the canonical
// text of columns, which values can be mirrored, row hashes, and what errors mean. The repositories write their SQL with it.
package database

import (
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sethvargo/go-retry"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"lifecycle-sync/models"
)

// DB is a pool of connections to one database.
type DB struct {
	*gorm.DB
	SQL *sql.DB
	Dialect
	Name string // "lifecycle_db" or "pmo_db", for messages

	path            string                               // SQLite's file
	dedicatedConfig func(purpose string) *pgx.ConnConfig // for connections outside the pool; nil on SQLite
	networkTimeout  time.Duration                        // as in Options
	optional        []*setting
}

// Options configure a pool.
type Options struct {
	Name           string        // "lifecycle_db" or "pmo_db"
	MaxConns       int           // maximum of open connections
	ConnectTimeout time.Duration // for one attempt
	NetworkTimeout time.Duration // a connection without an answer for so long is dead; 0: the system's default
}

// Open makes the pool. It does not connect: the first query does. Errors contain no part of the URL.
func Open(url string, o Options) (*DB, error) {
	if err := CheckURL(o.Name, url); err != nil {
		return nil, err
	}
	if kind, _ := KindOf(url); kind == Postgres {
		return openPostgres(url, o)
	}
	return openSQLite(url, o)
}

// start begins to use GORM on the pool.
func (db *DB) start(dialector gorm.Dialector) (_ *DB, err error) {
	db.DB, err = gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true,           // services choose transactions
		DisableAutomaticPing:   true,           // opening a pool must not need its database
		Logger:                 logger.Discard, // errors are returned
		NowFunc:                now,
	})
	if err != nil {
		return nil, db.Translate(err)
	}
	return db, nil
}

// now is this machine's time, to the microsecond as the databases store it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Close closes every connection.
func (db *DB) Close() error { return db.SQL.Close() }

// Translate turns a database's error into one for people. nil and a models.Error are returned unchanged.
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

const jitterPercent = 20 // so that processes do not retry in step

// Backoff returns pauses between retries that grow from first to longest. It never ends by itself.
func Backoff(first, longest time.Duration) retry.Backoff { //nolint:ireturn // the library has no other type for it
	return retry.WithCappedDuration(longest, retry.WithJitterPercent(jitterPercent, retry.NewExponential(first)))
}

// Package database is the one place that knows how PostgreSQL and SQLite differ: connections, transactions, the canonical
// text of columns, which values can be mirrored, row hashes, and what errors mean. The repositories write their SQL with it.
package database

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
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

	path           string        // SQLite's file
	server, direct *server       // PostgreSQL: the pool's, and the one for what a pooler does not support, which may be the same
	networkTimeout time.Duration // as in Options
	optional       []*setting
	encodings      sync.Map      // Encoding by name: examining one takes long
	wait           time.Duration // as in Options
	places         chan struct{} // with a limit of the wait: one for each connection that is in use
}

// Options configure a pool.
type Options struct {
	Name           string        // "lifecycle_db" or "pmo_db"
	DirectURL      string        // bypasses a pooler; empty: there is none
	MaxConns       int           // maximum of open connections
	Wait           time.Duration // for a free connection; 0: until the caller's time ends, also for a locked table
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

// Pause waits before a retry. It returns false at once when ctx ends.
func Pause(ctx context.Context, pause time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// Kind names a database system. It also names the folders of its SQL files.
type Kind string

// The supported systems.
const (
	Postgres Kind = "postgres"
	SQLite   Kind = "sqlite"
)

// Features are the features that only one system has, and constants of SQL.
type Features struct {
	Server           bool   // a server with roles, sessions and a clock of its own; otherwise a file
	SingleWriter     bool   // a write transaction locks the whole database from its beginning
	AdvisoryLocks    bool   // locks that end with their holder and that others can see
	Notifications    bool   // LISTEN and NOTIFY
	Replication      bool   // logical replication
	RowHashes        bool   // rows are hashed and fingerprinted in the database
	OverrideIdentity string // lets an INSERT set a generated id
	RowVersions      bool   // a row's xmin is the transaction that wrote it
	Copy             bool   // COPY
	TypedColumns     bool   // a column contains only values of its type
	PlannerSettings  bool   // the planner can be configured per transaction
	ConstraintDDL    bool   // foreign keys can be added and dropped

	DocumentType     string        // column type of our own JSON documents, which are kept as written
	MigrationDialect goose.Dialect // the system's name for goose
	UpdateLock       string        // ends a SELECT: its rows cannot be changed before the transaction ends
	ShareLock        string        // as UpdateLock, but several transactions can hold it
}

// Dialect holds the differences between the systems: features, and SQL expressions.
type Dialect interface { //nolint:interfacebloat // one place for all differences between the systems
	// Kind names the system.
	Kind() Kind
	// Features lists what the system offers.
	Features() Features

	// Cell is the expression for a column's canonical text, or for a value whose text is canonical.
	Cell(expr string, c models.Column) string
	// Fits is the condition that a value can be mirrored, "" if every value can. It is true or NULL for NULL.
	Fits(expr string, c models.Column) string
	// Sortable is an expression that orders and compares like a column of timestamps. It is NULL or arbitrary if the value is not supported.
	Sortable(expr string, c models.Column) string
	// Hash is the 64-bit hash of the row of a table alias.
	Hash(alias string, t *models.Table, h Hashing) string

	// InRanges is the query for the rows of the given ranges, in id order. query returns the SELECT for a condition on
	// the id, ordered by id.
	InRanges(ranges []Range, id string, query func(condition string) string) (sql string, args []any)
	// Typed is a placeholder for a value of a column where the system cannot tell its type.
	Typed(c models.Column) string
	// AnyOf is the condition that a column has one of the ids.
	AnyOf(column string, ids []int64) (condition string, args []any)
	// KeyLock ends a SELECT: the rows of a table alias cannot be deleted before the transaction ends.
	KeyLock(alias string) string
	// HistogramBucket is the number of the ascending bounds that a value has reached, NULL for NULL. The bounds are texts of a type.
	HistogramBucket(value string, bounds []string, columnType string) string
	// Unflattened keeps the planner from flattening a subquery where that is slower.
	Unflattened(query *gorm.DB) *gorm.DB
	// TableExists is the query whether a table exists.
	TableExists(table string) string
	// ColumnExists is the query whether a table has a column.
	ColumnExists(table, column string) string

	// HasKey is the condition that a JSON object has a key, which is an argument.
	HasKey(object string) string

	// Clock is an expression for the present time plus some seconds.
	Clock(seconds int) string
	// DateLiteral is a date in SQL.
	DateLiteral(d models.Date) string
	// DaysBetween is the number of days from one date expression to another.
	DaysBetween(from, to string) string
	// EpochSecond is the whole second of a canonical timestamp, since 1970.
	EpochSecond(expr string) string
	// SecondsSince is the time in seconds since a timestamp, by the database's clock.
	SecondsSince(expr string) string

	// inspect is the query for the catalogue's entries of tables, with its argument.
	inspect(names []string) (query string, arg any)
	// deleteEffects is the query for the foreign keys to a table that delete or change rows when its rows are deleted, with its argument:
	// the referencing table as text and quoted, the condition that its row r refers to row p, and whether it can be read.
	deleteEffects(table string) (query string, arg any)
	// streamRows calls yield with the rows of a query until it returns false.
	streamRows(ctx context.Context, c *Conn, query string, args []any, yield func(cells [][]byte) bool) error
	begin(ctx context.Context, c *Conn, mode TxMode) error
	translate(err error, name string) *models.Error
}

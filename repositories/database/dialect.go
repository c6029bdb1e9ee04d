package database

import (
	"context"

	"github.com/pressly/goose/v3"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// Kind names a database system. It also names the folders of its SQL files.
type Kind string

// The supported systems.
const (
	Postgres Kind = "postgres"
	SQLite   Kind = "sqlite"
)

// Features are what one system offers and the other lacks, and constants of SQL.
type Features struct {
	Server          bool // a server with roles, sessions and a clock of its own; otherwise a file
	SingleWriter    bool // a write transaction locks the whole database from its beginning
	AdvisoryLocks   bool // locks that end with their holder and that others can see
	Notifications   bool // LISTEN and NOTIFY
	Replication     bool // logical replication
	RowHashes       bool // rows are hashed and fingerprinted in the database
	RowVersions     bool // a row's xmin is the transaction that wrote it
	Copy            bool // COPY
	TypedColumns    bool // a column contains only values of its type
	PlannerSettings bool // the planner can be configured per transaction
	ConstraintDDL   bool // foreign keys can be added and dropped

	DocumentType     string        // column type of our own JSON documents, which are kept as written
	MigrationDialect goose.Dialect // the system's name for goose
	KeyShareLock     string        // ends a SELECT: its rows cannot be deleted before the transaction ends
	UpdateLock       string        // ends a SELECT: its rows cannot be changed before the transaction ends
}

// Dialect is what differs between the systems: features, and SQL expressions.
type Dialect interface { //nolint:interfacebloat // one place for all differences between the systems
	// Kind names the system.
	Kind() Kind
	// Features lists what the system offers.
	Features() Features

	// Cell is the expression for a column's canonical text, or for a value whose text is canonical.
	Cell(expr string, c models.Column) string
	// Fits is the condition that a value can be mirrored, "" if every value can. It is true or NULL for NULL.
	Fits(expr string, c models.Column) string
	// Sortable is an expression that orders and compares like a column of timestamps. It is NULL or arbitrary if the value does not fit.
	Sortable(expr string, c models.Column) string
	// Hash is the 64-bit hash of the row of a table alias.
	Hash(alias string, t *models.Table, h Hashing) string

	// InRanges is the query for the rows of the given ranges, in id order. query returns the SELECT for a condition on
	// the id, ordered by id.
	InRanges(ranges []Range, id string, query func(condition string) string) (sql string, args []any)
	// AnyOf is the condition that a column has one of the ids.
	AnyOf(column string, ids []int64) (condition string, args []any)
	// HistogramBucket is the number of the ascending bounds that a value has reached, NULL for NULL. The bounds are texts of a type.
	HistogramBucket(value string, bounds []string, columnType string) string
	// Unflattened keeps the planner from flattening a subquery where that is slower.
	Unflattened(query *gorm.DB) *gorm.DB
	// TableExists is the query whether a table exists.
	TableExists(table string) string
	// ColumnExists is the query whether a table has a column.
	ColumnExists(table, column string) string

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
	// streamRows calls yield with the rows of a query until it returns false.
	streamRows(ctx context.Context, c *Conn, query string, args []any, yield func(cells [][]byte) bool) error
	begin(ctx context.Context, c *Conn, mode TxMode) error
	translate(err error, name string) *models.Error
}

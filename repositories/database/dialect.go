package database

import (
	"context"
	"fmt"
	"time"

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

// Features are what one system offers and the other lacks.
type Features struct {
	Server          bool // a server with roles, sessions and a clock of its own; otherwise a file
	SingleWriter    bool // a write transaction locks the whole database from its beginning
	AdvisoryLocks   bool // locks that end with their holder and that others can see
	Notifications   bool // LISTEN and NOTIFY
	Replication     bool // logical replication
	RowHashes       bool // rows are hashed and fingerprinted inside the database
	RowVersions     bool // each row tells the transaction that wrote it (xmin)
	Copy            bool // COPY
	TypedColumns    bool // a column holds values of its type only
	PlannerSettings bool // the planner can be steered within a transaction
	ConstraintDDL   bool // foreign keys can be added and dropped
}

// Dialect is what differs between the systems: features, and SQL expressions.
type Dialect interface { //nolint:interfacebloat // one place for all differences between the systems
	// Kind names the system.
	Kind() Kind
	// Features lists what the system offers.
	Features() Features
	// DocumentType is the column type of our own JSON documents, which are kept as written.
	DocumentType() string
	// MigrationDialect names the system for goose.
	MigrationDialect() goose.Dialect

	// Cell is the expression for a column's canonical text, or for a value whose text is canonical.
	Cell(expr string, c models.Column) string
	// Fits is the condition under which a value can be mirrored, or "" when every value can. It is true or NULL for NULL.
	Fits(expr string, c models.Column) string
	// Sortable is an expression that orders and compares like a column of timestamps. It is NULL or arbitrary where the value does not fit.
	Sortable(expr string, c models.Column) string
	// Hash is the 64-bit hash of the row whose columns alias offers.
	Hash(alias string, t *models.Table, h Hashing) string
	// Null is NULL of a column's type.
	Null(c models.Column) string

	// Ranged is the query for the rows of the given ranges, in id order. query returns the SELECT for a condition on
	// the id, ordered by id.
	Ranged(ranges []Range, id string, query func(condition string) string) (sql string, args []any)
	// AnyOf is the condition that a column holds one of the ids.
	AnyOf(column string, ids []int64) (condition string, args []any)
	// Bucket is the number of the ascending bounds that a value has reached, NULL for NULL. The bounds are texts of a type.
	Bucket(value string, bounds []string, columnType string) string
	// KeyShareLock ends a SELECT so that its rows cannot be deleted before the transaction ends.
	KeyShareLock() string
	// UpdateLock ends a SELECT so that its rows cannot be changed before the transaction ends.
	UpdateLock() string
	// Unmerged keeps the planner from merging a subquery into the query around it where that is slower.
	Unmerged(query *gorm.DB) *gorm.DB
	// TableExists is the query that tells whether a table exists.
	TableExists(table string) string
	// ColumnExists is the query that tells whether a table has a column.
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

	openRows(ctx context.Context, c *Conn, query string, args []any, fn func(cells [][]byte) error) error
	begin(ctx context.Context, c *Conn, mode TxMode) error
	translate(err error, name string) *models.Error
}

// TransactionID gives the transaction an id and returns it with the time at which the transaction began, to the
// microsecond. Without row versions the id is nil and the time is this machine's. Errors: permission (a read-only
// server), connection.
func (c *Conn) TransactionID(ctx context.Context) (xid *int64, began time.Time, err error) {
	if !c.db.Features().RowVersions {
		return nil, time.Now().UTC().Truncate(time.Microsecond), nil
	}
	var stamp models.Instant
	err = c.QueryRow(ctx, "SELECT pg_current_xact_id()::text::bigint, now()", nil, &xid, &stamp)
	return xid, stamp.Time(), err
}

// AvoidFullScans keeps the planner from joining by reading whole tables, or allows it again, until the transaction
// ends. Without planner settings it does nothing.
func (c *Conn) AvoidFullScans(ctx context.Context, avoid bool) error {
	if !c.db.Features().PlannerSettings {
		return nil
	}
	_, err := c.Exec(ctx, fmt.Sprintf("SELECT set_config('enable_hashjoin', '%[1]t', true), set_config('enable_mergejoin', '%[1]t', true)", !avoid))
	return err
}

// Fitting is an expression for a column's value in its canonical form, NULL where the value cannot be mirrored.
func (db *DB) Fitting(expr string, c models.Column) string {
	fits := db.Fits(expr, c)
	switch {
	case fits == "":
		return expr
	case c.Kind == models.KindInt:
		return "CASE WHEN " + fits + " THEN " + expr + " END"
	default:
		return "CASE WHEN " + fits + " THEN " + db.Cell(expr, c) + " END"
	}
}

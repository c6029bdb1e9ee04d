package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"lifecycle-sync/models"
)

var (
	errStop    = errors.New("the reader has seen enough")
	errBadConn = driver.ErrBadConn
)

func openPostgres(url string, o Options) (*DB, error) {
	cfg, err := parsePostgres(o.Name, url)
	if err != nil {
		return nil, err
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = o.ConnectTimeout
	}
	// What poolers let through; the rest is set in each transaction.
	for name, value := range map[string]string{
		"application_name": "lifecycle-sync", "client_encoding": "UTF8", "timezone": "UTC", "datestyle": "ISO, YMD",
	} {
		if _, set := cfg.RuntimeParams[name]; !set || name != "application_name" {
			cfg.RuntimeParams[name] = value
		}
	}
	if o.NetworkTimeout > 0 {
		cfg.DialFunc = dialer(o.NetworkTimeout).DialContext
	}
	outside := cfg.Copy() // what waits there has nothing on the server to cancel
	// A cancelled statement is cancelled on the server too, so that its locks are gone at once.
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: time.Second}
	}
	sqlDB := sql.OpenDB(connector{stdlib.GetConnector(*cfg), o.Name})
	sqlDB.SetMaxOpenConns(o.MaxConns)
	sqlDB.SetMaxIdleConns(o.MaxConns)
	sqlDB.SetConnMaxIdleTime(5 * time.Minute)
	sqlDB.SetConnMaxLifetime(time.Hour) // what the server's process gathers in memory is given back, and a host that moved is followed
	db := &DB{SQL: sqlDB, Dialect: postgresDialect{}, Name: o.Name, networkTimeout: o.NetworkTimeout, optional: optionalSettings(o.NetworkTimeout)}
	db.outside = func(purpose string) *pgx.ConnConfig {
		own := outside.Copy()
		own.RuntimeParams["application_name"] += " " + purpose
		return own
	}
	if db.DB, err = gorm.Open(postgres.New(postgres.Config{Conn: sqlDB}), db.gormConfig()); err != nil {
		return nil, db.Translate(err)
	}
	return db, nil
}

// connector translates at once why no connection came about: only here is it known whether the caller's
// time ended or that of the attempt, and from here on nothing holds pgx's text.
type connector struct {
	driver.Connector
	name string
}

// Connect makes one connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, unconnected(ctx, err, c.name)
	}
	return conn, nil
}

// unconnected is why no connection came about: ctx's end, or what went wrong.
func unconnected(ctx context.Context, err error, name string) error {
	switch deadline, ok := ctx.Deadline(); {
	case ctx.Err() != nil:
		return models.AsError(ctx.Err())
	case ok && !time.Now().Before(deadline): // the network noticed it before the context did
		return models.AsError(context.DeadlineExceeded)
	default:
		return postgresDialect{}.translate(err, name)
	}
}

// begin sets, for the transaction only, what a session-wide setting could not carry through a
// pooler. row_security=off turns rows hidden by a policy into an error instead of a gap.
//
// A server may refuse the optional settings: then the transaction begins again without, and the pool
// remembers it. (Asking for version() first would take the transaction's snapshot before SET TRANSACTION
// SNAPSHOT.)
func (postgresDialect) begin(ctx context.Context, c *Conn, mode TxMode) error {
	begin := "BEGIN ISOLATION LEVEL READ COMMITTED"
	if mode == ReadOnly {
		// A plan for any search or page would be one for none.
		begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan"
	}
	begin += `;
		SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '256MB';
		SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`
	return c.pgx(func(conn *pgx.Conn) error {
		send := func(batch string) error {
			_, err := conn.PgConn().Exec(ctx, batch).ReadAll()
			return err
		}
		for {
			err := send(begin + c.db.settings(mode))
			refused := c.db.refusedSetting(err)
			if refused == "" {
				return err
			}
			c.db.refused.Store(refused, true)
			if err := send("ROLLBACK"); err != nil {
				return err
			}
		}
	})
}

// pgx lends the connection underneath.
func (c *Conn) pgx(fn func(*pgx.Conn) error) error {
	return c.raw.Raw(func(driverConn any) error {
		return fn(driverConn.(*stdlib.Conn).Conn()) //nolint:forcetypeassert // openPostgres opened the pool with that driver
	})
}

// openRows reads in text format, without a prepared statement: one round trip, and it works through
// a pooler.
func (postgresDialect) openRows(ctx context.Context, c *Conn, query string, args []any, fn func([][]byte) error) error {
	return c.pgx(func(conn *pgx.Conn) error {
		options := []any{pgx.QueryExecModeExec, pgx.QueryResultFormats{pgx.TextFormatCode}}
		rows, err := conn.Query(ctx, query, append(options, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := fn(rows.RawValues()); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// CopyOut writes what a query yields to w in PostgreSQL's binary COPY format.
func (c *Conn) CopyOut(ctx context.Context, w io.Writer, query string) error {
	return c.db.Translate(c.pgx(func(conn *pgx.Conn) error {
		_, err := conn.PgConn().CopyTo(ctx, w, "COPY ("+query+") TO STDOUT (FORMAT binary)")
		return err
	}))
}

// CopyIn reads COPY data from r into target, "table (columns)", in format "binary" or "text", and
// returns the rows it copied.
func (c *Conn) CopyIn(ctx context.Context, r io.Reader, target, format string) (int64, error) {
	var n int64
	err := c.pgx(func(conn *pgx.Conn) error {
		tag, err := conn.PgConn().CopyFrom(ctx, r, fmt.Sprintf("COPY %s FROM STDIN (FORMAT %s)", target, format))
		n = tag.RowsAffected()
		return err
	})
	return n, c.db.Translate(err)
}

// AppendCopyText appends a line of COPY's text format.
func AppendCopyText(line []byte, cells ...[]byte) []byte {
	for i, cell := range cells {
		if i > 0 {
			line = append(line, '\t')
		}
		if cell == nil {
			line = append(line, `\N`...)
			continue
		}
		for _, b := range cell {
			switch b {
			case '\\':
				line = append(line, `\\`...)
			case '\t':
				line = append(line, `\t`...)
			case '\n':
				line = append(line, `\n`...)
			case '\r':
				line = append(line, `\r`...)
			default:
				line = append(line, b)
			}
		}
	}
	return append(line, '\n')
}

package database

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"

	"lifecycle-sync/models"
)

func openPostgres(url string, o Options) (*DB, error) {
	cfg, err := parsePostgres(o.Name, url)
	if err != nil {
		return nil, err
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = o.ConnectTimeout
	}
	// Poolers pass only these parameters; the others are set in each transaction.
	cfg.RuntimeParams["application_name"] = cmp.Or(cfg.RuntimeParams["application_name"], "lifecycle-sync")
	maps.Copy(cfg.RuntimeParams, map[string]string{"client_encoding": "UTF8", "timezone": "UTC", "datestyle": "ISO, YMD"})
	if o.NetworkTimeout > 0 {
		cfg.DialFunc = dialer(o.NetworkTimeout).DialContext
	}
	dedicated := cfg.Copy() // dedicated connections have nothing to cancel on the server
	// A canceled statement is canceled on the server, too, so that its locks are released at once.
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: time.Second}
	}
	sqlDB := sql.OpenDB(connector{stdlib.GetConnector(*cfg), o.Name})
	sqlDB.SetMaxOpenConns(o.MaxConns)
	sqlDB.SetMaxIdleConns(o.MaxConns)
	sqlDB.SetConnMaxIdleTime(5 * time.Minute)
	sqlDB.SetConnMaxLifetime(time.Hour) // releases the memory of server processes, and follows a host that moved
	db := &DB{SQL: sqlDB, Dialect: postgresDialect{}, Name: o.Name, networkTimeout: o.NetworkTimeout, optional: optionalSettings(o.NetworkTimeout)}
	db.dedicatedConfig = func(purpose string) *pgx.ConnConfig {
		own := dedicated.Copy()
		own.RuntimeParams["application_name"] += " " + purpose
		return own
	}
	return db.start(postgres.New(postgres.Config{Conn: sqlDB}))
}

// connector translates connection errors at once: only here is it known whether the caller's time or that of the attempt
// ended, and pgx's text must not be kept.
type connector struct {
	driver.Connector
	name string
}

// Connect makes one connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, connectFailure(ctx, err, c.name)
	}
	return conn, nil
}

// connectFailure is why no connection was established: ctx's end, or an error.
func connectFailure(ctx context.Context, err error, name string) error {
	switch deadline, ok := ctx.Deadline(); {
	case ctx.Err() != nil:
		return models.AsError(ctx.Err())
	case ok && !time.Now().Before(deadline): // the network noticed before the context
		return models.AsError(context.DeadlineExceeded)
	default:
		return postgresDialect{}.translate(err, name)
	}
}

// begin configures the transaction only, because a pooler would lose session settings. row_security=off turns rows hidden
// by a policy into an error. If the server refuses an optional setting, the transaction begins again without it, and the
// pool remembers. (Asking for version() first would take the snapshot before SET TRANSACTION SNAPSHOT.)
func (postgresDialect) begin(ctx context.Context, c *Conn, mode TxMode) error {
	begin := "BEGIN ISOLATION LEVEL READ COMMITTED"
	if mode == ReadOnly {
		// A generic plan would suit no search or page.
		begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL plan_cache_mode = force_custom_plan"
	}
	begin += `;
		SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '256MB';
		SET LOCAL row_security = off; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`
	return c.pgx(func(conn *pgx.Conn) error {
		for {
			_, err := conn.PgConn().Exec(ctx, begin+c.db.settings(mode)).ReadAll()
			if !c.db.isRefusal(err) {
				return err
			}
			if _, err := conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
				return err
			}
		}
	})
}

// pgx calls fn with the underlying connection.
func (c *Conn) pgx(fn func(*pgx.Conn) error) error {
	return c.raw.Raw(func(driverConn any) error {
		return fn(driverConn.(*stdlib.Conn).Conn()) //nolint:forcetypeassert // openPostgres opened the pool with that driver
	})
}

// streamRows reads in text format, without a prepared statement: one round trip, and it works through a pooler.
func (postgresDialect) streamRows(ctx context.Context, c *Conn, query string, args []any, yield func([][]byte) bool) error {
	return c.pgx(func(conn *pgx.Conn) error {
		options := []any{pgx.QueryExecModeExec, pgx.QueryResultFormats{pgx.TextFormatCode}}
		rows, err := conn.Query(ctx, query, append(options, args...)...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if !yield(rows.RawValues()) {
				return nil
			}
		}
		return rows.Err()
	})
}

// CopyOut writes a query's rows to w in PostgreSQL's binary COPY format.
func (c *Conn) CopyOut(ctx context.Context, w io.Writer, query string) error {
	return c.db.Translate(c.pgx(func(conn *pgx.Conn) error {
		_, err := conn.PgConn().CopyTo(ctx, w, "COPY ("+query+") TO STDOUT (FORMAT binary)")
		return err
	}))
}

// CopyIn copies COPY data from r into target, "table (columns)", in format "binary" or "text", and returns the number of
// rows.
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

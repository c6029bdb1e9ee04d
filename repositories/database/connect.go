package database

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"maps"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"

	"lifecycle-sync/models"
)

func openPostgres(url string, o Options) (*DB, error) {
	cfg, err := postgresConfig(o.Name, url, o)
	if err != nil {
		return nil, err
	}
	pool := &server{config: cfg, name: o.Name}
	direct := pool
	if o.DirectURL != "" {
		directCfg, err := postgresConfig(o.Name, o.DirectURL, o)
		if err != nil {
			return nil, err
		}
		direct = &server{config: directCfg, name: o.Name}
	}
	sqlDB := sql.OpenDB(&connector{server: pool})
	sqlDB.SetMaxOpenConns(o.MaxConns)
	sqlDB.SetMaxIdleConns(o.MaxConns)
	sqlDB.SetConnMaxIdleTime(5 * time.Minute)
	sqlDB.SetConnMaxLifetime(time.Hour) // releases the memory of server processes, and follows a host that moved
	db := &DB{
		SQL: sqlDB, Dialect: postgresDialect{}, Name: o.Name, networkTimeout: o.NetworkTimeout, optional: optionalSettings(o.NetworkTimeout),
		server: pool, direct: direct,
	}
	db.limitWait(o)
	return db.start(postgres.New(postgres.Config{Conn: db.gormPool()}))
}

// postgresConfig configures connections, with the parameters that every pooler passes on.
func postgresConfig(name, url string, o Options) (*pgx.ConnConfig, error) {
	cfg, err := parsePostgres(name, url)
	if err != nil {
		return nil, err
	}
	if cfg.ConnectTimeout == 0 {
		cfg.ConnectTimeout = o.ConnectTimeout
	}
	cfg.RuntimeParams["application_name"] = cmp.Or(cfg.RuntimeParams["application_name"], "lifecycle-sync")
	maps.Copy(cfg.RuntimeParams, textSettings())
	if o.NetworkTimeout > 0 {
		cfg.DialFunc = dialer(o.NetworkTimeout).DialContext
	}
	return cfg, nil
}

// textSettings determine how values are written and read.
func textSettings() map[string]string {
	return map[string]string{"client_encoding": "UTF8", "timezone": "UTC", "datestyle": "ISO, YMD", "standard_conforming_strings": "on"}
}

// sessionSettings are what the program relies on outside transactions, whatever a role or a database has set. search_path and
// default_transaction_read_only keep their meaning. Settings that matter only within transactions are set there.
func sessionSettings() map[string]string {
	return map[string]string{
		"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0", "idle_session_timeout": "0",
		"default_transaction_isolation": "read committed", "default_transaction_deferrable": "off", "exit_on_error": "off",
		"bytea_output": "hex", "extra_float_digits": "1", "intervalstyle": "postgres", "transform_null_equals": "off",
		"quote_all_identifiers": "off", "array_nulls": "on", "gin_fuzzy_search_limit": "0",
	}
}

// transactionTimeout is a session setting that PostgreSQL before 17 does not know.
const transactionTimeout = "transaction_timeout"

func hasTransactionTimeout(conn *pgx.Conn) bool {
	return conn.PgConn().ParameterStatus("server_version") >= "17" // from 14 on
}

// server makes the connections to a server, and remembers what it has found out about it.
type server struct {
	config *pgx.ConnConfig // without the session's settings
	name   string          // of the database, in messages

	// A pooler gives each transaction another session. It may refuse the session's settings, or ignore them, and statements
	// do not stay prepared.
	isPooled atomic.Bool
	timed    atomic.Bool // transaction_timeout exists
}

// pooledExecMode knows the types of parameters, but leaves nothing prepared in a session.
const pooledExecMode = pgx.QueryExecModeCacheDescribe

// found is what is known about a server when a connection is made.
type found struct{ pooled, timed bool }

func (s *server) found() found { return found{s.isPooled.Load(), s.timed.Load()} }

// connect makes a connection with open. It connects again if that shows that the connection needs other settings: then
// every later one has them.
func connect[C any](ctx context.Context, s *server, purpose string, open func(*pgx.ConnConfig) (C, *pgx.Conn, error)) (C, error) { //nolint:ireturn // of either kind
	for {
		known := s.found()
		c, conn, err := open(s.configure(known, purpose))
		if err == nil {
			err = s.examine(ctx, conn, known)
		} else {
			s.learn(err)
		}
		again := s.found() != known
		if err == nil && !again {
			return c, nil
		}
		if conn != nil {
			closeConn(conn)
		}
		if !again {
			return c, connectFailure(ctx, err, s.name)
		}
	}
}

// configure returns the configuration of a connection. The URL's settings win.
func (s *server) configure(known found, purpose string) *pgx.ConnConfig {
	cfg := s.config.Copy()
	if purpose != "" {
		cfg.RuntimeParams["application_name"] += " " + purpose
	}
	if known.pooled {
		cfg.DefaultQueryExecMode = pooledExecMode
		return cfg
	}
	settings := sessionSettings()
	if known.timed {
		settings[transactionTimeout] = "0"
	}
	for name, value := range settings {
		if _, isSet := cfg.RuntimeParams[name]; !isSet {
			cfg.RuntimeParams[name] = value
		}
	}
	return cfg
}

// examineTimeout limits the wait for an answer of a new connection that has no other limit.
const examineTimeout = 10 * time.Second

// examine finds out about the server of a new connection. A pooler gives its clients process ids of its own. A query comes last,
// because until it is set otherwise, a role's transaction_timeout may end it.
func (s *server) examine(ctx context.Context, conn *pgx.Conn, known found) error {
	switch {
	case known.pooled:
		return nil
	case hasTransactionTimeout(conn) && !known.timed:
		s.timed.Store(true)
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, cmp.Or(s.config.ConnectTimeout, examineTimeout))
	defer cancel()
	results, err := conn.PgConn().Exec(limited, "SELECT pg_backend_pid()").ReadAll()
	if err != nil && ctx.Err() == nil && limited.Err() != nil { // reported like a network timeout
		return &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	if err != nil {
		return err
	}
	pid := strconv.FormatUint(uint64(conn.PgConn().PID()), 10)
	if len(results) == 1 && len(results[0].Rows) == 1 && string(results[0].Rows[0][0]) != pid {
		s.isPooled.Store(true)
	}
	return nil
}

// learn finds out about the server from the error of a connection: a pooler refused the session's settings, or a role's
// transaction_timeout, which also applies to logins, ended it.
func (s *server) learn(err error) {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok:
	case pg.Code == pgerrcode.ProtocolViolation && strings.Contains(pg.Message, "startup parameter"):
		s.isPooled.Store(true)
	case pg.Code == transactionTimedOut:
		s.timed.Store(true)
	}
}

// connectFailure returns why no connection was established: ctx's end, or an error.
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

// closeTimeout limits the wait for a server that may be gone when a connection is closed.
const closeTimeout = time.Second

func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = conn.Close(ctx) // it is gone either way
}

// connector connects the pool. Errors are translated at once: only here is it known whether the caller's time or that of the
// attempt ended, and pgx's text must not be kept.
type connector struct{ server *server }

// Driver is pgx's.
func (c *connector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// Connect makes one connection.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := connect(ctx, c.server, "", func(cfg *pgx.ConnConfig) (*stdlib.Conn, *pgx.Conn, error) {
		// A canceled statement is canceled on the server, too, so that its locks are released at once. Through a pooler its
		// connection is closed instead: PgBouncer 1.18 crashes if a cancel request is withdrawn.
		if cfg.DefaultQueryExecMode != pooledExecMode {
			cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
				return &cancelHandler{pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: time.Second}}
			}
		}
		opened, err := stdlib.GetConnector(*cfg, stdlib.OptionResetSession(discardCanceled)).Connect(ctx)
		if err != nil {
			return nil, nil, err
		}
		conn := opened.(*stdlib.Conn) //nolint:forcetypeassert // the package has no other
		return conn, conn.Conn(), nil
	})
	switch {
	case err != nil:
		return nil, err
	case c.server.isPooled.Load():
		return &pooledConn{Conn: conn}, nil
	default:
		return conn, nil
	}
}

// cancelHandler cancels statements, and marks their connections. The server may carry out a cancel request after the
// statement has ended, and would then cancel the connection's next one.
type cancelHandler struct {
	pgconn.CancelRequestContextWatcherHandler
}

// canceled marks a connection.
const canceled = "canceled"

// HandleCancel is called when the context of a statement ends.
func (h *cancelHandler) HandleCancel(ctx context.Context) {
	h.Conn.CustomData()[canceled] = true
	h.CancelRequestContextWatcherHandler.HandleCancel(ctx)
}

// discardCanceled keeps a marked connection from being used again.
func discardCanceled(_ context.Context, c *pgx.Conn) error {
	if c.PgConn().CustomData()[canceled] != nil {
		return driver.ErrBadConn
	}
	return nil
}

package database

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
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

type postgresDialect struct{}

func openPostgres(url string, o Options) (*DB, error) {
	cfg, err := parsePostgres(url)
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
	outside := cfg.Copy() // what waits there has nothing on the server to cancel
	// A cancelled statement is cancelled on the server too, so that its locks are gone at once.
	cfg.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: c, DeadlineDelay: time.Second}
	}
	sqlDB := sql.OpenDB(connector{stdlib.GetConnector(*cfg), o.Name})
	sqlDB.SetMaxOpenConns(o.MaxConns)
	sqlDB.SetMaxIdleConns(o.MaxConns)
	sqlDB.SetConnMaxIdleTime(5 * time.Minute)
	db := &DB{SQL: sqlDB, Dialect: postgresDialect{}, Name: o.Name, outside: func(purpose string) *pgx.ConnConfig {
		own := outside.Copy()
		own.RuntimeParams["application_name"] += " " + purpose
		return own
	}}
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
	switch deadline, ok := ctx.Deadline(); {
	case err == nil:
		return conn, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case ok && !time.Now().Before(deadline): // the network noticed it before the context did
		return nil, context.DeadlineExceeded
	default:
		return nil, postgresDialect{}.translate(err, c.name)
	}
}

// Kind is Postgres.
func (postgresDialect) Kind() Kind { return Postgres }

// Cell is the column itself: its output function's text, in UTC and ISO form, is canonical.
func (postgresDialect) Cell(expr string, _ models.Column) string { return expr }

// Clock is the time at which the transaction began.
func (postgresDialect) Clock(seconds int) string {
	return fmt.Sprintf("(now() + interval '%d seconds')", seconds)
}

// Fits holds for the timestamps and dates that RFC 3339 can say, and for valid UTF-8. The text
// condition costs, and can fail only in an SQL_ASCII database, so it is asked for by FitsBytes.
func (postgresDialect) Fits(expr string, c models.Column) string {
	switch c.Kind {
	case models.Timestamp:
		return expr + ` BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00'`
	case models.Day:
		return expr + ` BETWEEN '0001-01-01' AND '9999-12-31'`
	default:
		return ""
	}
}

// utf8Pattern matches the byte sequences that are valid UTF-8, in a database whose characters are
// bytes (Unicode 15, table 3-7).
const utf8Pattern = `^(?:[\x01-\x7f]|[\xc2-\xdf][\x80-\xbf]` +
	`|\xe0[\xa0-\xbf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xed[\x80-\x9f][\x80-\xbf]` +
	`|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2})*$`

// FitsBytes is the condition under which the text of an SQL_ASCII database is valid UTF-8.
func FitsBytes(expr string) string { return `(` + expr + `)::text COLLATE "C" ~ '` + utf8Pattern + `'` }

const clientCheck = "client_connection_check_interval"

// begin sets, for the transaction only, what a session-wide setting could not carry through a
// pooler. client_connection_check_interval lets the server notice a killed client in the midst of a
// long statement; row_security=off turns rows hidden by a policy into an error instead of a gap.
//
// A server on Windows refuses the interval: the transaction begins again without, and the pool remembers it.
// (Asking for version() first would take the transaction's snapshot before SET TRANSACTION SNAPSHOT.)
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
		if c.db.noClientCheck.Load() {
			return send(begin)
		}
		err := send(begin + "; SET LOCAL " + clientCheck + " = '1s'")
		pg, ok := errors.AsType[*pgconn.PgError](err)
		if !ok || !strings.Contains(pg.Message, clientCheck) {
			return err
		}
		c.db.noClientCheck.Store(true)
		if err := send("ROLLBACK"); err != nil {
			return err
		}
		return send(begin)
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

// translate reads the SQLSTATE (PostgreSQL manual, appendix A).
func (d postgresDialect) translate(err error, name string) *models.Error {
	if connect, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return d.refused(connect, name)
	}
	out := func(class models.Class, message, remedy string) *models.Error {
		return &models.Error{Class: class, Message: name + ": " + message, Remedy: remedy, Cause: err}
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok && broken(err):
		return out(models.Connection, "the connection broke", "See that PostgreSQL runs and that its server's log says why, then run it again.")
	case !ok:
		return out(models.Internal, "something unexpected went wrong", "The log has the details.")
	}
	on := ""
	if pg.TableName != "" {
		on = " on " + pg.TableName
	}
	if message, remedy := exhausted(pg.Code); message != "" {
		return out(models.Connection, message+" (SQLSTATE "+pg.Code+")", remedy)
	}
	switch code := pg.Code; {
	case code == "57014":
		return out(models.Canceled, "the statement was canceled", "")
	case code == "55P03":
		return out(models.Timeout, "a lock was not to be had in time"+on, "Another session holds it: look at pg_locks, then run again.")
	case code == "40001", code == "40P01":
		return out(models.Connection, "another transaction was in the way (SQLSTATE "+code+")", "Run it again.")
	case code == "28P01", code == "28000":
		return out(models.Permission, "the user name or password was refused", "Mend them in its URL.")
	case code == "3D000":
		return out(models.Connection, "the database does not exist", "Create it, or mend the name in its URL.")
	case code == "42501":
		return out(models.Permission, "the role may not do this: "+pg.Message, "Grant the right: docs/operations.md has the GRANT statements, under roles and rights.")
	case code == "25006":
		return &models.Error{Class: models.Permission, Message: name + " is read-only", Cause: err,
			Remedy: "In its URL, name the primary, not a standby."}
	case code == "42P01", code == "42703", code == "42704", code == "42P17":
		return out(models.Schema, pg.Message, "Run lifecycle-sync migrate, and compare the tables with README.")
	case strings.HasPrefix(code, "P0"), strings.HasPrefix(code, "09"), code == "27000", code == "44000", ownCode(code):
		return out(models.Constraint, "a trigger, function or view refused it"+on+" (SQLSTATE "+code+")",
			"Look at the triggers and rules"+on+" there: one of them refuses what is to be written.")
	case code == "2200H":
		return out(models.Unavailable, "the ids have run out (SQLSTATE 2200H)", "Its administrator can give the id column's sequence more room.")
	case strings.HasPrefix(code, "22"), strings.HasPrefix(code, "54"): // 54: of an index, for example
		return out(models.DataType, "a value does not fit"+on+" (SQLSTATE "+code+")", "")
	case strings.HasPrefix(code, "23"):
		what := strings.TrimSpace("constraint "+pg.ConstraintName) + on
		return out(models.Constraint, what+" was violated",
			"Look at "+what+": a foreign key of another application, or a check or trigger there, refuses what is to be written.")
	case strings.HasPrefix(code, "08"), strings.HasPrefix(code, "57P"), strings.HasPrefix(code, "53"):
		return out(models.Connection, pg.Message+" (SQLSTATE "+code+")", "See the server's log, then run it again.")
	default:
		return out(models.Internal, "unexpected answer (SQLSTATE "+code+")", "The log has the details.")
	}
}

// exhausted says of what the server has nothing left, and what to do about it.
func exhausted(code string) (message, remedy string) {
	switch code {
	case "53100":
		return "the server's disk is full", "Make room on it, then run it again."
	case "53200":
		return "the server ran out of memory", "See what else uses its memory, or give it more, then run it again."
	case "53300":
		return "the server has no connection left",
			"End connections that nobody needs, or raise max_connections or the limit of the role or database, then run it again."
	default:
		return "", ""
	}
}

// ownCode reports whether a SQLSTATE is of a class that whoever wrote a trigger has made: the standard
// leaves those that begin with I to Z to others, and PostgreSQL itself takes P0 and XX.
func ownCode(code string) bool {
	return code != "" && code[0] >= 'I' && code[0] <= 'Z' && !strings.HasPrefix(code, "XX")
}

// broken reports that the connection is gone, and not that we made a mistake. It takes no net.Error for
// that: a file's errors are such too.
func broken(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	for _, gone := range []error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed, driver.ErrBadConn, sql.ErrConnDone,
	} {
		if errors.Is(err, gone) {
			return true
		}
	}
	return false
}

// refused says why a connection did not come about. pgx's text holds user, host and database, and the
// server's may: where a URL is wrong, each of them may be a part of the password. So the cause is in
// our own words.
func (d postgresDialect) refused(err error, name string) *models.Error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		why := reason(err)
		if why == noAnswer {
			return &models.Error{Class: models.Connection, Message: name + " " + noAnswer, Cause: errors.New(noAnswer),
				Remedy: "See that PostgreSQL runs and that host and port in its URL are right, or raise CONNECT_TIMEOUT."}
		}
		return &models.Error{Class: models.Connection, Message: name + ": the connection failed: " + why, Cause: errors.New(why),
			Remedy: "See that PostgreSQL runs and that host, port and sslmode in its URL are right."}
	}
	said := &pgconn.PgError{Severity: "FATAL", Code: pg.Code, Message: "the server refused the connection"}
	e := d.translate(said, name)
	if e.Class != models.Connection && e.Class != models.Permission { // a parameter of the URL that the server does not know
		return &models.Error{Class: models.Connection, Message: name + ": " + said.Message + " (SQLSTATE " + said.Code + ")", Cause: said,
			Remedy: "See that the parameters in its URL are right; the server's log says more."}
	}
	return e
}

const noAnswer = "did not answer within the connect timeout"

// reason names what goes wrong when a connection is made.
func reason(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && !dns.IsTimeout {
		return "the host is not known"
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok && !errno.Timeout() {
		return errno.Error()
	}
	timeout, timed := errors.AsType[net.Error](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted:
		return "the server's certificate is not trusted"
	case timed && timeout.Timeout():
		return noAnswer
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return "the server does not offer TLS"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the other side ended it"
	default:
		return "host and client did not agree"
	}
}

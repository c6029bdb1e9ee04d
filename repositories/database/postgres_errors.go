package database

import (
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"lifecycle-sync/models"
)

// translate reads the SQLSTATE (PostgreSQL manual, appendix A).
func (d postgresDialect) translate(err error, name string) *models.Error {
	if connect, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return d.refused(connect, name)
	}
	e := d.explain(err, name)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		e.Transient = passes(pg.Code)
	} else {
		e.Transient = e.Class == models.Connection
	}
	return e
}

// passes reports whether what a SQLSTATE says is mostly over in a moment: connections that break, a server
// that ends or begins, too many sessions, a transaction that was in the way of another, also of a standby's
// recovery, a lock.
func passes(code string) bool {
	switch code {
	case serializationFailure, deadlock, "53300", "55P03", "57P01", "57P02", "57P03", "57P05":
		return true
	default:
		return strings.HasPrefix(code, "08")
	}
}

const (
	serializationFailure = "40001"
	deadlock             = "40P01"
)

// Collided reports whether an error is a deadlock or a serialization failure: the same transaction again
// mostly succeeds, but two that always collide never end.
func Collided(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == serializationFailure || pg.Code == deadlock)
}

func (d postgresDialect) explain(err error, name string) *models.Error {
	out := func(class models.Class, message, remedy string) *models.Error {
		return &models.Error{Class: class, LegacyMessage: name + ": " + message, LegacyRemedy: remedy, Cause: err}
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
	case code == serializationFailure, code == deadlock:
		return out(models.Connection, "another transaction was in the way (SQLSTATE "+code+")", "Run it again.")
	case code == "28P01", code == "28000":
		return out(models.Permission, "the user name or password was refused", "Mend them in its URL.")
	case code == "3D000":
		return out(models.Connection, "the database does not exist", "Create it, or mend the name in its URL.")
	case code == "42501":
		return out(models.Permission, "the role may not do this: "+pg.Message, "Grant the right: docs/operations.md has the GRANT statements, under roles and rights.")
	case code == "25006":
		return &models.Error{Class: models.Permission, LegacyMessage: name + " is read-only", Cause: err,
			LegacyRemedy: "In its URL, name the primary, not a standby."}
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
		passes, why := reason(err)
		if errors.Is(why, errNoAnswer) {
			return &models.Error{Class: models.Connection, Transient: true, LegacyMessage: name + " " + why.Error(), Cause: why,
				LegacyRemedy: "See that PostgreSQL runs and that host and port in its URL are right, or raise CONNECT_TIMEOUT."}
		}
		return &models.Error{Class: models.Connection, Transient: passes, LegacyMessage: name + ": the connection failed: " + why.Error(), Cause: why,
			LegacyRemedy: "See that PostgreSQL runs and that host, port and sslmode in its URL are right."}
	}
	said := &pgconn.PgError{Severity: "FATAL", Code: pg.Code, Message: "the server refused the connection"}
	e := d.translate(said, name)
	if e.Class != models.Connection && e.Class != models.Permission { // a parameter of the URL that the server does not know
		return &models.Error{Class: models.Connection, LegacyMessage: name + ": " + said.Message + " (SQLSTATE " + said.Code + ")", Cause: said,
			LegacyRemedy: "See that the parameters in its URL are right; the server's log says more."}
	}
	return e
}

var errNoAnswer = errors.New("did not answer within the connect timeout")

// reason names what goes wrong when a connection is made, and says whether that may pass by itself: a
// server that is not up yet, a name server or a network that is away.
func reason(err error) (passes bool, why error) {
	if dns, ok := errors.AsType[*net.DNSError](err); ok && !dns.IsTimeout {
		return true, errors.New("the host is not known")
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok && !errno.Timeout() {
		return errno != syscall.EACCES && errno != syscall.EPERM, errno
	}
	timeout, timed := errors.AsType[net.Error](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted:
		return false, errors.New("the server's certificate is not trusted")
	case timed && timeout.Timeout():
		return true, errNoAnswer
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return false, errors.New("the server does not offer TLS")
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return true, errors.New("the other side ended it")
	default:
		return false, errors.New("host and client did not agree")
	}
}

package database

import (
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgerrcode"
	"github.com/jackc/pgx/v5/pgconn"

	"lifecycle-sync/models"
)

// translate turns an error of pgx into one for people, by its SQLSTATE.
func (postgresDialect) translate(err error, name string) *models.Error {
	if connect, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return connectError(connect, name)
	}
	params := models.Params{"database": name}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok && isBroken(err):
		e := models.NewError(models.Connection, "database.connection_lost", params).WithRemedy("database.connection_lost_remedy", nil).WithCause(err)
		e.Transient = true
		return e
	case !ok:
		return models.NewError(models.Internal, "database.unexpected", params).WithRemedy("error.internal_remedy", nil).WithCause(err)
	}
	params["sqlstate"] = pg.Code
	for param, value := range map[string]string{"table": pg.TableName, "constraint": pg.ConstraintName} {
		if value != "" {
			params[param] = value
		}
	}
	class, code, remedy := explain(pg.Code)
	e := models.NewError(class, code, params).WithCause(err)
	if remedy != "" {
		e.Remedy = models.NewRemedy(remedy, params)
	}
	e.Transient = isTransient(pg.Code)
	return e
}

// isTransient reports whether a retry soon may succeed: the connection broke, the server is stopping or starting, it ended the
// session, it has too many sessions, or another transaction or a standby's recovery was in the way.
func isTransient(code string) bool {
	switch code {
	case pgerrcode.SerializationFailure, pgerrcode.DeadlockDetected, pgerrcode.TooManyConnections, pgerrcode.LockNotAvailable,
		pgerrcode.AdminShutdown, pgerrcode.CrashShutdown, pgerrcode.CannotConnectNow, pgerrcode.IdleInTransactionSessionTimeout, idleSessionTimeout, transactionTimedOut:
		return true
	default:
		return pgerrcode.IsConnectionException(code)
	}
}

// SQLSTATEs that pgerrcode lacks. Sessions switch these timeouts off, but parallel workers start with those of their role.
const (
	idleSessionTimeout  = "57P05"
	transactionTimedOut = "25P04"
)

// IsCollision reports whether an error is a deadlock or a serialization failure: the same transaction usually succeeds
// when it is repeated, but two that always collide never end.
func IsCollision(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == pgerrcode.SerializationFailure || pg.Code == pgerrcode.DeadlockDetected)
}

// explain returns what an SQLSTATE means (PostgreSQL manual, appendix A): class, code of the text, code of the remedy.
func explain(code string) (class models.Class, text, remedy string) {
	switch code {
	case pgerrcode.DiskFull:
		return models.Connection, "database.disk_full", "database.disk_full_remedy"
	case pgerrcode.OutOfMemory:
		return models.Connection, "database.out_of_memory", "database.out_of_memory_remedy"
	case pgerrcode.TooManyConnections:
		return models.Connection, "database.too_many_connections", "database.too_many_connections_remedy"
	case pgerrcode.QueryCanceled:
		return models.Canceled, "database.canceled", ""
	case pgerrcode.LockNotAvailable:
		return models.Timeout, "database.lock_timeout", "database.lock_timeout_remedy"
	case pgerrcode.SerializationFailure, pgerrcode.DeadlockDetected:
		return models.Connection, "database.collision", "database.collision_remedy"
	case pgerrcode.InvalidPassword, pgerrcode.InvalidAuthorizationSpecification:
		return models.Permission, "database.login_refused", "database.login_refused_remedy"
	case pgerrcode.InvalidCatalogName:
		return models.Connection, "database.no_database", "database.no_database_remedy"
	case pgerrcode.InsufficientPrivilege:
		return models.Permission, "database.privilege_missing", "database.privilege_missing_remedy"
	case pgerrcode.ReadOnlySQLTransaction:
		return models.Permission, "database.read_only", "database.read_only_remedy"
	case pgerrcode.UndefinedTable, pgerrcode.UndefinedColumn, pgerrcode.UndefinedObject, pgerrcode.InvalidObjectDefinition:
		return models.Schema, "database.object_missing", "database.object_missing_remedy"
	case pgerrcode.SequenceGeneratorLimitExceeded:
		return models.Unavailable, "database.ids_exhausted", "database.ids_exhausted_remedy"
	}
	switch {
	case pgerrcode.IsPLpgSQLError(code), pgerrcode.IsTriggeredActionException(code), pgerrcode.IsTriggeredDataChangeViolation(code),
		pgerrcode.IsWithCheckOptionViolation(code), isApplicationCode(code):
		return models.Constraint, "database.trigger", "database.trigger_remedy"
	case pgerrcode.IsDataException(code), pgerrcode.IsProgramLimitExceeded(code): // the latter of an index, for example
		return models.DataType, "database.value", ""
	case pgerrcode.IsIntegrityConstraintViolation(code):
		return models.Constraint, "database.constraint", "database.constraint_remedy"
	case pgerrcode.IsConnectionException(code), pgerrcode.IsInsufficientResources(code), endsSession(code):
		return models.Connection, "database.unavailable", "database.unavailable_remedy"
	default:
		return models.Internal, "database.unexpected", "error.internal_remedy"
	}
}

// endsSession reports whether an operator or a timeout ended the server or the session.
func endsSession(code string) bool {
	return strings.HasPrefix(code, "57P") || code == pgerrcode.IdleInTransactionSessionTimeout || code == transactionTimedOut
}

// isApplicationCode reports whether a trigger's author made up the SQLSTATE: the standard leaves classes that begin
// with I to Z to implementations, and PostgreSQL itself uses P0 and XX.
func isApplicationCode(code string) bool {
	return code != "" && code[0] >= 'I' && code[0] <= 'Z' && !strings.HasPrefix(code, "XX")
}

// isBroken reports whether the connection is gone. It ignores net.Error, which errors of files implement, too.
func isBroken(err error) bool {
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return slices.ContainsFunc([]error{io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, pgconn.ErrConnClosed, driver.ErrBadConn, sql.ErrConnDone},
		func(gone error) bool { return errors.Is(err, gone) })
}

// connectError explains why a connection was not established. The texts of pgx and of the server are not kept: they may
// contain user, host and database, each of which may be a part of the password if the URL is wrong.
func connectError(err error, name string) *models.Error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		refusal := &pgconn.PgError{Severity: "FATAL", Code: pg.Code, Message: "the server refused the connection"}
		if strings.Contains(pg.Message, "max_client_conn") { // PgBouncer, which reports 08P01
			refusal.Code = pgerrcode.TooManyConnections
		}
		e := postgresDialect{}.translate(refusal, name)
		if e.Class != models.Connection && e.Class != models.Permission { // a parameter of the URL that the server does not know
			return models.NewError(models.Connection, "database.url_refused", models.Params{"database": name, "sqlstate": pg.Code}).
				WithRemedy("database.url_refused_remedy", nil).WithCause(refusal)
		}
		return e
	}
	e := networkError(err, models.Params{"database": name})
	if e.Remedy == nil {
		e.Remedy = models.NewRemedy("database.connect_remedy", nil)
	}
	return e
}

const noAnswerCode = "database.no_answer"

// networkError explains why a server cannot be reached. It is transient if the server is not up yet, or a name server or
// a network is down.
func networkError(err error, params models.Params) *models.Error {
	failure := func(code string, transient bool) *models.Error {
		e := models.NewError(models.Connection, code, params)
		e.Transient = transient
		return e
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok && !dns.IsTimeout {
		return failure("database.host_unknown", true)
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok && !errno.Timeout() {
		params["reason"] = errno.Error()
		return failure("database.connect_failed", errno != syscall.EACCES && errno != syscall.EPERM).WithCause(errno)
	}
	timeout, timed := errors.AsType[net.Error](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	switch {
	case untrusted:
		return failure("database.untrusted_certificate", false)
	case timed && timeout.Timeout():
		return failure(noAnswerCode, true).WithRemedy("database.no_answer_remedy", nil)
	case strings.Contains(err.Error(), "server refused TLS connection"):
		return failure("database.no_tls", false)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return failure("database.closed", true)
	default:
		return failure("database.handshake", false)
	}
}

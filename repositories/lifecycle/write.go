package lifecycle

import (
	"context"
	"fmt"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// outcomeTime bounds the look whether a commit arrived whose answer was lost.
const outcomeTime = 5 * time.Second

// Tx is a write through the API: one transaction in lifecycle_db, used by one goroutine at a time.
type Tx struct {
	Now    time.Time // the database's clock, to the microsecond: what updated_at becomes
	xid    *int64    // nil on SQLite
	source *Source
	conn   *database.Conn
}

// InTx runs fn in one write transaction, which commits when fn returns nil; on SQLite it holds the one
// write lock from the beginning. When the answer to the commit is lost, the outcome is looked up.
// Errors: fn's; forbidden when the server is a standby; unavailable when it cannot even log in, or when on
// SQLite another program holds the write lock;
// connection, timeout, constraint; UnknownOutcomeError behind a connection error when nobody can tell.
func (s *Source) InTx(ctx context.Context, fn func(tx *Tx) error) error {
	conn, err := s.db.BeginConn(ctx, database.Write)
	if err != nil {
		switch models.AsError(err).Class {
		case models.Permission:
			return models.NewError(models.Unavailable, "lifecycle.login_refused", nil).WithRemedy("lifecycle.login_refused_remedy", nil).WithCause(err)
		case models.Busy: // SQLite
			return models.NewError(models.Unavailable, "lifecycle.locked", nil).WithRemedy("lifecycle.locked_remedy", nil).WithCause(err)
		default:
			return err
		}
	}
	defer conn.Close()
	tx := &Tx{source: s, conn: conn}
	if tx.xid, tx.Now, err = conn.TransactionID(ctx); err != nil {
		return writeError(err)
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := conn.Commit(ctx); err != nil {
		return s.afterCommit(ctx, tx, err)
	}
	return nil
}

// writeError turns a missing privilege into Forbidden. It is for statements in lifecycle_db only: fn uses pmo_db
// too, where a missing privilege is not the client's.
func writeError(err error) error {
	e := models.AsError(err)
	if err == nil || e.Class != models.Permission {
		return err
	}
	return models.NewError(models.Forbidden, "lifecycle.read_only", nil).WithRemedy("lifecycle.read_only_remedy", nil).WithCause(err)
}

// UnknownOutcomeError is the cause of an error after which a write may have been done or not.
type UnknownOutcomeError struct{ cause error }

// Error says so.
func (UnknownOutcomeError) Error() string { return "whether the write was committed is not known" }

// Unwrap returns what went wrong.
func (o UnknownOutcomeError) Unwrap() error { return o.cause }

// afterCommit finds out whether a commit took place whose answer was an error.
func (s *Source) afterCommit(ctx context.Context, tx *Tx, err error) error {
	if tx.xid == nil || models.AsError(err).Class == models.Constraint {
		return err // SQLite, and a server that answered, are sure
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outcomeTime)
	defer cancel()
	switch outcome, lookErr := s.Outcome(ctx, models.Mark{XID: tx.xid}); {
	case lookErr == nil && outcome == Committed:
		return nil
	case lookErr == nil && outcome == Aborted:
		return err
	default:
		return models.NewError(models.Connection, "lifecycle.unknown_outcome", nil).WithRemedy("lifecycle.unknown_outcome_remedy", nil).WithCause(UnknownOutcomeError{err})
	}
}

// What a write does to a row.
const (
	Inserted = "insert"
	Updated  = "update"
	Deleted  = "delete"
)

// Mark is how to find out later whether this transaction, which does action to a row, committed.
func (tx *Tx) Mark(table string, id int64, action string) models.Mark {
	return models.Mark{XID: tx.xid, Table: &table, RowID: &id, Stamp: &tx.Now, Action: &action}
}

// Outcome is what became of a transaction.
type Outcome string

// The outcomes. InProgress may yet become either of the others.
const (
	Committed  Outcome = "committed"
	Aborted    Outcome = "aborted"
	InProgress Outcome = "in progress"
)

// Outcome tells what became of the transaction that a mark was taken from. PostgreSQL remembers that by
// the transaction's id, for long enough. On SQLite, and where it has forgotten, the row itself tells.
// Errors: connection, timeout.
func (s *Source) Outcome(ctx context.Context, m models.Mark) (Outcome, error) {
	// On SQLite the write lock, which whoever is in the midst of the write holds.
	conn, err := s.db.BeginConn(ctx, database.Write)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if m.XID != nil {
		var status *string
		err := conn.QueryRow(ctx, "SELECT CASE WHEN $1::bigint < pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN pg_xact_status($1::bigint::text::xid8) END",
			[]any{*m.XID}, &status)
		if err != nil || status != nil {
			return Outcome(value(status)), err
		}
	}
	return s.outcomeByRow(ctx, conn, m)
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func (s *Source) outcomeByRow(ctx context.Context, conn *database.Conn, m models.Mark) (Outcome, error) {
	if m.Table == nil { // nothing tells
		return InProgress, nil
	}
	there := false
	var created, updated time.Time
	for cells, err := range conn.Rows(ctx, fmt.Sprintf("SELECT created_at, updated_at FROM %s WHERE id = %d", *m.Table, *m.RowID)) {
		if err != nil {
			return "", err
		}
		there = true
		created, _ = models.ParseTimestamp(string(cells[0])) // what is none was not written by us
		updated, _ = models.ParseTimestamp(string(cells[1]))
	}
	switch {
	case *m.Action == Inserted && there && created.Equal(*m.Stamp),
		*m.Action == Updated && there && !updated.Before(*m.Stamp),
		*m.Action == Deleted && !there:
		return Committed, nil
	default:
		return Aborted, nil
	}
}

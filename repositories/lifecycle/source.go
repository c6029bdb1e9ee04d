// Package lifecycle holds all SQL against lifecycle_db, the source of truth: the snapshots and changes that sync
// reads, the API's writes, and the demo data. Sync never writes a row there.
package lifecycle

import (
	"context"
	"fmt"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// Source is lifecycle_db.
type Source struct {
	db                  *database.DB
	products, histories *models.Table
}

// New returns the source behind a pool.
func New(db *database.DB) *Source {
	return &Source{db: db, products: models.TableNamed(ProductTable), histories: models.TableNamed(HistoryTable)}
}

// Features are those of the source's database system.
func (s *Source) Features() database.Features { return s.db.Features() }

// Ping opens a connection unless there is one. Errors: connection, permission.
func (s *Source) Ping(ctx context.Context) error { return s.db.Translate(s.db.SQL.PingContext(ctx)) }

// Heartbeat returns an error once lifecycle_db has not answered for the network timeout, nil when ctx ends.
func (s *Source) Heartbeat(ctx context.Context) error { return s.db.Heartbeat(ctx) }

// Snapshot is one consistent state of the source, read through one or more connections, each by one reader at a time.
// It must be closed.
type Snapshot struct { //nolint:recvcheck // closing a nil snapshot is allowed
	Horizon *int64 // pg_snapshot_xmin; nil on SQLite
	Next    int64  // pg_snapshot_xmax: the first transaction id not yet assigned; 0 on SQLite
	Probe   string // the server's own hash of a fixed row
	Tables  []*models.Table
	Infos   map[string]database.TableInfo // by source name

	source  *Source
	conn    *database.Conn
	name    string   // by which further connections join the snapshot
	locked  []string // tables
	hashing database.Hashing
}

// Snapshot opens a snapshot of the given tables after checking that they match their models. Tables leaves out
// optional tables that do not exist. Errors: connection, permission, schema (all problems with their remedies),
// timeout (names the table that another session has locked).
func (s *Source) Snapshot(ctx context.Context, tables []*models.Table) (*Snapshot, error) {
	locked, err := s.lockable(ctx, tables)
	if err != nil {
		return nil, err
	}
	return Snapshot{source: s, locked: locked}.begin(ctx, func(snap *Snapshot) error { return snap.open(ctx, tables) })
}

// lockable lists the tables that a snapshot locks, before its transaction begins.
func (s *Source) lockable(ctx context.Context, tables []*models.Table) ([]string, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.LockableTables(ctx, sourceNames(tables))
}

// begin returns a copy of the snapshot that has a new connection, which setUp prepares.
func (s Snapshot) begin(ctx context.Context, setUp func(*Snapshot) error) (_ *Snapshot, err error) {
	if s.conn, err = s.source.db.BeginConn(ctx, database.ReadOnly); err != nil {
		return nil, err
	}
	if err := setUp(&s); err != nil {
		s.conn.Close()
		return nil, err
	}
	return &s, nil
}

func (s *Snapshot) open(ctx context.Context, tables []*models.Table) (err error) {
	if err := s.conn.LockDefinitions(ctx, s.locked); err != nil {
		return err
	}
	if s.Infos, err = s.conn.Inspect(ctx, sourceNames(tables)); err != nil {
		return err
	}
	if err := s.source.preflight(s.Infos, tables); err != nil {
		return err
	}
	for _, t := range tables {
		if s.Infos[t.Source].Exists {
			s.Tables = append(s.Tables, t)
		}
	}
	if err := s.checkUniqueIDs(ctx); err != nil || !s.Features().RowHashes {
		return err
	}
	if s.Probe, _, err = s.conn.ProbeHash(ctx); err != nil {
		return err
	}
	if s.hashing.Encoding, err = s.conn.Encoding(ctx); err != nil {
		return err
	}
	if err := s.allowAnyText(ctx); err != nil {
		return err
	}
	return s.conn.QueryRow(ctx, bounds+", pg_export_snapshot()", nil, &s.Horizon, &s.Next, &s.name)
}

// Resnapshot opens a later snapshot of the tables of an earlier one, which may be closed, without examining the
// catalogue again. Other connections cannot join it. Identify reports changed tables. PostgreSQL only. Errors: connection.
func (s *Source) Resnapshot(ctx context.Context, earlier *Snapshot) (*Snapshot, error) {
	return earlier.begin(ctx, func(later *Snapshot) error {
		later.name = ""
		if err := later.conn.LockDefinitions(ctx, later.locked); err != nil {
			return err
		}
		if err := later.conn.QueryRow(ctx, bounds, nil, &later.Horizon, &later.Next); err != nil {
			return err
		}
		return later.allowAnyText(ctx)
	})
}

// bounds reads what a snapshot's transaction ids lie between.
const bounds = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint"

// allowAnyText lets an SQL_ASCII server send bytes that are not valid text, which it would refuse; the row query
// quarantines them.
func (s *Snapshot) allowAnyText(ctx context.Context) (err error) {
	if s.hashing.Encoding.ASCII() {
		_, err = s.conn.Exec(ctx, "SET LOCAL client_encoding = 'SQL_ASCII'")
	}
	return err
}

// checkUniqueIDs checks that ids are unique where no key guarantees it: in views, foreign tables, tables with child tables,
// and if the key allows NULL.
func (s *Snapshot) checkUniqueIDs(ctx context.Context) error {
	for _, t := range s.Tables {
		if s.Infos[t.Source].UniqueIDs() {
			continue
		}
		var duplicates int64
		if err := s.conn.QueryRow(ctx, countDuplicateIDs(t), nil, &duplicates); err != nil {
			return err
		}
		if duplicates > 0 {
			problem := DuplicateIDs(t, duplicates)
			return &models.Error{Class: models.Schema, Text: problem.Text, Remedy: problem.Remedy}
		}
	}
	return nil
}

// Portable makes the snapshot hash rows in the way that two different servers agree on.
func (s *Snapshot) Portable() { s.hashing.Portable = true }

// Join opens another connection to the same snapshot for a second reader. PostgreSQL only.
func (s *Snapshot) Join(ctx context.Context) (*Snapshot, error) {
	return s.begin(ctx, func(joined *Snapshot) error {
		if _, err := joined.conn.Exec(ctx, "SET TRANSACTION SNAPSHOT '"+s.name+"'"); err != nil {
			return fmt.Errorf("joining the snapshot: %w", err)
		}
		return joined.conn.LockDefinitions(ctx, joined.locked)
	})
}

// Close ends the snapshot and returns its connection to the pool.
func (s *Snapshot) Close() { s.conn.Close() }

// Features are those of the source's database system.
func (s *Snapshot) Features() database.Features { return s.source.Features() }

// Package lifecycle holds all SQL against lifecycle_db, the source of truth: what the sync reads of
// it in one snapshot, and the demonstration data. Sync never writes a row there.
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

// Ping connects, if no connection is there yet. Errors: connection, permission.
func (s *Source) Ping(ctx context.Context) error {
	return s.db.Translate(s.db.SQL.PingContext(ctx))
}

// Heartbeat returns an error when lifecycle_db has not answered for the network timeout, nil when ctx ends.
func (s *Source) Heartbeat(ctx context.Context) error { return s.db.Heartbeat(ctx) }

// Snapshot is one consistent state of the source, read through one or more connections. It must be
// closed. A connection serves one reader at a time.
type Snapshot struct {
	Horizon *int64 // pg_snapshot_xmin, nil on SQLite
	Next    int64  // pg_snapshot_xmax: the first transaction id that was not given yet; 0 on SQLite
	Probe   string // what the server's own hash function makes of a fixed row
	Tables  []*models.Table
	Infos   map[string]database.TableInfo // by source name

	source  *Source
	conn    *database.Conn
	name    string // by which further connections join the snapshot
	held    []string
	hashing database.Hashing
	ascii   bool // SQL_ASCII: text may be anything
}

// Snapshot opens a snapshot of the given tables, after checking that they can be read as the models
// say. Optional tables that are not there are left out of Tables. Errors: connection, permission,
// schema (with every problem found and its mending), timeout (names the table that another session holds).
func (s *Source) Snapshot(ctx context.Context, tables []*models.Table) (*Snapshot, error) {
	held, err := s.holdable(ctx, tables)
	if err != nil {
		return nil, err
	}
	conn, err := s.db.BeginConn(ctx, database.ReadOnly)
	if err != nil {
		return nil, err
	}
	snap := &Snapshot{source: s, conn: conn, held: held}
	if err := snap.open(ctx, tables); err != nil {
		conn.Close()
		return nil, err
	}
	return snap, nil
}

// holdable lists the tables that a snapshot is to hold, before its transaction begins.
func (s *Source) holdable(ctx context.Context, tables []*models.Table) ([]string, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	return conn.LockableTables(ctx, sourceNames(tables))
}

func (s *Snapshot) open(ctx context.Context, tables []*models.Table) error {
	names := sourceNames(tables)
	if err := s.conn.LockDefinitions(ctx, s.held); err != nil {
		return err
	}
	infos, err := s.conn.Inspect(ctx, names)
	if err != nil {
		return err
	}
	s.Infos = infos
	if err := s.check(tables); err != nil {
		return err
	}
	if err := s.checkKeyless(ctx); err != nil {
		return err
	}
	if !s.Features().RowHashes {
		return nil
	}
	var encoding string
	if s.Probe, encoding, err = s.conn.ProbeHash(ctx); err != nil {
		return err
	}
	s.hashing.Convert = encoding != "UTF8" && encoding != "SQL_ASCII"
	if s.ascii = encoding == "SQL_ASCII"; s.ascii {
		if _, err := s.conn.Exec(ctx, asciiClient); err != nil {
			return err
		}
	}
	return s.conn.QueryRow(ctx, bounds+", pg_export_snapshot()", nil, &s.Horizon, &s.Next, &s.name)
}

// Resnap opens a later snapshot than an earlier one, which may be closed, of the same tables without looking
// at the catalogue again; nobody can join it. Identify tells whether they are still the same. PostgreSQL
// only. Errors: connection.
func (s *Source) Resnap(ctx context.Context, earlier *Snapshot) (*Snapshot, error) {
	conn, err := s.db.BeginConn(ctx, database.ReadOnly)
	if err != nil {
		return nil, err
	}
	later := *earlier
	later.conn, later.name = conn, ""
	if err = conn.LockDefinitions(ctx, later.held); err == nil {
		err = conn.QueryRow(ctx, bounds, nil, &later.Horizon, &later.Next)
	}
	if err == nil && later.ascii {
		_, err = conn.Exec(ctx, asciiClient)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &later, nil
}

// bounds reads what a snapshot's transaction ids lie between.
const bounds = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, pg_snapshot_xmax(pg_current_snapshot())::text::bigint"

// asciiClient lets the bytes of an SQL_ASCII database come as they are, to be judged; the server would refuse
// to send them.
const asciiClient = "SET LOCAL client_encoding = 'SQL_ASCII'"

// check fills Tables, or reports every table and column that is not as the models say.
func (s *Snapshot) check(tables []*models.Table) error {
	for _, t := range tables {
		if s.Infos[t.Source].Exists {
			s.Tables = append(s.Tables, t)
		}
	}
	return database.Preflight(s.source.TableChecks(s.Infos), tables, "schema.source_unusable", "schema.source_unusable_remedy")
}

// checkKeyless counts the ids of views and foreign tables, which cannot have a key.
func (s *Snapshot) checkKeyless(ctx context.Context) error {
	for _, t := range s.Tables {
		if !s.Infos[t.Source].Keyless {
			continue
		}
		var duplicates int64
		if err := s.conn.QueryRow(ctx, spareIDs(t), nil, &duplicates); err != nil {
			return err
		}
		if duplicates > 0 {
			problem := DuplicateIDs(t, duplicates)
			return &models.Error{Class: models.Schema, Text: problem.Text, Remedy: problem.Remedy}
		}
	}
	return nil
}

// Portable makes the snapshot hash rows in the way that two differing servers agree on.
func (s *Snapshot) Portable() { s.hashing.Portable = true }

// Join opens another connection to the same snapshot, so that two readers can work at once.
// PostgreSQL only.
func (s *Snapshot) Join(ctx context.Context) (*Snapshot, error) {
	conn, err := s.source.db.BeginConn(ctx, database.ReadOnly)
	if err != nil {
		return nil, err
	}
	joined := *s
	joined.conn = conn
	statement := "SET TRANSACTION SNAPSHOT '" + s.name + "'"
	if _, err := conn.Exec(ctx, statement); err != nil {
		conn.Close()
		return nil, fmt.Errorf("joining the snapshot: %w", err)
	}
	if err := conn.LockDefinitions(ctx, s.held); err != nil {
		conn.Close()
		return nil, err
	}
	return &joined, nil
}

// Close gives the connection back and ends the snapshot.
func (s *Snapshot) Close() { s.conn.Close() }

// Features are those of the source's database system.
func (s *Snapshot) Features() database.Features { return s.source.Features() }

// Package pmo connects to pmo_db: sessions and transactions, the schema, and the mirror's version. Its
// sub-packages hold the SQL: catalog, journal, mirror, outbox and attachments.
package pmo

import (
	"context"
	"io"
	"iter"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/migrations"
)

// Session runs the statements of a repository: all in one transaction, by one goroutine at a time, or, outside of a
// transaction, each on its own connection of the pool.
type Session struct {
	database.Dialect

	db     *database.DB
	conn   *database.Conn  // the transaction; nil outside of one
	tables []*models.Table // the mirrored tables, parents before children
}

// Gorm returns GORM on the transaction or the pool.
func (s *Session) Gorm(ctx context.Context) *gorm.DB {
	if s.conn != nil {
		return s.conn.Gorm(ctx)
	}
	return s.db.WithContext(ctx)
}

// Query streams a query's rows as text cells, nil for NULL. A yielded row is valid until the next.
func (s *Session) Query(ctx context.Context, query string, args ...any) iter.Seq2[[][]byte, error] {
	if s.conn != nil {
		return s.conn.Rows(ctx, query, args...)
	}
	return s.db.Query(ctx, query, args...)
}

// Row reads the mirrored row with an id, nil if there is none. Only in a transaction.
func (s *Session) Row(ctx context.Context, t *models.Table, id int64) (*models.Row, error) {
	return s.conn.ReadRow(ctx, t, t.Mirror, id, false)
}

// Rows reads the mirrored rows with some ids, in the order of the ids. Only in a transaction.
func (s *Session) Rows(ctx context.Context, t *models.Table, ids []int64) ([]models.Row, error) {
	return s.conn.ReadRows(ctx, t, t.Mirror, ids, false)
}

// CopyIn sends text of COPY to a target, "table (columns)". Only in a transaction, on PostgreSQL.
func (s *Session) CopyIn(ctx context.Context, r io.Reader, target string) error {
	_, err := s.conn.CopyIn(ctx, r, target, "text")
	return err
}

// Exec runs a statement. Only in a transaction.
func (s *Session) Exec(ctx context.Context, statement string, args ...any) error {
	_, err := s.conn.Exec(ctx, statement, args...)
	return err
}

// DeleteIDs deletes, in the transaction, the rows whose last named column is one of the ids: target is "table WHERE
// id". It is raw, because GORM would bind every id as a parameter.
func (s *Session) DeleteIDs(ctx context.Context, target string, ids []int64) error {
	const chunk = 10_000
	for part := range slices.Chunk(ids, chunk) {
		condition, args := s.AnyOf("", part)
		if _, err := s.conn.Exec(ctx, "DELETE FROM "+target+condition, args...); err != nil {
			return err
		}
	}
	return nil
}

// First returns the first row of a query, nil if there is none. Errors: connection, timeout, schema.
func First[T any](s *Session, query *gorm.DB) (*T, error) {
	var found []T
	if err := query.Limit(1).Find(&found).Error; err != nil || len(found) == 0 {
		return nil, s.Translate(err)
	}
	return &found[0], nil
}

// Now returns the database's time. Raw, because GORM has no SELECT without a table. Errors: connection, timeout.
func (s *Session) Now(ctx context.Context) (now models.Instant, err error) {
	err = s.Gorm(ctx).Raw("SELECT " + s.Clock(0)).Scan(&now).Error
	return now, s.Translate(err)
}

// Translate turns an error of the database into a models.Error; nil stays nil.
func (s *Session) Translate(err error) error { return s.db.Translate(err) }

// Fitting is an expression for a column's value in its canonical form, NULL where the value cannot be mirrored.
func (s *Session) Fitting(expr string, c models.Column) string { return s.db.Fitting(expr, c) }

// ReadableColumns selects a table's columns; a value that cannot be mirrored reads as NULL.
func (s *Session) ReadableColumns(alias string, t *models.Table) string {
	return s.db.ReadableColumns(alias, t)
}

// Attached selects the visible files: their write has committed, their product exists, and they are not removed.
func (s *Session) Attached(ctx context.Context) *gorm.DB {
	return s.Gorm(ctx).Model(&models.Attachment{}).Where("state <> ? AND closed_at IS NULL AND removed_at IS NULL", models.AttachmentPending)
}

// RecordsOf returns the ids of some products' mirrored stage history records. Errors: connection, timeout.
func (s *Session) RecordsOf(ctx context.Context, productIDs []int64) (ids []int64, err error) {
	err = s.Gorm(ctx).Table(s.Table("tbl_stage_histori").Mirror).Where("id_produk IN ?", productIDs).Pluck("id", &ids).Error
	return ids, s.Translate(err)
}

// NewestMove returns the id of the mirrored record that decides a product's stage, 0 for none. Those of without do not count.
func (s *Session) NewestMove(ctx context.Context, product int64, until time.Time, without []int64) (int64, error) {
	var newest []int64
	err := s.Gorm(ctx).Table(s.Table("tbl_stage_histori").Mirror).
		Where("id_produk = ? AND stage_now IS NOT NULL AND tanggal_perubahan <= ? AND id NOT IN ?", product, models.InstantOf(until), append(without, 0)).
		Order("tanggal_perubahan DESC, id DESC").Limit(1).Pluck("id", &newest).Error
	if err != nil || len(newest) == 0 {
		return 0, s.Translate(err)
	}
	return newest[0], nil
}

// Tables are the mirrored tables, parents before children.
func (s *Session) Tables() []*models.Table { return s.tables }

// Table returns the mirrored table that lifecycle_db calls source; nil if there is none.
func (s *Session) Table(source string) *models.Table { return models.FindTable(s.tables, source) }

// Store is a pool of connections to pmo_db. Repositories use its Session outside of transactions.
type Store struct{ *Session }

// New returns the store on a pool, for the given mirrored tables.
func New(db *database.DB, tables []*models.Table) *Store {
	return &Store{&Session{Dialect: db.Dialect, db: db, tables: tables}}
}

// Begin begins a transaction, which ends with its connection, and returns it with the session in it. Errors: busy,
// connection, timeout.
func (s *Store) Begin(ctx context.Context, mode database.TxMode) (*database.Conn, *Session, error) {
	conn, err := s.db.BeginConn(ctx, mode)
	return conn, &Session{Dialect: s.Dialect, db: s.db, tables: s.tables, conn: conn}, err
}

// DirectConn opens a connection outside of the pool, and around a pooler if its URL is configured. PostgreSQL only. Errors:
// connection, permission, configuration.
func (s *Store) DirectConn(ctx context.Context, purpose string) (*database.DedicatedConn, error) {
	return s.db.DirectConn(ctx, purpose)
}

// Name is the database's name in messages.
func (s *Store) Name() string { return s.db.Name }

// View runs fn in one read-only snapshot of pmo_db and returns the mirror's version in it. Errors: fn's,
// connection, timeout, schema.
func (s *Store) View(ctx context.Context, fn func(s *Session) error) (version int64, err error) {
	conn, session, err := s.Begin(ctx, database.ReadOnly)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if err := conn.QueryRow(ctx, versionQuery, nil, &version); err != nil {
		return 0, err
	}
	return version, fn(session)
}

// InTx runs fn in one write transaction, which commits when fn returns nil. On SQLite it waits for the
// write lock. Errors: fn's, busy, connection, timeout.
func (s *Store) InTx(ctx context.Context, fn func(s *Session) error) error {
	conn, session, err := s.Begin(ctx, database.Write)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := fn(session); err != nil {
		return err
	}
	return conn.Commit(ctx)
}

// Ping opens the two connections that a run uses, at the same time. Errors: connection, permission.
func (s *Store) Ping(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	if !s.Features().Server {
		group.SetLimit(1) // the first connection creates the file, which the second must not open at the same time
	}
	for range 2 {
		group.Go(func() error {
			conn, err := s.db.Conn(groupCtx)
			if err == nil {
				defer conn.Close()
			}
			return err
		})
	}
	return group.Wait()
}

// Inspector inspects the server and the tables.
func (s *Store) Inspector() *database.Inspector { return s.db.Inspector() }

// Heartbeat returns an error once pmo_db has not answered for the network timeout, nil when ctx ends.
func (s *Store) Heartbeat(ctx context.Context) error { return s.db.Heartbeat(ctx) }

// Migrate creates or upgrades the tables and returns the number of migrations applied. Errors: schema,
// permission, connection.
func (s *Store) Migrate(ctx context.Context) (int, error) {
	return migrations.Up(ctx, s.db, func(ctx context.Context) error {
		infos, err := s.Inspector().Inspect(ctx, s.MirrorNames())
		if err != nil {
			return err
		}
		return s.Preflight(nil, infos, false)
	})
}

// SchemaVersion returns the version of the schema, 0 if it was never migrated, and the version that this binary
// needs. Errors: permission, connection.
func (s *Store) SchemaVersion(ctx context.Context) (current, latest int64, err error) {
	return migrations.Version(ctx, s.db)
}

// DeliversNotifications reports whether a notification of one connection reaches another within a timeout, as the
// processes of the API need it. PostgreSQL only. Errors: connection.
func (s *Store) DeliversNotifications(ctx context.Context, token string, timeout time.Duration) (bool, error) {
	const channel = "lifecycle_doctor"
	listener, err := s.db.DirectConn(ctx, "doctor")
	if err != nil {
		return false, err
	}
	defer listener.Close()
	if err := listener.Listen(ctx, channel); err != nil {
		return false, err
	}
	if err := s.Gorm(ctx).Exec("SELECT pg_notify(?, ?)", channel, token).Error; err != nil {
		return false, s.Translate(err)
	}
	for deadline := time.Now().Add(timeout); ; {
		payload, received, err := listener.WaitNotification(ctx, deadline)
		if err != nil || !received || payload == token { // another doctor may be running, too
			return received, err
		}
	}
}

package lifecycle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
)

// outcomeTimeout bounds looking up whether a commit without an answer succeeded.
const outcomeTimeout = 5 * time.Second

// Tx is an API write: one transaction in lifecycle_db, used by one goroutine at a time.
type Tx struct {
	Now     time.Time // the database's clock, to the microsecond; becomes updated_at
	xid     *int64    // nil on SQLite
	source  *Source
	conn    *database.Conn
	before  map[rowKey]*models.Row // the rows that were read to be written, as they were at first; nil for new ones
	written map[rowKey]bool
	order   []rowKey // of the rows that were written
}

// rowKey identifies a row of lifecycle_db.
type rowKey struct {
	table string
	id    int64
}

// InTx runs fn in a write transaction, which commits when fn returns nil; on SQLite it holds the write lock from the
// start. If the answer to the commit is lost, the outcome is looked up. Errors: fn's; forbidden on a standby;
// unavailable if the server refuses the login, or on SQLite another program holds the write lock; connection, timeout,
// constraint; UnknownOutcomeError behind a connection error if the outcome cannot be determined.
func (s *Source) InTx(ctx context.Context, fn func(tx *Tx) error) error {
	conn, err := s.db.BeginConn(ctx, database.Write)
	if err != nil {
		switch models.AsError(err).Class {
		case models.Permission:
			return models.NewError(models.Unavailable, "lifecycle.login_refused", nil).WithRemedy("lifecycle.login_refused_remedy", nil).WithCause(err)
		case models.Busy: // SQLite
			return models.NewError(models.Unavailable, "lifecycle.locked", nil).WithRemedy("lifecycle.locked_remedy", nil).WithCause(err).AsExpected()
		default:
			return err
		}
	}
	defer conn.Close()
	tx := &Tx{source: s, conn: conn, before: map[rowKey]*models.Row{}, written: map[rowKey]bool{}}
	if tx.xid, tx.Now, err = conn.TransactionID(ctx); err != nil {
		return writeError(err)
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := conn.Commit(ctx); err != nil {
		return s.commitError(ctx, tx, err)
	}
	return nil
}

// writeError turns a missing privilege into Forbidden. It is for statements in lifecycle_db only: fn uses pmo_db too,
// where a missing privilege is not the client's fault.
func writeError(err error) error {
	e := models.AsError(err)
	if err == nil || e.Class != models.Permission {
		return err
	}
	return models.NewError(models.Forbidden, "lifecycle.read_only", nil).WithRemedy("lifecycle.read_only_remedy", nil).WithCause(err)
}

// UnknownOutcomeError is the cause of an error after which a write may or may not have been committed.
type UnknownOutcomeError struct{ cause error }

// Error describes the error.
func (UnknownOutcomeError) Error() string { return "unknown whether the write was committed" }

// Unwrap returns the commit's error.
func (o UnknownOutcomeError) Unwrap() error { return o.cause }

// commitError returns the error of a commit, nil if it turns out to have succeeded.
func (s *Source) commitError(ctx context.Context, tx *Tx, err error) error {
	if tx.xid == nil || models.AsError(err).Class == models.Constraint {
		return err // SQLite or the server has answered
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), outcomeTimeout)
	defer cancel()
	outcome, lookupErr := s.Outcome(ctx, models.SourceTransaction{XID: tx.xid})
	switch {
	case lookupErr == nil && outcome == Committed:
		return nil
	case lookupErr == nil && outcome == Aborted:
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
	Restored = "restore" // inserted again, as it was
)

// Transaction identifies this transaction, which does action to a row, for a later Outcome.
func (tx *Tx) Transaction(table string, id int64, action string) models.SourceTransaction {
	return models.SourceTransaction{XID: tx.xid, Table: &table, RowID: &id, Stamp: &tx.Now, Action: &action}
}

// Outcome is the outcome of a transaction.
type Outcome string

// The outcomes. InProgress may become either of the others.
const (
	Committed  Outcome = "committed"
	Aborted    Outcome = "aborted"
	InProgress Outcome = "in progress"
)

// Outcome returns how a transaction ended. PostgreSQL remembers that by transaction id for a limited time. On SQLite,
// and once PostgreSQL has forgotten, the outcome is read from the row. Errors: connection, timeout.
func (s *Source) Outcome(ctx context.Context, t models.SourceTransaction) (Outcome, error) {
	conn, err := s.db.BeginConn(ctx, database.Write) // on SQLite it waits for a write in progress
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if t.XID != nil {
		var status Outcome
		err := conn.QueryRow(ctx, `SELECT coalesce(CASE WHEN $1::bigint < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
			THEN pg_xact_status($1::bigint::text::xid8) END, '')`, []any{*t.XID}, &status)
		if err != nil || status != "" {
			return status, err
		}
	}
	if t.Table == nil { // no row to check
		return InProgress, nil
	}
	return rowOutcome(ctx, conn, t)
}

// rowOutcome reads the row as text, because GORM would fail on a timestamp that Go cannot express.
func rowOutcome(ctx context.Context, conn *database.Conn, t models.SourceTransaction) (Outcome, error) {
	exists := false
	var created, updated time.Time
	for cells, err := range conn.Rows(ctx, fmt.Sprintf("SELECT created_at, updated_at FROM %s WHERE id = %d", *t.Table, *t.RowID)) {
		if err != nil {
			return "", err
		}
		exists = true
		created, _ = models.ParseTimestamp(string(cells[0])) // an unreadable one is not ours
		updated, _ = models.ParseTimestamp(string(cells[1]))
	}
	switch {
	case *t.Action == Inserted && exists && created.Equal(*t.Stamp),
		*t.Action == Updated && exists && !updated.Before(*t.Stamp),
		*t.Action == Deleted && !exists,
		*t.Action == Restored && exists:
		return Committed, nil
	default:
		return Aborted, nil
	}
}

// lockRows locks and reads the rows with some ids, in the order of the ids.
func (tx *Tx) lockRows(ctx context.Context, t *models.Table, ids []int64) ([]models.Row, error) {
	rows, err := tx.conn.ReadRows(ctx, t, t.Source, ids, true)
	if err != nil {
		return nil, writeError(err)
	}
	for _, row := range rows {
		if key := (rowKey{t.Source, row.ID}); !tx.knows(key) {
			tx.before[key] = &row
		}
	}
	return rows, nil
}

func (tx *Tx) knows(key rowKey) bool {
	_, known := tx.before[key]
	return known
}

// writing notes that rows are about to be updated or deleted, and reads those that were not locked.
func (tx *Tx) writing(ctx context.Context, table string, ids []int64) error {
	unread := slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return tx.knows(rowKey{table, id}) })
	if len(unread) > 0 {
		if _, err := tx.lockRows(ctx, models.TableNamed(table), unread); err != nil {
			return err
		}
	}
	for _, id := range ids {
		tx.wrote(table, id)
	}
	return nil
}

// created notes that a row was inserted.
func (tx *Tx) created(table string, id int64) {
	tx.before[rowKey{table, id}] = nil
	tx.wrote(table, id)
}

// wrote notes that a row was written, once.
func (tx *Tx) wrote(table string, id int64) {
	if key := (rowKey{table, id}); !tx.written[key] {
		tx.written[key] = true
		tx.order = append(tx.order, key)
	}
}

// Rows returns the ids of the rows that the transaction has locked or written so far, by table.
func (tx *Tx) Rows() map[string][]int64 {
	rows := map[string][]int64{}
	for key := range tx.before {
		rows[key.table] = append(rows[key.table], key.id)
	}
	return rows
}

// Changes returns the rows that the transaction has changed so far: the changed columns of an updated row without updated_at,
// otherwise the whole row. Errors: connection, timeout.
func (tx *Tx) Changes(ctx context.Context) (changes []models.ActivityChange, err error) {
	after := map[rowKey]models.Row{}
	ids := map[string][]int64{}
	for _, key := range tx.order {
		ids[key.table] = append(ids[key.table], key.id)
	}
	for table, rows := range ids {
		read, err := tx.conn.ReadRows(ctx, models.TableNamed(table), table, rows, false)
		if err != nil {
			return nil, err
		}
		for _, row := range read {
			after[rowKey{table, row.ID}] = row
		}
	}
	for _, key := range tx.order {
		if c, changed := changeOf(key, tx.before[key], after[key]); changed {
			if key.table == HistoryTable && c.ProductID != nil {
				c.ProductCreatedAt = tx.productCreatedAt(*c.ProductID, after)
			}
			changes = append(changes, c)
		}
	}
	return changes, nil
}

// productCreatedAt returns when a product that the transaction has locked or created was created, nil if there is none.
func (tx *Tx) productCreatedAt(id int64, after map[rowKey]models.Row) models.JSON {
	key := rowKey{ProductTable, id}
	row := after[key]
	if before := tx.before[key]; before != nil {
		row = *before
	}
	if row.Cells == nil {
		return nil
	}
	return tx.source.products.Field(row, "created_at")
}

// changeOf describes the change of a row; after has no cells if the row is deleted.
func changeOf(key rowKey, before *models.Row, after models.Row) (c models.ActivityChange, changed bool) {
	t := models.TableNamed(key.table)
	c = models.ActivityChange{Table: t.Name, RowID: key.id, ProductID: t.ProductOf(after)}
	switch {
	case before == nil && after.Cells == nil:
		return c, false
	case before == nil:
		c.After = t.Object(after)
	case after.Cells == nil:
		c.Before, c.ProductID = t.Object(*before), t.ProductOf(*before)
	default:
		var columns []int
		for i, column := range t.Columns {
			if column.Name != "updated_at" && !models.SameCell(before.Cells[i], after.Cells[i]) {
				columns = append(columns, i)
			}
		}
		if columns == nil {
			return c, false
		}
		c.Before, c.After = t.Object(*before, columns...), t.Object(after, columns...)
		c.RowCreatedAt = t.Field(after, "created_at")
	}
	return c, true
}

func (tx *Tx) exists(ctx context.Context, table, column string, id int64) (exists bool, err error) {
	err = tx.conn.Gorm(ctx).Table(table).Select("count(*) > 0").Where(column+" = ?", id).Scan(&exists).Error
	return exists, tx.source.db.Translate(err)
}

// create inserts rows in batches and sets their ids, which lifecycle_db generates: it refuses an INSERT that names one. id returns
// the id of a row.
func create[T any](ctx context.Context, tx *Tx, table string, rows []T, id func(T) int64) error {
	returningID := clause.Returning{Columns: []clause.Column{{Name: "id"}}}
	for batch := range slices.Chunk(rows, batchSize) {
		result := tx.conn.Gorm(ctx).Table(table).Omit("id").Clauses(returningID).Create(&batch)
		for _, row := range batch {
			if created := id(row); created != 0 {
				tx.created(table, created)
			}
		}
		if err := tx.result(table, result.Error, result.RowsAffected == int64(len(batch))); err != nil {
			return err
		}
	}
	return nil
}

// update writes the same values to columns of the rows with some ids, in one statement. row has the values and no id.
func (tx *Tx) update(ctx context.Context, table string, ids []int64, row any, columns []string) error {
	if err := tx.writing(ctx, table, ids); err != nil {
		return err
	}
	result := tx.conn.Gorm(ctx).Table(table).Select("updated_at", columns).Where("id IN ?", ids).Updates(row)
	return tx.result(table, result.Error, result.RowsAffected == int64(len(ids)))
}

// updateEach writes columns of several rows, each with its own values, and updated_at. Raw, because GORM sets the rows of one
// statement to the same values.
func (tx *Tx) updateEach(ctx context.Context, t *models.Table, ids []int64, columns []string, values [][]any) error {
	if err := tx.writing(ctx, t.Source, ids); err != nil {
		return err
	}
	placeholders, sets := []string{tx.source.db.Typed(t.Column("id"))}, []string{"updated_at = ?"}
	for _, column := range columns {
		placeholders = append(placeholders, tx.source.db.Typed(t.Column(column)))
		sets = append(sets, column+" = v."+column)
	}
	row := "(" + strings.Join(placeholders, ", ") + ")"
	for first := 0; first < len(ids); first += batchSize {
		batch := ids[first:min(first+batchSize, len(ids))]
		var arguments []any
		for i, id := range batch {
			arguments = append(append(arguments, id), values[first+i]...)
		}
		statement := "WITH v (" + strings.Join(append([]string{"id"}, columns...), ", ") + ") AS (VALUES " + strings.TrimSuffix(strings.Repeat(row+", ", len(batch)), ", ") +
			") UPDATE " + t.Source + " SET " + strings.Join(sets, ", ") + " FROM v WHERE " + t.Source + ".id = v.id"
		result := tx.conn.Gorm(ctx).Exec(statement, append(arguments, models.InstantOf(tx.Now))...)
		if err := tx.result(t.Source, result.Error, result.RowsAffected == int64(len(batch))); err != nil {
			return err
		}
	}
	return nil
}

// Remove deletes the rows with some ids of a mirrored table. Raw, because GORM would bind every id. Errors: as CreateProducts;
// conflict if rows of other tables would be deleted or changed, too.
func (tx *Tx) Remove(ctx context.Context, t *models.Table, ids []int64) error {
	if err := tx.deletable(ctx, t.Source, ids); err != nil {
		return err
	}
	if err := tx.writing(ctx, t.Source, ids); err != nil {
		return err
	}
	condition, args := tx.source.db.AnyOf("id", ids)
	deleted, err := tx.conn.Exec(ctx, "DELETE FROM "+t.Source+" WHERE "+condition, args...)
	return tx.result(t.Source, err, deleted == int64(len(ids)))
}

// result returns the error of a write, also of one that a trigger has suppressed.
func (tx *Tx) result(table string, err error, written bool) error {
	if err == nil && !written {
		return models.NewError(models.Constraint, "lifecycle.suppressed", models.Params{"table": table}).
			WithRemedy("lifecycle.suppressed_remedy", models.Params{"table": table})
	}
	return writeError(tx.source.db.Translate(err))
}

package lifecycle

import (
	"context"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
)

func (tx *Tx) lockRow(ctx context.Context, t *models.Table, id int64) (*models.Row, error) {
	row, err := tx.conn.ReadRow(ctx, t, t.Source, id, true)
	return row, writeError(err)
}

func (tx *Tx) exists(ctx context.Context, table, column string, id int64) (exists bool, err error) {
	err = tx.conn.Gorm(ctx).Table(table).Select("count(*) > 0").Where(column+" = ?", id).Scan(&exists).Error
	return exists, tx.source.db.Translate(err)
}

// create inserts one row, whose id the database generates: lifecycle_db refuses an INSERT that names it.
func (tx *Tx) create(ctx context.Context, table string, row any, id *int64) error {
	*id = 0
	result := tx.conn.Gorm(ctx).Table(table).Omit("id").Clauses(returningID()).Create(row)
	if result.Error == nil && *id == 0 {
		return suppressedError(table)
	}
	return writeError(tx.source.db.Translate(result.Error))
}

// update writes columns of the row that has the id of row.
func (tx *Tx) update(ctx context.Context, table string, row any, columns []string) error {
	return tx.wrote(table, tx.conn.Gorm(ctx).Table(table).Select("updated_at", columns).Updates(row))
}

// delete deletes the row that has the id of row.
func (tx *Tx) delete(ctx context.Context, table string, row any) error {
	return tx.wrote(table, tx.conn.Gorm(ctx).Table(table).Delete(row))
}

// wrote returns the reason why an existing row was not written.
func (tx *Tx) wrote(table string, result *gorm.DB) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return suppressedError(table)
	}
	return writeError(tx.source.db.Translate(result.Error))
}

// suppressedError is the error of a statement that succeeded and wrote nothing.
func suppressedError(table string) error {
	return models.NewError(models.Constraint, "lifecycle.suppressed", models.Params{"table": table}).
		WithRemedy("lifecycle.suppressed_remedy", models.Params{"table": table})
}

func returningID() clause.Returning {
	return clause.Returning{Columns: []clause.Column{{Name: "id"}}}
}

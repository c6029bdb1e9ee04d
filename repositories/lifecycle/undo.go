package lifecycle

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// LockRows reads and locks the rows with some ids of a mirrored table. Errors: as LockProducts.
func (tx *Tx) LockRows(ctx context.Context, t *models.Table, ids []int64) (map[int64]models.Row, error) {
	rows, err := tx.lockRows(ctx, t, ids)
	found := make(map[int64]models.Row, len(rows))
	for _, row := range rows {
		found[row.ID] = row
	}
	return found, err
}

// Existing returns which of some ids a table has. Without a category table, every category exists. Errors: connection, timeout.
func (tx *Tx) Existing(ctx context.Context, table string, ids []int64) (existing []int64, err error) {
	if table == categoryTable {
		if has, err := tx.hasCategories(ctx); err != nil || !has {
			return ids, err
		}
	}
	err = tx.conn.Gorm(ctx).Table(table).Where("id IN ?", ids).Pluck("id", &existing).Error
	return existing, tx.source.db.Translate(err)
}

// SetColumns sets the given columns of rows, and updated_at. Errors: as CreateProducts.
func (tx *Tx) SetColumns(ctx context.Context, t *models.Table, rows []models.Row, columns []int) error {
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = t.Columns[column].Name
	}
	ids, values := make([]int64, len(rows)), make([][]any, len(rows))
	for i, row := range rows {
		byName, err := t.Values(row, columns)
		if err != nil {
			return err
		}
		ids[i] = row.ID
		for _, name := range names {
			values[i] = append(values[i], byName[name])
		}
	}
	return tx.updateEach(ctx, t, ids, names, values)
}

// Insert inserts rows that were deleted, under their old ids. Raw, because lifecycle_db generates its ids and GORM cannot override
// that. Errors: as CreateProducts.
func (tx *Tx) Insert(ctx context.Context, t *models.Table, rows []models.Row, columns []int) error {
	for batch := range slices.Chunk(rows, batchSize) {
		values := make([]map[string]any, len(batch))
		for i, row := range batch {
			var err error
			if values[i], err = t.Values(row, columns); err != nil {
				return err
			}
			tx.created(t.Source, row.ID)
		}
		built := tx.conn.Gorm(ctx).Session(&gorm.Session{DryRun: true}).Table(t.Source).Create(values).Statement
		statement := strings.Replace(built.SQL.String(), ") VALUES (", ")"+tx.source.Features().OverrideIdentity+" VALUES (", 1)
		inserted, err := tx.conn.Exec(ctx, statement, built.Vars...)
		if err := tx.result(t.Source, err, inserted == int64(len(batch))); err != nil {
			return err
		}
	}
	return nil
}

// RecordsOf returns the ids of some products' stage history records. Errors: connection, timeout.
func (tx *Tx) RecordsOf(ctx context.Context, productIDs []int64) (ids []int64, err error) {
	err = tx.conn.Gorm(ctx).Table(HistoryTable).Where("id_produk IN ?", productIDs).Order("id").Pluck("id", &ids).Error
	return ids, tx.source.db.Translate(err)
}

// deletable checks that deleting rows would not delete or change rows of tables that are not mirrored, by their foreign keys: they
// could not be restored. Errors: conflict; connection, timeout.
func (tx *Tx) deletable(ctx context.Context, table string, ids []int64) error {
	effects, err := tx.conn.DeleteEffects(ctx, table)
	if err != nil {
		return err
	}
	for _, effect := range effects {
		if slices.ContainsFunc(models.Tables(), func(t *models.Table) bool { return t.Source == effect.Table }) {
			continue
		}
		affects := !effect.Readable
		if effect.Readable {
			if affects, err = tx.conn.Affects(ctx, effect, table, ids); err != nil {
				return err
			}
		}
		if affects {
			params := models.Params{"table": effect.Table}
			return models.NewError(models.Conflict, "lifecycle.cascades", params).WithRemedy("lifecycle.cascades_remedy", params)
		}
	}
	return nil
}

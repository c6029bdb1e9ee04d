package lifecycle

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"lifecycle-sync/models"
)

// Deprecated: use the typed operations (LockProduct, CreateProduct, UpdateTransition, …).

// Row is LockProduct or LockTransition.
func (tx *Tx) Row(ctx context.Context, t *models.Table, id int64) (*models.Row, error) {
	return tx.lockRow(ctx, t, id)
}

// Product is ListedProduct.
func (tx *Tx) Product(ctx context.Context, _ *models.Table, id int64) (models.ListedProduct, error) {
	return tx.ListedProduct(ctx, id)
}

// Transition is ListedTransition.
func (tx *Tx) Transition(ctx context.Context, _ *models.Table, id int64) (models.ListedTransition, error) {
	return tx.ListedTransition(ctx, id)
}

// HasLaterTransition is HasLaterMove.
func (tx *Tx) HasLaterTransition(ctx context.Context, _ *models.Table, productID int64, than time.Time) (bool, error) {
	return tx.HasLaterMove(ctx, productID, than)
}

// HasCategories is part of UnknownChoices.
func (tx *Tx) HasCategories(ctx context.Context) (bool, error) { return tx.hasCategories(ctx) }

// Exists is StageExists or part of UnknownChoices.
func (tx *Tx) Exists(ctx context.Context, table, column string, id int64) (bool, error) {
	return tx.exists(ctx, table, column, id)
}

// Values are what to write into a row, by column; nil is NULL.
type Values map[string]any

func (v Values) columns() (names []string, values []any) {
	names = slices.Sorted(maps.Keys(v))
	for _, name := range names {
		values = append(values, v[name])
	}
	return names, values
}

// Insert is CreateProduct or CreateTransition.
func (tx *Tx) Insert(ctx context.Context, table string, v Values) (id int64, err error) {
	v["created_at"], v["updated_at"] = tx.Now, tx.Now
	names, values := v.columns()
	marks := strings.Repeat(", ?", len(names))[2:]
	err = tx.conn.Gorm(ctx).Raw("INSERT INTO "+table+" ("+strings.Join(names, ", ")+") VALUES ("+marks+") RETURNING id", values...).Scan(&id).Error
	if err == nil && id == 0 {
		return 0, suppressedError(table)
	}
	return id, writeError(tx.source.db.Translate(err))
}

// Update is UpdateProduct or UpdateTransition.
func (tx *Tx) Update(ctx context.Context, table string, id int64, v Values) error {
	v["updated_at"] = tx.Now
	names, values := v.columns()
	return tx.wrote(table, tx.conn.Gorm(ctx).Exec("UPDATE "+table+" SET "+strings.Join(names, " = ?, ")+" = ? WHERE id = ?", append(values, id)...))
}

// Delete is DeleteTransition.
func (tx *Tx) Delete(ctx context.Context, table string, id int64) error {
	return tx.wrote(table, tx.conn.Gorm(ctx).Exec("DELETE FROM "+table+" WHERE id = ?", id))
}

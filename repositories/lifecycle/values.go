package lifecycle

import (
	"context"
	"maps"
	"slices"
	"strings"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// Values are what to write into a row, by column; nil is NULL.
type Values map[string]any

// columns are those to write, in a fixed order, and their values.
func (v Values) columns() (names []string, values []any) {
	names = slices.Sorted(maps.Keys(v))
	for _, name := range names {
		values = append(values, v[name])
	}
	return names, values
}

// Insert makes a row, whose id the database chooses, and sets its created_at and updated_at. Errors:
// forbidden, constraint, data_type.
func (tx *Tx) Insert(ctx context.Context, table string, v Values) (id int64, err error) {
	v["created_at"], v["updated_at"] = tx.Now, tx.Now
	names, values := v.columns()
	marks := strings.Repeat(", ?", len(names))[2:]
	return id, tx.done(tx.conn.Gorm(ctx).Raw("INSERT INTO "+table+" ("+strings.Join(names, ", ")+") VALUES ("+marks+") RETURNING id", values...).Scan(&id), table)
}

// Update changes a row and its updated_at. Errors: as Insert.
func (tx *Tx) Update(ctx context.Context, table string, id int64, v Values) error {
	v["updated_at"] = tx.Now
	names, values := v.columns()
	return tx.done(tx.conn.Gorm(ctx).Exec("UPDATE "+table+" SET "+strings.Join(names, " = ?, ")+" = ? WHERE id = ?", append(values, id)...), table)
}

// Delete deletes a row. Errors: as Insert.
func (tx *Tx) Delete(ctx context.Context, table string, id int64) error {
	return tx.done(tx.conn.Gorm(ctx).Exec("DELETE FROM "+table+" WHERE id = ?", id), table)
}

// done tells whether a statement wrote its row, which was there and locked: a trigger of lifecycle_db can
// drop a write without an error.
func (tx *Tx) done(result *gorm.DB, table string) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return &models.Error{Class: models.Constraint, Message: "a trigger or rule on " + table + " dropped what was to be written",
			Remedy: "Look at the triggers and rules on " + table + "."}
	}
	return tx.db.Translate(result.Error)
}

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
// forbidden, constraint (a trigger that refuses it, too), data_type, unavailable when the ids have run out.
func (tx *Tx) Insert(ctx context.Context, table string, v Values) (id int64, err error) {
	v["created_at"], v["updated_at"] = tx.Now, tx.Now
	names, values := v.columns()
	marks := strings.Repeat(", ?", len(names))[2:]
	err = tx.conn.Gorm(ctx).Raw("INSERT INTO "+table+" ("+strings.Join(names, ", ")+") VALUES ("+marks+") RETURNING id", values...).Scan(&id).Error
	if err == nil && id == 0 {
		return 0, suppressed(table)
	}
	return id, writable(tx.db.Translate(err))
}

// Update changes a row and its updated_at. Errors: as Insert.
func (tx *Tx) Update(ctx context.Context, table string, id int64, v Values) error {
	v["updated_at"] = tx.Now
	names, values := v.columns()
	return tx.wrote(table, tx.conn.Gorm(ctx).Exec("UPDATE "+table+" SET "+strings.Join(names, " = ?, ")+" = ? WHERE id = ?", append(values, id)...))
}

// Delete deletes a row. Errors: as Insert.
func (tx *Tx) Delete(ctx context.Context, table string, id int64) error {
	return tx.wrote(table, tx.conn.Gorm(ctx).Exec("DELETE FROM "+table+" WHERE id = ?", id))
}

// wrote reports what kept a row, which was there, from being written.
func (tx *Tx) wrote(table string, result *gorm.DB) error {
	if result.Error == nil && result.RowsAffected == 0 {
		return suppressed(table)
	}
	return writable(tx.db.Translate(result.Error))
}

// suppressed is the error for a statement that succeeded and did nothing.
func suppressed(table string) error {
	return &models.Error{Class: models.Constraint, LegacyMessage: "lifecycle_db: nothing was written to " + table,
		LegacyRemedy: "Look at the triggers and rules of " + table + ": one of them suppresses what is to be written."}
}

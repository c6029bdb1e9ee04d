package activities

import (
	"context"
	"slices"

	"lifecycle-sync/models"
)

// AnyUnmirrored reports whether there is a change that no run has found yet. Errors: connection, timeout.
func (a *Activities) AnyUnmirrored(ctx context.Context) (bool, error) {
	var found []int
	inIndex := a.s.Gorm(ctx).Model(&models.ActivityChange{}).Where("NOT mirrored").Order("table_name, row_id")
	err := inIndex.Limit(1).Pluck("position", &found).Error
	return len(found) > 0, a.s.Translate(err)
}

// unmirrored is a change of an activity that no run has found yet.
type unmirrored struct {
	models.ActivityChange

	SourceXID *int64 `gorm:"column:source_xid"`
}

// Link credits the changes that a run has found in one table to the activities that made them. The transaction that wrote a row tells
// them; deleted rows, and all rows on SQLite, are matched by id. It splits an update that contains a direct change, too: a value
// that no activity wrote, or that the first of them found changed. It returns the entries of the change log. The activities stay
// locked, because Settle may be about to remove one. Only in a transaction. Errors: connection, timeout.
func (a *Activities) Link(ctx context.Context, changes []models.LoggedChange) (entries []models.LoggedChange, err error) {
	writes := map[int64][]unmirrored{}
	for part := range slices.Chunk(changes, batchSize) {
		if err := a.findUnmirrored(ctx, part, writes); err != nil {
			return nil, err
		}
	}
	mirrored := map[int64][]int64{} // row ids by the last activity that wrote them
	for _, c := range changes {
		if made := madeBy(c, writes[c.RowID]); len(made) > 0 {
			if direct, found := splitDirect(&c, made); found {
				entries = append(entries, direct)
			}
			c.ActivityID = &made[len(made)-1].ActivityID
			mirrored[*c.ActivityID] = append(mirrored[*c.ActivityID], c.RowID)
		}
		entries = append(entries, c)
	}
	for activity, rows := range mirrored {
		for part := range slices.Chunk(rows, batchSize) {
			written := a.s.Gorm(ctx).Model(&models.ActivityChange{}).Where("NOT mirrored AND table_name = ? AND row_id IN ? AND activity_id <= ?", changes[0].Table, part, activity)
			if err := written.Update("mirrored", true).Error; err != nil {
				return nil, a.s.Translate(err)
			}
		}
	}
	return entries, nil
}

// findUnmirrored adds the activities' changes of the changed rows, in their order.
func (a *Activities) findUnmirrored(ctx context.Context, changes []models.LoggedChange, writes map[int64][]unmirrored) error {
	ids := make([]int64, len(changes))
	for i, c := range changes {
		ids[i] = c.RowID
	}
	var found []unmirrored
	err := a.s.Gorm(ctx).Raw(`SELECT c.activity_id, c.position, c.row_id, c.before, c.after, a.source_xid
		FROM lifecycle_activity_changes c JOIN lifecycle_activities a ON a.id = c.activity_id
		WHERE NOT c.mirrored AND c.table_name = ? AND c.row_id IN ? ORDER BY c.activity_id`+a.s.KeyLock("a"), changes[0].Table, ids).Scan(&found).Error
	for _, c := range found {
		writes[c.RowID] = append(writes[c.RowID], c)
	}
	return a.s.Translate(err)
}

// madeBy returns those of a row's writes that the found change contains: up to the last one that is its transaction. A
// deletion that an activity wrote over is not the found one.
func madeBy(c models.LoggedChange, writes []unmirrored) []unmirrored {
	for i, w := range slices.Backward(writes) {
		switch {
		case w.SourceXID == nil,
			c.SourceXID != nil && *c.SourceXID == *w.SourceXID&0xFFFFFFFF,
			c.SourceXID == nil && w.After == nil && i == len(writes)-1:
			return writes[:i+1]
		}
	}
	return nil
}

// splitDirect takes the direct change out of an update, if there is one. Values that a document does not hold exactly are not split.
func splitDirect(c *models.LoggedChange, writes []unmirrored) (direct models.LoggedChange, found bool) {
	t := models.TableByName(c.Table)
	if c.Before == nil || c.After == nil || t == nil {
		return direct, false
	}
	before, columns, err := t.RowOf(c.RowID, c.Before)
	after, _, errAfter := t.RowOf(c.RowID, c.After)
	if err != nil || errAfter != nil {
		return direct, false
	}
	between := after.Clone() // after the direct change, before the activities' writes
	written := map[int]bool{}
	for _, w := range writes {
		if w.Before == nil {
			continue
		}
		row, changed, err := t.RowOf(c.RowID, w.Before)
		if err != nil {
			return direct, false
		}
		for _, i := range changed {
			if !written[i] {
				written[i], between.Cells[i] = true, row.Cells[i]
			}
		}
	}
	var directly, others []int
	for _, i := range columns {
		if t.Columns[i].Name == "updated_at" {
			between.Cells[i] = before.Cells[i]
		}
		if !models.SameCell(before.Cells[i], between.Cells[i]) {
			directly = append(directly, i)
		}
		if !models.SameCell(between.Cells[i], after.Cells[i]) {
			others = append(others, i)
		}
	}
	if directly == nil || others == nil {
		return direct, false
	}
	direct = *c
	direct.SourceXID, direct.Before, direct.After = nil, t.Object(before, directly...), t.Object(between, directly...)
	c.Before, c.After = t.Object(between, others...), t.Object(after, others...)
	return direct, true
}

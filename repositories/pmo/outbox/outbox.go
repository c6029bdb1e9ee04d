// Package outbox records writes through the API before they commit in lifecycle_db, so that a crash between the
// two databases can be resolved and a repeated request gets the first answer.
package outbox

import (
	"context"
	"time"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// Outbox reads and writes the recorded writes.
type Outbox struct{ s *pmo.Session }

// New returns the outbox on a session.
func New(s *pmo.Session) *Outbox { return &Outbox{s: s} }

// Times in seconds.
const (
	retentionSeconds  = 24 * 60 * 60 // answers are kept
	unresolvedSeconds = 60           // until a write without an outcome counts as abandoned by its process
)

// ExistingWrite is an earlier write with the same key.
type ExistingWrite struct {
	models.Write
	LeaseExpired bool `gorm:"column:lapsed"` // the claim no longer protects its request
	Expired      bool `gorm:"column:old"`    // the answer is no longer kept
}

// Claim records a write as claimed by its key; the lease protects its request. If the key is taken, it returns the write that has it. Errors:
// connection, timeout.
func (o *Outbox) Claim(ctx context.Context, w models.Write, lease time.Duration) (*ExistingWrite, error) {
	w.State = models.WriteClaimed
	created, err := o.create(ctx, w, int(lease.Seconds()), clause.OnConflict{
		Columns: []clause.Column{{Name: "caller"}, {Name: "route"}, {Name: "idempotency_key"}}, DoNothing: true,
	})
	if err != nil || created {
		return nil, err
	}
	existing, err := pmo.First[ExistingWrite](o.s, o.s.Gorm(ctx).Table("lifecycle_writes").
		Select("*, leased_until < "+o.s.Clock(0)+" AS lapsed, created_at < "+o.s.Clock(-retentionSeconds)+" AS old").
		Where("caller = ? AND route = ? AND idempotency_key = ?", w.Caller, w.Route, w.Key))
	if err != nil || existing == nil { // deleted since
		return &ExistingWrite{LeaseExpired: true, Write: models.Write{State: models.WriteClaimed}}, err
	}
	return existing, nil
}

// create inserts a write with times of the database's clock, and reports whether it was new.
func (o *Outbox) create(ctx context.Context, w models.Write, lease int, conflict ...clause.Expression) (created bool, err error) {
	result := o.s.Gorm(ctx).Model(&models.Write{}).Clauses(conflict...).Create(map[string]any{
		"id": w.ID, "caller": w.Caller, "route": w.Route, "idempotency_key": w.Key, "fingerprint": w.Fingerprint, "state": w.State,
		"source_xid": w.XID, "source_table": w.Table, "source_id": w.RowID, "source_stamp": w.Stamp, "source_action": w.Action,
		"leased_until": clause.Expr{SQL: o.s.Clock(lease)}, "created_at": clause.Expr{SQL: o.s.Clock(0)},
	})
	return result.RowsAffected == 1, o.s.Translate(result.Error)
}

// Prepare records what a write is about to commit in lifecycle_db. Errors: conflict if another request has taken over
// its key; connection.
func (o *Outbox) Prepare(ctx context.Context, w models.Write) error {
	w.State = models.WritePending
	if w.Key == nil {
		_, err := o.create(ctx, w, 0)
		return err
	}
	result := o.s.Gorm(ctx).Model(&models.Write{}).Where("id = ? AND state = ?", w.ID, models.WriteClaimed).
		Select("state", "source_xid", "source_table", "source_id", "source_stamp", "source_action", "etag", "body").Updates(&w)
	if result.Error == nil && result.RowsAffected == 0 {
		return models.NewError(models.Conflict, "pmo.key_taken_over", nil)
	}
	return o.s.Translate(result.Error)
}

// Finish records that a write is done. Only a write with a key is kept, for repeated requests.
func (o *Outbox) Finish(ctx context.Context, w models.Write) error {
	if w.Key == nil {
		return o.Delete(ctx, w.ID, models.WritePending)
	}
	w.State = models.WriteDone
	return o.s.Translate(o.s.Gorm(ctx).Model(&models.Write{}).Where("id = ?", w.ID).Select("state", "etag", "body", "source_id").Updates(&w).Error)
}

// Delete deletes a write if it is in the given state.
func (o *Outbox) Delete(ctx context.Context, id, state string) error {
	return o.s.Translate(o.s.Gorm(ctx).Where("id = ? AND state = ?", id, state).Delete(&models.Write{}).Error)
}

// Unresolved lists the writes whose outcome is unknown for so long that their process must be gone.
func (o *Outbox) Unresolved(ctx context.Context) (writes []models.Write, err error) {
	err = o.s.Gorm(ctx).Where("state = ? AND leased_until < "+o.s.Clock(-unresolvedSeconds), models.WritePending).Order("created_at").Find(&writes).Error
	return writes, o.s.Translate(err)
}

// DeleteExpired deletes answers past their retention, and claims whose requests ended without releasing them.
func (o *Outbox) DeleteExpired(ctx context.Context) error {
	return o.s.Translate(o.s.Gorm(ctx).Where("state <> ? AND created_at < "+o.s.Clock(-retentionSeconds), models.WritePending).Delete(&models.Write{}).Error)
}

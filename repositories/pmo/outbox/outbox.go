// Package outbox records writes through the API before they commit in lifecycle_db, so that a crash between the
// two databases can be resolved and a repeated request gets the first answer.
package outbox

import (
	"context"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// Outbox reads and writes the recorded writes.
type Outbox struct{ s *pmo.Session }

// New returns the outbox on a session.
func New(s *pmo.Session) *Outbox { return &Outbox{s: s} }

// How long, in seconds, a claim protects who made it, answers are kept, and a write must have stood open
// before somebody else looks what became of it.
const (
	claimSeconds = 30
	keptSeconds  = 24 * 60 * 60
	openSeconds  = 60
)

// Known is a write that has the key that another one asks for.
type Known struct {
	models.Write
	Lapsed bool `gorm:"column:lapsed"` // its claim no longer protects it
	Old    bool `gorm:"column:old"`    // its answer is no longer kept
}

// Claim records a write with its key as claimed. When the key is taken already it returns who has
// it instead. Errors: connection, timeout.
func (o *Outbox) Claim(ctx context.Context, w models.Write) (*Known, error) {
	result := o.s.Gorm(ctx).Exec("INSERT INTO lifecycle_writes (id, caller, route, idempotency_key, fingerprint, state, leased_until, created_at) "+
		"VALUES (?, ?, ?, ?, ?, ?, "+o.s.Clock(claimSeconds)+", "+o.s.Clock(0)+") ON CONFLICT (caller, route, idempotency_key) DO NOTHING",
		w.ID, w.Caller, w.Route, w.Key, w.Fingerprint, models.WriteClaimed)
	if result.Error != nil || result.RowsAffected == 1 {
		return nil, o.s.Translate(result.Error)
	}
	var known []Known
	err := o.s.Gorm(ctx).Table("lifecycle_writes").
		Select("*, leased_until < "+o.s.Clock(0)+" AS lapsed, created_at < "+o.s.Clock(-keptSeconds)+" AS old").
		Where("caller = ? AND route = ? AND idempotency_key = ?", w.Caller, w.Route, w.Key).Find(&known).Error
	if err != nil || len(known) == 0 { // given up meanwhile
		return &Known{Lapsed: true, Write: models.Write{State: models.WriteClaimed}}, o.s.Translate(err)
	}
	return &known[0], nil
}

// Intend records what a write is about to commit in lifecycle_db. It is conflict when somebody else
// has taken over its key.
func (o *Outbox) Intend(ctx context.Context, w models.Write) error {
	w.State = models.WriteIntended
	if w.Key == nil {
		return o.s.Translate(o.s.Gorm(ctx).Exec("INSERT INTO lifecycle_writes "+
			"(id, state, leased_until, source_xid, source_table, source_id, source_stamp, source_action, created_at) VALUES (?, ?, "+o.s.Clock(0)+", ?, ?, ?, ?, ?, "+o.s.Clock(0)+")",
			w.ID, w.State, w.XID, w.Table, w.RowID, w.Stamp, w.Action).Error)
	}
	result := o.s.Gorm(ctx).Model(&models.Write{}).Where("id = ? AND state = ?", w.ID, models.WriteClaimed).
		Select("state", "source_xid", "source_table", "source_id", "source_stamp", "source_action", "etag", "body").Updates(&w)
	if result.Error == nil && result.RowsAffected == 0 {
		return models.NewError(models.Conflict, "pmo.key_taken_over", nil)
	}
	return o.s.Translate(result.Error)
}

// Finish records that a write is done. One with a key is kept, for those who ask again.
func (o *Outbox) Finish(ctx context.Context, w models.Write) error {
	if w.Key == nil {
		return o.Drop(ctx, w.ID, models.WriteIntended)
	}
	return o.s.Translate(o.s.Gorm(ctx).Model(&models.Write{}).Where("id = ?", w.ID).
		Updates(map[string]any{"state": models.WriteDone, "etag": w.ETag, "body": w.Body, "source_id": w.RowID}).Error)
}

// Drop forgets a write that stands in the given state.
func (o *Outbox) Drop(ctx context.Context, id, state string) error {
	return o.s.Translate(o.s.Gorm(ctx).Exec("DELETE FROM lifecycle_writes WHERE id = ? AND state = ?", id, state).Error)
}

// Open lists the writes that have stood open for so long that whoever made them is gone.
func (o *Outbox) Open(ctx context.Context) (writes []models.Write, err error) {
	err = o.s.Gorm(ctx).Where("state = ? AND leased_until < "+o.s.Clock(-openSeconds), models.WriteIntended).Order("created_at").Find(&writes).Error
	return writes, o.s.Translate(err)
}

// Forget forgets answers that need no longer be kept, and claims of requests that ended without
// giving theirs up.
func (o *Outbox) Forget(ctx context.Context) error {
	return o.s.Translate(o.s.Gorm(ctx).Exec("DELETE FROM lifecycle_writes WHERE state <> ? AND created_at < "+o.s.Clock(-keptSeconds), models.WriteIntended).Error)
}

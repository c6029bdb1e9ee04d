package pmo

import (
	"context"

	"lifecycle-sync/models"
)

// How long, in seconds, a claim protects who made it, answers are kept, and a write must have stood open
// before somebody else looks what became of it.
const (
	claimSeconds = 30
	keptSeconds  = 24 * 60 * 60
	openSeconds  = 60
)

// KnownWrite is a write that has the key that another one asks for.
type KnownWrite struct {
	models.Write
	Lapsed bool `gorm:"column:lapsed"` // its claim no longer protects it
	Old    bool `gorm:"column:old"`    // its answer is no longer kept
}

// ClaimWrite records a write with its key as claimed. When the key is taken already it returns who has
// it instead. Errors: connection, timeout.
func (s *Store) ClaimWrite(ctx context.Context, w models.Write) (*KnownWrite, error) {
	result := s.gorm(ctx).Exec("INSERT INTO lifecycle_writes (id, caller, route, idempotency_key, fingerprint, state, leased_until, created_at) "+
		"VALUES (?, ?, ?, ?, ?, ?, "+s.db.Clock(claimSeconds)+", "+s.db.Clock(0)+") ON CONFLICT (caller, route, idempotency_key) DO NOTHING",
		w.ID, w.Caller, w.Route, w.Key, w.Fingerprint, models.WriteClaimed)
	if result.Error != nil || result.RowsAffected == 1 {
		return nil, s.db.Translate(result.Error)
	}
	var known []KnownWrite
	err := s.gorm(ctx).Table("lifecycle_writes").
		Select("*, leased_until < "+s.db.Clock(0)+" AS lapsed, created_at < "+s.db.Clock(-keptSeconds)+" AS old").
		Where("caller = ? AND route = ? AND idempotency_key = ?", w.Caller, w.Route, w.Key).Find(&known).Error
	if err != nil || len(known) == 0 { // given up meanwhile
		return &KnownWrite{Lapsed: true, Write: models.Write{State: models.WriteClaimed}}, s.db.Translate(err)
	}
	return &known[0], nil
}

// IntendWrite records what a write is about to commit in lifecycle_db. It is conflict when somebody else
// has taken over its key.
func (s *Store) IntendWrite(ctx context.Context, w models.Write) error {
	w.State = models.WriteIntended
	if w.Key == nil {
		return s.db.Translate(s.gorm(ctx).Exec("INSERT INTO lifecycle_writes (id, state, leased_until, source_xid, source_table, source_id, source_stamp, source_action, created_at) "+
			"VALUES (?, ?, "+s.db.Clock(0)+", ?, ?, ?, ?, ?, "+s.db.Clock(0)+")",
			w.ID, w.State, w.XID, w.Table, w.RowID, w.Stamp, w.Action).Error)
	}
	result := s.gorm(ctx).Model(&models.Write{}).Where("id = ? AND state = ?", w.ID, models.WriteClaimed).
		Select("state", "source_xid", "source_table", "source_id", "source_stamp", "source_action", "etag", "body").Updates(&w)
	if result.Error == nil && result.RowsAffected == 0 {
		return &models.Error{Class: models.Conflict, LegacyMessage: "This request took so long that another with the same Idempotency-Key took its place"}
	}
	return s.db.Translate(result.Error)
}

// FinishWrite records that a write is done. One with a key is kept, for those who ask again.
func (s *Store) FinishWrite(ctx context.Context, w models.Write) error {
	if w.Key == nil {
		return s.DropWrite(ctx, w.ID, models.WriteIntended)
	}
	return s.db.Translate(s.gorm(ctx).Model(&models.Write{}).Where("id = ?", w.ID).
		Updates(map[string]any{"state": models.WriteDone, "etag": w.ETag, "body": w.Body, "source_id": w.RowID}).Error)
}

// DropWrite forgets a write that stands in the given state.
func (s *Store) DropWrite(ctx context.Context, id, state string) error {
	return s.db.Translate(s.gorm(ctx).Exec("DELETE FROM lifecycle_writes WHERE id = ? AND state = ?", id, state).Error)
}

// OpenWrites lists the writes that have stood open for so long that whoever made them is gone.
func (s *Store) OpenWrites(ctx context.Context) (writes []models.Write, err error) {
	err = s.gorm(ctx).Where("state = ? AND leased_until < "+s.db.Clock(-openSeconds), models.WriteIntended).Order("created_at").Find(&writes).Error
	return writes, s.db.Translate(err)
}

// ForgetWrites forgets answers that need no longer be kept, and claims of requests that ended without
// giving theirs up.
func (s *Store) ForgetWrites(ctx context.Context) error {
	return s.db.Translate(s.gorm(ctx).Exec("DELETE FROM lifecycle_writes WHERE state <> ? AND created_at < "+s.db.Clock(-keptSeconds), models.WriteIntended).Error)
}

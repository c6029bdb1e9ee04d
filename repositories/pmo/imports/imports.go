// Package imports stores previews of spreadsheet imports.
package imports

import (
	"context"
	"time"

	"gorm.io/gorm/clause"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
)

// Imports reads and writes previews.
type Imports struct{ s *pmo.Session }

// New returns the previews on a session.
func New(s *pmo.Session) *Imports { return &Imports{s: s} }

// Save stores a preview and deletes those that were created before expired. Errors: connection, timeout, schema.
func (i *Imports) Save(ctx context.Context, p models.ImportPreview, expired time.Time) error {
	err := i.s.Gorm(ctx).Where("created_at < ?", models.InstantOf(expired)).Delete(&models.ImportPreview{}).Error
	if err == nil {
		err = i.s.Gorm(ctx).Clauses(clause.OnConflict{UpdateAll: true}).Create(&p).Error
	}
	return i.s.Translate(err)
}

// Find returns a preview of an owner that was not created before expired, nil if there is none. Errors: connection, timeout, schema.
func (i *Imports) Find(ctx context.Context, digest, ownerID string, expired time.Time) (*models.ImportPreview, error) {
	query := i.s.Gorm(ctx).Where("digest = ? AND owner_id = ? AND created_at >= ?", digest, ownerID, models.InstantOf(expired))
	return pmo.First[models.ImportPreview](i.s, query)
}

// Claim gives a preview to the write that applies it, and reports whether no other write has it. Writes that did not commit are
// deleted. Errors: connection, timeout, schema.
func (i *Imports) Claim(ctx context.Context, digest, ownerID, writeID string) (bool, error) {
	result := i.s.Gorm(ctx).Model(&models.ImportPreview{}).Where("digest = ? AND owner_id = ?", digest, ownerID).
		Where("write_id IS NULL OR write_id NOT IN (?)", i.s.Gorm(ctx).Model(&models.Write{}).Select("id")).Update("write_id", writeID)
	return result.RowsAffected == 1, i.s.Translate(result.Error)
}

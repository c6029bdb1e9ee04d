package catalog

import (
	"context"

	"lifecycle-sync/models"
)

// MirrorVersion returns the mirror's version. Raw, because it has no model. Errors: connection, timeout, schema.
func (c *Catalog) MirrorVersion(ctx context.Context) (version int64, err error) {
	err = c.s.Gorm(ctx).Raw("SELECT version FROM lifecycle_mirror_version").Scan(&version).Error
	return version, c.s.Translate(err)
}

// ChangesAfter returns what changed with the versions of the mirror after a given one, oldest first, at most limit. Errors:
// connection, timeout, schema.
func (c *Catalog) ChangesAfter(ctx context.Context, version int64, limit int) (list []models.MirrorChange, err error) {
	err = c.s.Gorm(ctx).Where("version > ?", version).Order("version").Limit(limit).Find(&list).Error
	return list, c.s.Translate(err)
}

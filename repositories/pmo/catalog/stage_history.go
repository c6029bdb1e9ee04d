package catalog

import (
	"context"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
)

const historyTable = "tbl_stage_histori_lifecycle"

// newestFirst orders records: those without a time last, and the id settles ties, so that the order
// is total. An index serves it.
func newestFirst(prefix string) string {
	return prefix + "tanggal_perubahan DESC NULLS LAST, " + prefix + "id DESC"
}

// StageRecordFilter selects the records that meet every condition that is not zero.
type StageRecordFilter struct {
	ProductID, FromStageID, ToStageID int64

	Since, Until *time.Time // both included; those without a time, or with one that cannot stand in the mirror, are at no time
	Search       string     // words, each a case-insensitive substring of the product's name
}

// StageRecords returns at most limit records from offset on, newest first, and how many the filter
// lets through. Past the end nothing more is read than the count. Errors: connection, timeout, schema.
func (c *Catalog) StageRecords(ctx context.Context, f StageRecordFilter, offset, limit int) ([]models.ListedRecord, int64, error) {
	var total int64
	err := c.filteredRecords(ctx, f).Count(&total).Error
	if err != nil || int64(offset) >= total {
		return []models.ListedRecord{}, total, c.s.Translate(err)
	}
	page := c.filteredRecords(ctx, f).Select("id").Order(newestFirst("")).Offset(offset).Limit(limit)
	rows, err := c.listedRecords(ctx, page)
	return rows, total, err
}

// filteredRecords selects the records that match a filter.
func (c *Catalog) filteredRecords(ctx context.Context, f StageRecordFilter) *gorm.DB {
	query := c.s.Gorm(ctx).Table(historyTable)
	for _, of := range []struct {
		column string
		id     int64
	}{{"id_produk", f.ProductID}, {"stage_previous", f.FromStageID}, {"stage_now", f.ToStageID}} {
		if of.id != 0 {
			query = query.Where(of.column+" = ?", of.id)
		}
	}
	if f.Since != nil {
		query = query.Where(c.changedAt()+" >= ?", models.InstantOf(*f.Since).String())
	}
	if f.Until != nil {
		query = query.Where(c.changedAt()+" <= ?", models.InstantOf(*f.Until).String())
	}
	if words := SearchWords(f.Search); len(words) > 0 {
		named := c.s.Gorm(ctx).Table(productTable).Select("id")
		for _, word := range words {
			named = named.Where(`lower(produk) LIKE lower(?) ESCAPE '\'`, containing(word))
		}
		query = query.Where("id_produk IN (?)", named)
	}
	return query
}

// changedAt returns an SQL expression for a record's time, for comparisons that can use its index.
func (c *Catalog) changedAt() string {
	histories := c.s.Table("tbl_stage_histori")
	return c.fits(histories, "tanggal_perubahan") + " AND " + c.s.Sortable("tanggal_perubahan", histories.Column("tanggal_perubahan"))
}

// LatestStageRecords returns at most limit records of a product, newest first. Errors: as
// StageRecords.
func (c *Catalog) LatestStageRecords(ctx context.Context, productID int64, limit int) ([]models.ListedRecord, error) {
	return c.listedRecords(ctx, c.s.Gorm(ctx).Table(historyTable).Select("id").Where("id_produk = ?", productID).
		Order(newestFirst("")).Limit(limit))
}

// StageRecord returns one record. Errors: not found, quarantined, connection, timeout, schema.
func (c *Catalog) StageRecord(ctx context.Context, id int64) (models.ListedRecord, error) {
	rows, err := c.listedRecords(ctx, c.s.Gorm(ctx).Table(historyTable).Select("id").Where("id = ?", id))
	if err == nil && len(rows) == 0 {
		notFound := models.NewError(models.NotFound, "pmo.no_transition", models.Params{"id": id})
		err = journal.New(c.s).Absent(ctx, c.s.Table("tbl_stage_histori").Name, id, notFound)
	}
	if err != nil {
		return models.ListedRecord{}, err
	}
	return rows[0], nil
}

// listedRecords reads the records that a query of ids selects, newest first.
func (c *Catalog) listedRecords(ctx context.Context, page *gorm.DB) ([]models.ListedRecord, error) {
	rows := []models.ListedRecord{}
	err := c.s.Gorm(ctx).Table("(?) AS page", page).
		Joins("JOIN " + historyTable + " h ON h.id = page.id").
		Joins("LEFT JOIN " + productTable + " product ON product.id = h.id_produk").
		Joins("LEFT JOIN tbl_stage_lifecycle previous ON previous.id = h.stage_previous").
		Joins("LEFT JOIN tbl_stage_lifecycle present ON present.id = h.stage_now").
		Select(c.s.ReadableColumns("h", c.s.Table("tbl_stage_histori")) +
			", product.produk, previous.stage AS stage_previous_name, present.stage AS stage_now_name").
		Order(newestFirst("h.")).Scan(&rows).Error
	return rows, c.s.Translate(err)
}

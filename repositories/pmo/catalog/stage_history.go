package catalog

import (
	"cmp"
	"context"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

const historyTable = "tbl_stage_histori_lifecycle"

// newestFirst orders transitions: those without a time last, and the id settles ties, so that the order
// is total. An index serves it.
func newestFirst(prefix string) string {
	return prefix + "tanggal_perubahan DESC NULLS LAST, " + prefix + "id DESC"
}

// TransitionFilter says which transitions are meant: those that meet every condition that is not zero.
type TransitionFilter struct {
	ProductID, FromStageID, ToStageID int64

	Since, Until *time.Time // both included; those without a time, or with one that cannot stand in the mirror, are at no time
	Search       string     // case-insensitive substring of the product's name
}

// Transitions returns at most limit transitions from offset on, newest first, and how many the filter
// lets through. Past the end nothing more is read than the count. Errors: connection, timeout, schema.
func (c *Catalog) Transitions(ctx context.Context, f TransitionFilter, offset, limit int) ([]models.ListedRecord, int64, error) {
	var total int64
	err := c.filteredTransitions(ctx, f).Count(&total).Error
	if err != nil || int64(offset) >= total {
		return []models.ListedRecord{}, total, c.s.Translate(err)
	}
	page := c.filteredTransitions(ctx, f).Select("id").Order(newestFirst("")).Offset(offset).Limit(limit)
	rows, err := c.listedRecords(ctx, page)
	return rows, total, err
}

// filteredTransitions selects the transitions that a filter lets through.
func (c *Catalog) filteredTransitions(ctx context.Context, f TransitionFilter) *gorm.DB {
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
	if f.Search != "" {
		named := c.s.Gorm(ctx).Table(productTable).Select("id").Where(`lower(produk) LIKE lower(?) ESCAPE '\'`, containing(f.Search))
		query = query.Where("id_produk IN (?)", named)
	}
	return query
}

// changedAt is the time of a transition, for comparisons that can use its index.
func (c *Catalog) changedAt() string {
	histories := c.s.Table("tbl_stage_histori")
	return c.fits(histories, "tanggal_perubahan") + " AND " + c.s.Sortable("tanggal_perubahan", columnOf(histories, "tanggal_perubahan"))
}

// LatestTransitions returns at most limit transitions of a product, newest first. Errors: as
// Transitions.
func (c *Catalog) LatestTransitions(ctx context.Context, productID int64, limit int) ([]models.ListedRecord, error) {
	return c.listedRecords(ctx, c.s.Gorm(ctx).Table(historyTable).Select("id").Where("id_produk = ?", productID).
		Order(newestFirst("")).Limit(limit))
}

// Transition returns one transition. Errors: not found, connection, timeout, schema.
func (c *Catalog) Transition(ctx context.Context, id int64) (models.ListedRecord, error) {
	rows, err := c.listedRecords(ctx, c.s.Gorm(ctx).Table(historyTable).Select("id").Where("id = ?", id))
	if err != nil || len(rows) == 0 {
		return models.ListedRecord{}, cmp.Or[error](err, models.NewError(models.NotFound, "pmo.no_transition", models.Params{"id": id}))
	}
	return rows[0], nil
}

// listedRecords reads the transitions that a query of ids selects, newest first.
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

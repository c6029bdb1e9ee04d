package catalog

import (
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
)

// DatedFilter is a ProductFilter as of a day. Products become overdue with time, so only On returns one.
type DatedFilter struct {
	ProductFilter

	today models.Date
}

// On returns the filter as of the day of now, in its time zone.
func (f ProductFilter) On(now time.Time) DatedFilter {
	return DatedFilter{ProductFilter: f, today: models.NewDate(now.Date())}
}

// MissingColumn is the column whose value Missing asks to be missing; known is false when there is none
// such.
func (f ProductFilter) MissingColumn() (column string, known bool) {
	switch f.Missing {
	case "segment":
		return "id_segmen", true
	case "stage":
		return "id_stage", true
	case "category":
		return "id_kategori", true
	case "price":
		return "harga", true
	case "launchDate":
		return "tanggal_launch", true
	default:
		return "", false
	}
}

// unfinished keeps the products that somebody should see to: exactly those that ProductGroups counts so.
func (c *Catalog) unfinished(query *gorm.DB, f DatedFilter) *gorm.DB {
	products := c.s.Table("tbl_produk")
	if column, known := f.MissingColumn(); known {
		query = query.Where(c.fit(products, column) + " IS NULL")
	}
	if f.Overdue {
		query = query.Where(c.overdue(c.fit(products, "tanggal_stage_end"), c.fit(products, "id_stage"), f.today))
	}
	return query
}

// overdue is the condition under which a product should have left its stage, which is not the last of the
// lifecycle, before a day.
func (c *Catalog) overdue(stageEnd, stageID string, today models.Date) string {
	return stageEnd + " < " + c.s.DateLiteral(today) + " AND (" + stageID + " IS NULL OR " + stageID + " <> (SELECT coalesce(max(id), 0) FROM tbl_stage_lifecycle))"
}

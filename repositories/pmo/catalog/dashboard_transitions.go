package catalog

import (
	"context"
	"strings"

	"gorm.io/gorm"
)

// TransitionGroup sums up the transitions from one stage to another that happened in one month, by the
// stage that the product had entered before. The ids are nil for transitions that name none.
type TransitionGroup struct {
	Entered  *int64 `gorm:"column:entered"` // by the product's transition before this one
	FromID   *int64 `gorm:"column:from_id"`
	ToID     *int64 `gorm:"column:to_id"`
	Month    *int   `gorm:"column:month"` // from 1, of the calendar; nil without a time, and else of none
	Count    int64  `gorm:"column:transitions"`
	Timed    int64  `gorm:"column:timed"`    // that have one before them, both with a time
	Seconds  string `gorm:"column:seconds"`  // between those two, summed up
	Shortest *int64 `gorm:"column:shortest"` // likewise, the least
	Longest  *int64 `gorm:"column:longest"`
}

// TransitionGroups sums up the transitions of the products that a filter lets through, in one pass. A
// time counts to its second, and as missing where it cannot stand in the mirror. Errors: connection,
// timeout, schema.
func (c *Catalog) TransitionGroups(ctx context.Context, f DatedFilter, cal Calendar) (groups []TransitionGroup, err error) {
	histories := c.s.Table("tbl_stage_histori")
	// Where a time that does not fit stands in the order does not matter: no stay is measured from it or to it.
	at := c.s.Sortable("tanggal_perubahan", columnOf(histories, "tanggal_perubahan"))
	second := "CASE WHEN " + c.fits(histories, "tanggal_perubahan") + " THEN " + c.s.EpochSecond(at) + " END"
	rows := c.s.Unflattened(c.transitionsOf(ctx, f).Select(strings.Join([]string{
		"id, id_produk", c.fit(histories, "stage_previous") + " AS from_id", c.fit(histories, "stage_now") + " AS to_id", at + " AS at", second + " AS second",
	}, ", ")))
	err = c.s.Gorm(ctx).Raw("SELECT entered, from_id, to_id, month, count(*) AS transitions, count(stay) AS timed, "+
		"CAST(coalesce(sum(stay), 0) AS text) AS seconds, min(stay) AS shortest, max(stay) AS longest FROM ("+
		"SELECT from_id, to_id, "+c.s.HistogramBucket("at", timeTexts(cal.Times), "timestamptz")+" AS month, "+
		"lag(to_id) OVER w AS entered, second - lag(second) OVER w AS stay "+
		"FROM (?) AS h WINDOW w AS (PARTITION BY id_produk ORDER BY at NULLS LAST, id)) AS stays GROUP BY 1, 2, 3, 4", rows).Scan(&groups).Error
	return groups, c.s.Translate(err)
}

// transitionsOf selects the transitions of the products that a filter lets through.
func (c *Catalog) transitionsOf(ctx context.Context, f DatedFilter) *gorm.DB {
	query := c.s.Gorm(ctx).Table(historyTable)
	if f.ProductFilter != (ProductFilter{}) {
		query = query.Where("id_produk IN (?)", c.filtered(ctx, f).Select("id"))
	}
	return query
}

package catalog

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
)

// Calendar defines "today" and "month" for the dashboard.
type Calendar struct {
	Today   models.Date
	YearAgo models.Date // launches after it and up to today are of the last 12 months
	// Days are the first days of consecutive months, and Times the instants at which they begin. The
	// last one ends the month before it.
	Days  []models.Date
	Times []time.Time
}

// ProductGroup sums up the products of one segment, stage and category that were launched in one month.
// The ids are nil for products that have none.
type ProductGroup struct {
	SegmentID  *int64 `gorm:"column:segment_id"`
	StageID    *int64 `gorm:"column:stage_id"`
	CategoryID *int64 `gorm:"column:category_id"`
	Month      *int   `gorm:"column:month"` // from 1, of the calendar; nil without a plausible launch date
	Count      int64  `gorm:"column:products"`
	Priced     int64  `gorm:"column:priced"` // that have a price
	// The sum of the prices is ValueHigh * 2^32 + ValueLow: SQLite has no whole numbers past 64 bits.
	ValueHigh string `gorm:"column:value_high"`
	ValueLow  string `gorm:"column:value_low"`
	// Implausible counts launch dates that are placeholders or too late to be true. Everywhere else they count as missing.
	Implausible int64 `gorm:"column:implausible"`
	New         int64 `gorm:"column:new"`     // launched in the last 12 months
	Overdue     int64 `gorm:"column:overdue"` // past the planned end of their stage, which is not the last
	Started     int64 `gorm:"column:started"` // with a known stage start
	Days        int64 `gorm:"column:days"`    // the sum of their days in the stage
}

// ProductGroups sums up the products that match a filter, in one pass. Unsupported values
// count as missing. Errors: connection, timeout, schema.
func (c *Catalog) ProductGroups(ctx context.Context, f DatedFilter, cal Calendar) (groups []ProductGroup, err error) {
	products := c.s.Table("tbl_produk")
	fit := func(column string) string { return c.fit(products, column) }
	rows := c.s.Unflattened(c.filtered(ctx, f).Select(strings.Join([]string{
		fit("id_segmen") + " AS segment_id", fit("id_stage") + " AS stage_id", fit("id_kategori") + " AS category_id", fit("harga") + " AS price",
		c.plausible(fit(launchColumn)) + " AS launch", c.implausible(fit(launchColumn)) + " AS implausible",
		fit("tanggal_stage_start") + " AS stage_start", fit("tanggal_stage_end") + " AS stage_end",
	}, ", ")))
	today := c.s.DateLiteral(cal.Today)
	count := func(condition string) string { return "count(CASE WHEN " + condition + " THEN 1 END)" }
	err = c.s.Gorm(ctx).Table("(?) AS p", rows).Select(strings.Join([]string{
		"segment_id, stage_id, category_id, " + c.s.HistogramBucket("launch", dateTexts(cal.Days), "date") + " AS month",
		"count(*) AS products, count(price) AS priced",
		"CAST(coalesce(sum(price >> 32), 0) AS text) AS value_high, CAST(coalesce(sum(price & 4294967295), 0) AS text) AS value_low",
		count("implausible") + " AS implausible",
		count("launch > "+c.s.DateLiteral(cal.YearAgo)+" AND launch <= "+today) + " AS new",
		count(c.overdue("stage_end", "stage_id", cal.Today)) + " AS overdue",
		count("stage_start <= "+today) + " AS started",
		"coalesce(sum(CASE WHEN stage_start <= " + today + " THEN " + c.s.DaysBetween("stage_start", today) + " END), 0) AS days",
	}, ", ")).Group("1, 2, 3, 4").Scan(&groups).Error
	return groups, c.s.Translate(err)
}

// RecentProducts returns the newest products that match a filter. Errors: connection, timeout,
// schema.
func (c *Catalog) RecentProducts(ctx context.Context, f DatedFilter, limit int) ([]models.ListedProduct, error) {
	order := ProductOrder{Column: "created_at", Descending: true}
	products := []models.ListedProduct{}
	page := c.filtered(ctx, f).Select("id").Order(order.by("")).Limit(limit)
	if err := c.listed(ctx, page).Order(order.by("p.")).Scan(&products).Error; err != nil {
		return nil, c.s.Translate(err)
	}
	return products, c.complete(ctx, products)
}

// fewRecords is the maximum number of a filter's records that are sorted at once.
const fewRecords = 20_000

// RecentStageRecords returns the newest records of the products that match a filter, of is the number of these
// records. If they are few, it finds all of them by product and sorts them: a scan from the newest record of all products
// would read nearly the whole table. Errors: as RecentProducts.
func (c *Catalog) RecentStageRecords(ctx context.Context, f DatedFilter, of int64, limit int) ([]models.ListedRecord, error) {
	if of == 0 {
		return []models.ListedRecord{}, nil
	}
	page := c.recordsOf(ctx, f).Select("id")
	if !f.IsZero() && of <= fewRecords {
		few := c.recordsOf(ctx, f).Select("id, tanggal_perubahan").Limit(fewRecords) // the LIMIT keeps the planner from flattening the subquery
		page = c.s.Gorm(ctx).Table("(?) AS few", few).Select("id")
	}
	return c.listedRecords(ctx, page.Order(newestFirst("")).Limit(limit))
}

// LastSync returns the end of the last successful run, nil if there was none. Errors: as RecentProducts.
func (c *Catalog) LastSync(ctx context.Context) (*models.Instant, error) {
	var ends []*models.Instant
	err := c.s.Gorm(ctx).Model(&models.Run{}).Where(journal.SuccessfulSyncs).Order("id DESC").Limit(1).Pluck("finished_at", &ends).Error
	if err != nil || len(ends) == 0 {
		return nil, c.s.Translate(err)
	}
	return ends[0], nil
}

// fits returns the SQL condition that a column's value can be mirrored.
func (c *Catalog) fits(t *models.Table, column string) string {
	return c.s.Fits(column, t.Column(column))
}

// fit returns the SQL expression for a column's canonical value, NULL if it cannot be mirrored.
func (c *Catalog) fit(t *models.Table, column string) string {
	return c.s.Fitting(column, t.Column(column))
}

func dateTexts(days []models.Date) []string {
	texts := make([]string, len(days))
	for i, d := range days {
		texts[i] = d.String()
	}
	return texts
}

// timeTexts formats instants as SQLite stores them; PostgreSQL accepts that form, too.
func timeTexts(times []time.Time) []string {
	texts := make([]string, len(times))
	for i, t := range times {
		texts[i] = models.InstantOf(t).String()
	}
	return texts
}

// MoveGroup sums up the records from one stage to another that happened in one month, by the
// stage that the product had entered before. The ids are nil for records that name none.
type MoveGroup struct {
	Entered  *int64 `gorm:"column:entered"` // by the product's record before this one
	FromID   *int64 `gorm:"column:from_id"`
	ToID     *int64 `gorm:"column:to_id"`
	Month    *int   `gorm:"column:month"` // from 1, of the calendar; nil without a time, and else of none
	Count    int64  `gorm:"column:moves"`
	Timed    int64  `gorm:"column:timed"`    // records with an earlier one, both with a time
	Seconds  string `gorm:"column:seconds"`  // sum of the times between the two
	Shortest *int64 `gorm:"column:shortest"` // the shortest of these times
	Longest  *int64 `gorm:"column:longest"`
}

// MoveGroups sums up the records of the products that match a filter, in one pass. A
// time is truncated to its second; an unsupported one is missing. Raw, because GORM has no window functions. Errors: connection,
// timeout, schema.
func (c *Catalog) MoveGroups(ctx context.Context, f DatedFilter, cal Calendar) (groups []MoveGroup, err error) {
	histories := c.s.Table("tbl_stage_histori")
	// The position of an unsupported time in the order does not matter: no stay begins or ends at it.
	at := c.s.Sortable("tanggal_perubahan", histories.Column("tanggal_perubahan"))
	second := "CASE WHEN " + c.fits(histories, "tanggal_perubahan") + " THEN " + c.s.EpochSecond(at) + " END"
	rows := c.s.Unflattened(c.recordsOf(ctx, f).Select(strings.Join([]string{
		"id, id_produk", c.fit(histories, "stage_previous") + " AS from_id", c.fit(histories, "stage_now") + " AS to_id", at + " AS at", second + " AS second",
	}, ", ")))
	err = c.s.Gorm(ctx).Raw("SELECT entered, from_id, to_id, month, count(*) AS moves, count(stay) AS timed, "+
		"CAST(coalesce(sum(stay), 0) AS text) AS seconds, min(stay) AS shortest, max(stay) AS longest FROM ("+
		"SELECT from_id, to_id, "+c.s.HistogramBucket("at", timeTexts(cal.Times), "timestamptz")+" AS month, "+
		"lag(to_id) OVER w AS entered, second - lag(second) OVER w AS stay "+
		"FROM (?) AS h WINDOW w AS (PARTITION BY id_produk ORDER BY at NULLS LAST, id)) AS stays GROUP BY 1, 2, 3, 4", rows).Scan(&groups).Error
	return groups, c.s.Translate(err)
}

// recordsOf selects the records of the products that match a filter.
func (c *Catalog) recordsOf(ctx context.Context, f DatedFilter) *gorm.DB {
	query := c.s.Gorm(ctx).Table(historyTable)
	if !f.IsZero() {
		query = query.Where("id_produk IN (?)", c.filtered(ctx, f).Select("id"))
	}
	return query
}

package catalog

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo/journal"
)

// ProductFilter selects the products that meet every condition that is not zero.
type ProductFilter struct {
	IDs         []int64
	Search      string // words, each a case-insensitive substring of name, description or customer
	Missing     string // what they lack: see MissingColumn
	Implausible string // which date is implausible: "" or ImplausibleLaunch

	StageIDs, SegmentIDs, CategoryIDs []int64 // one of them
	Stage, Segment, Category          string  // names, exact but for case

	Overdue      bool   // past the planned end of their stage, which is not the last
	DueWithin    int64  // maximum number of days until the planned end of their stage, which is not the last
	LaunchWithin string // "" or NextQuarter

	// Ranges include both ends. Products without the value are in none.
	PriceFrom, PriceTo       *int64 // rupiah
	LaunchFrom, LaunchTo     *models.Date
	StageEndFrom, StageEndTo *models.Date

	UpdatedSince    *time.Time
	UpdatedSinceDay *models.Date // from the beginning of this day in the time zone of On
}

// IsZero reports whether the filter selects all products.
func (f ProductFilter) IsZero() bool { return reflect.ValueOf(f).IsZero() }

// ProductOrder is a column of tbl_produk and the direction in which it is read. NULLs come last in
// both, and the id settles ties, so the order is total.
type ProductOrder struct {
	Column     string
	Descending bool
	nullsFirst bool // reversed
}

const productTable = "tbl_produk_lifecycle"

// fewHits is the maximum number of a search's hits that are counted and sorted at once.
const fewHits = 50_000

// Products returns at most limit products from offset on, and the number of matches. Past
// the end it reads only the count. Only in a transaction. Errors: connection, timeout, schema.
func (c *Catalog) Products(ctx context.Context, f DatedFilter, order ProductOrder, offset, limit int) ([]models.ListedProduct, int64, error) {
	products, total, err := c.products(ctx, f, order, offset, limit)
	if err == nil {
		err = c.complete(ctx, products)
	}
	return products, total, err
}

// products does this without versions and numbers of files.
func (c *Catalog) products(ctx context.Context, f DatedFilter, order ProductOrder, offset, limit int) ([]models.ListedProduct, int64, error) {
	if f.Search != "" {
		found, total, err := c.foundProducts(ctx, f, order, offset, limit)
		if err != nil || total > 0 || len(found) == 0 && offset == 0 {
			return found, total, err
		}
	}
	products := []models.ListedProduct{}
	var total int64
	err := c.filtered(ctx, f).Count(&total).Error
	if err != nil || int64(offset) >= total {
		return products, total, c.s.Translate(err)
	}
	// Select the page's ids first: skipping index entries is much cheaper than skipping joined rows. Read from the nearer
	// end.
	reading, skip, most := order, offset, min(limit, int(total)-offset)
	if behind := int(total) - offset - most; behind < offset {
		reading, skip = order.reversed(), behind
	}
	page := c.filtered(ctx, f).Select("id").Order(reading.by("")).Offset(skip).Limit(most)
	err = c.listed(ctx, page).Order(order.by("p.")).Scan(&products).Error
	return products, total, c.s.Translate(err)
}

// foundProducts reads a page of a search's hits and counts them in the same query, which saves a second search. The count
// is 0 if there are more than fewHits, for which a separate count is faster, and if the page is past the end.
func (c *Catalog) foundProducts(ctx context.Context, f DatedFilter, order ProductOrder, offset, limit int) ([]models.ListedProduct, int64, error) {
	var rows []struct {
		models.ListedProduct

		Total int64 `gorm:"column:total"`
	}
	hits := c.filtered(ctx, f).Select(strings.Join(slices.Compact([]string{"id", order.Column}), ", ")).Limit(fewHits + 1)
	// Counted in a subquery: otherwise PostgreSQL plans to stop after one page.
	counted := c.s.Gorm(ctx).Table("(?) AS hits", hits).Select("*, count(*) OVER () AS total")
	page := c.s.Gorm(ctx).Table("(?) AS counted", counted).Select("id, total").Order(order.by("")).Offset(offset).Limit(limit)
	err := c.listed(ctx, page, "page.total").Order(order.by("p.")).Scan(&rows).Error
	products := make([]models.ListedProduct, len(rows))
	total := int64(0)
	for i, row := range rows {
		products[i], total = row.ListedProduct, row.Total
	}
	if total > fewHits {
		total = 0
	}
	return products, total, c.s.Translate(err)
}

// Product returns one product. Errors: not found, quarantined, connection, timeout, schema.
func (c *Catalog) Product(ctx context.Context, id int64) (models.ListedProduct, error) {
	var rows []models.ListedProduct
	err := c.listed(ctx, c.s.Gorm(ctx).Table(productTable).Select("id").Where("id = ?", id)).Scan(&rows).Error
	if err != nil {
		return models.ListedProduct{}, c.s.Translate(err)
	}
	if len(rows) == 0 {
		return models.ListedProduct{}, c.absentProduct(ctx, id)
	}
	err = c.complete(ctx, rows)
	return rows[0], err
}

// absentProduct returns the error for a product that is not in the mirror. Errors: not found, quarantined, connection.
func (c *Catalog) absentProduct(ctx context.Context, id int64) error {
	notFound := models.NewError(models.NotFound, "pmo.no_product", models.Params{"id": id})
	return journal.New(c.s).Absent(ctx, c.s.Table("tbl_produk").Name, id, notFound)
}

// namesJoin joins a product p with the rows that have the names of its segment, stage and category.
const namesJoin = "LEFT JOIN tbl_segmen_lifecycle segment ON segment.id = p.id_segmen" +
	" LEFT JOIN tbl_stage_lifecycle stage ON stage.id = p.id_stage" +
	" LEFT JOIN tbl_kategori_lifecycle category ON category.id = p.id_kategori"

// listed reads the products that a query of ids selects, in any order, and further columns.
func (c *Catalog) listed(ctx context.Context, page *gorm.DB, further ...string) *gorm.DB {
	return c.s.Gorm(ctx).Table("(?) AS page", page).
		Joins("JOIN " + productTable + " p ON p.id = page.id").
		Joins(namesJoin).
		Select(strings.Join(append([]string{c.s.ReadableColumns("p", c.s.Table("tbl_produk")), "segment.segmen, stage.stage, category.kategori"}, further...), ", "))
}

// filtered selects the products that match a filter.
func (c *Catalog) filtered(ctx context.Context, f DatedFilter) *gorm.DB {
	query := c.s.Gorm(ctx).Table(productTable)
	for _, word := range SearchWords(f.Search) {
		query = query.Where(`lower(produk) LIKE lower(@like) ESCAPE '\' OR lower(deskripsi) LIKE lower(@like) ESCAPE '\'`+
			` OR lower(pelanggan) LIKE lower(@like) ESCAPE '\'`, map[string]any{"like": containing(word)})
	}
	if f.IDs != nil {
		query = query.Where("id IN ?", f.IDs)
	}
	query = c.of(ctx, query, "stage", f.StageIDs, f.Stage)
	query = c.of(ctx, query, "segmen", f.SegmentIDs, f.Segment)
	query = c.of(ctx, query, "kategori", f.CategoryIDs, f.Category)
	return c.inRanges(c.unfinished(query, f), f)
}

// SearchWords returns the words of a search without those that are part of another one: they are found with it.
func SearchWords(search string) []string {
	words := strings.Fields(search)
	var all []string
	for i, word := range words {
		isPart := func(other string) bool { return other != word && strings.Contains(other, word) }
		if !slices.ContainsFunc(words, isPart) && !slices.Contains(words[:i], word) {
			all = append(all, word)
		}
	}
	return all
}

// containing returns the LIKE pattern for texts that contain this one.
func containing(text string) string {
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
}

// of selects the products of stages, segments or categories (what is their column name), by ids and by name.
func (c *Catalog) of(ctx context.Context, query *gorm.DB, what string, ids []int64, name string) *gorm.DB {
	if len(ids) > 0 {
		query = query.Where("id_"+what+" IN ?", ids)
	}
	if name != "" {
		named := c.s.Gorm(ctx).Table("tbl_"+what+"_lifecycle").Select("id").Where("lower("+what+") = lower(?)", name)
		query = query.Where("id_"+what+" IN (?)", named)
	}
	return query
}

// reversed reads from the other end: NULLs first.
func (o ProductOrder) reversed() ProductOrder {
	return ProductOrder{Column: o.Column, Descending: !o.Descending, nullsFirst: !o.nullsFirst}
}

// by returns the ORDER BY for columns with a prefix. The id is never NULL; it stands alone so that its index can be used.
func (o ProductOrder) by(prefix string) string {
	direction, nulls := " ASC", " NULLS LAST, "
	if o.Descending {
		direction = " DESC"
	}
	if o.nullsFirst {
		nulls = " NULLS FIRST, "
	}
	if o.Column == "id" {
		return prefix + "id" + direction
	}
	return prefix + o.Column + direction + nulls + prefix + "id" + direction
}

// DatedFilter is a ProductFilter as of a day. Its result changes with time, so only On returns one.
type DatedFilter struct {
	ProductFilter

	today models.Date
}

// On returns the filter as of the day of now, in its time zone.
func (f ProductFilter) On(now time.Time) DatedFilter {
	if f.UpdatedSinceDay != nil {
		year, month, day := f.UpdatedSinceDay.Time().Date()
		midnight := time.Date(year, month, day, 0, 0, 0, 0, now.Location())
		f.UpdatedSince = &midnight
	}
	return DatedFilter{ProductFilter: f, today: models.NewDate(now.Date())}
}

// MissingColumn returns the column that Missing names; known is false if it names none.
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
		return launchColumn, true
	default:
		return "", false
	}
}

// ImplausibleLaunch is the one value of Implausible.
const ImplausibleLaunch = "launchDate"

// launchColumn has implausible dates in the field: other programs store placeholders there.
const launchColumn = "tanggal_launch"

// unfinished selects incomplete or overdue products, exactly as ProductGroups counts them.
func (c *Catalog) unfinished(query *gorm.DB, f DatedFilter) *gorm.DB {
	products := c.s.Table("tbl_produk")
	if column, known := f.MissingColumn(); known {
		value := c.fit(products, column)
		if column == launchColumn {
			value = c.plausible(value)
		}
		query = query.Where(value + " IS NULL")
	}
	if f.Implausible == ImplausibleLaunch {
		query = query.Where(c.implausible(c.fit(products, launchColumn)))
	}
	if f.Overdue {
		query = query.Where(c.overdue(c.fit(products, "tanggal_stage_end"), c.fit(products, "id_stage"), f.today))
	}
	if f.DueWithin > 0 {
		last := daysAfter(f.today, f.DueWithin)
		query = c.between(query, "tanggal_stage_end", &f.today, &last).Where(notInLastStage(c.fit(products, "id_stage")))
	}
	return query
}

// NextQuarter is the one value of LaunchWithin: the calendar quarter after the current one.
const NextQuarter = "nextQuarter"

// nextQuarter returns the first and the last day of the quarter after a day's.
func nextQuarter(today models.Date) (first, last models.Date) {
	const months = 3
	year, month, _ := today.Time().Date()
	begin := (month-1)/months*months + 1 + months
	return models.NewDate(year, begin, 1), models.NewDate(year, begin+months, 0)
}

// daysAfter returns the day that is some days after another.
func daysAfter(day models.Date, days int64) models.Date {
	year, month, date := day.Time().Date()
	return models.NewDate(year, month, date+int(days))
}

// inRanges selects the products whose price and times are in the filter's ranges.
func (c *Catalog) inRanges(query *gorm.DB, f DatedFilter) *gorm.DB {
	products := c.s.Table("tbl_produk")
	if f.PriceFrom != nil {
		query = query.Where(c.fit(products, "harga")+" >= ?", *f.PriceFrom)
	}
	if f.PriceTo != nil {
		query = query.Where(c.fit(products, "harga")+" <= ?", *f.PriceTo)
	}
	query = c.between(query, launchColumn, f.LaunchFrom, f.LaunchTo)
	query = c.between(query, "tanggal_stage_end", f.StageEndFrom, f.StageEndTo)
	if f.LaunchWithin == NextQuarter {
		first, last := nextQuarter(f.today)
		query = c.between(query, launchColumn, &first, &last)
	}
	if f.UpdatedSince != nil {
		updated := c.fits(products, "updated_at") + " AND " + c.s.Sortable("updated_at", products.Column("updated_at"))
		query = query.Where(updated+" >= ?", models.InstantOf(*f.UpdatedSince).String())
	}
	return query
}

// between selects the products with a date in a range, whose ends may be nil.
func (c *Catalog) between(query *gorm.DB, column string, from, to *models.Date) *gorm.DB {
	if from == nil && to == nil {
		return query
	}
	products := c.s.Table("tbl_produk")
	query = query.Where(c.fits(products, column))
	date := c.s.Sortable(column, products.Column(column))
	if from != nil {
		query = query.Where(date + " >= " + c.s.DateLiteral(*from))
	}
	if to != nil {
		query = query.Where(date + " <= " + c.s.DateLiteral(*to))
	}
	return query
}

// implausible returns the SQL condition that a date is a placeholder or too late to be true.
func (c *Catalog) implausible(date string) string {
	var placeholders []string
	for _, d := range models.PlaceholderDates() {
		placeholders = append(placeholders, c.s.DateLiteral(d))
	}
	return "(" + date + " IN (" + strings.Join(placeholders, ", ") + ") OR " + date + " > " + c.s.DateLiteral(models.LastPlausibleDate()) + ")"
}

// plausible returns the SQL expression for a date that is not implausible, otherwise NULL.
func (c *Catalog) plausible(date string) string {
	return "CASE WHEN " + c.implausible(date) + " THEN NULL ELSE " + date + " END"
}

// overdue returns the SQL condition that the planned stage end is before a day and the stage is not the last one.
func (c *Catalog) overdue(stageEnd, stageID string, today models.Date) string {
	return stageEnd + " < " + c.s.DateLiteral(today) + " AND " + notInLastStage(stageID)
}

// notInLastStage returns the SQL condition that a stage is not the last one.
func notInLastStage(stageID string) string {
	return "(" + stageID + " IS NULL OR " + stageID + " <> (SELECT coalesce(max(id), 0) FROM tbl_stage_lifecycle))"
}

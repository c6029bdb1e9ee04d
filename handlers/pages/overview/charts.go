package overview

import (
	"math/big"
	"strconv"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/web/messages"
)

// charts builds the charts. Their links keep the filters.
type charts struct {
	pages.FilterQuery
	*messages.Printer
}

// axis is a dimension by which products are counted.
type axis string

// The axes, named as in the filter "missing".
const (
	stage    axis = "stage"
	segment  axis = "segment"
	category axis = "category"
)

// heading returns the axis's label.
func (a axis) heading() models.Text { return messages.FieldLabel(string(a) + "Id") }

// filter returns the filter for products with a value of the axis.
func (a axis) filter(l reports.Label) []string {
	if l.ID == nil {
		return []string{"missing", string(a)}
	}
	return []string{string(a) + "Id", strconv.FormatInt(*l.ID, 10)}
}

// name returns the display name of an axis value; products may have no value.
func (ch charts) name(a axis, l reports.Label) string {
	if l.ID == nil {
		return ch.Text(models.NewText("console_missing."+string(a), nil))
	}
	return messages.ShortName(l.Name, *l.ID)
}

// bars is a bar chart: a table with a bar under each row's name.
type bars struct { //nolint:recvcheck // templates call methods of values
	ID             string
	Title, Hint    models.Text
	RowHeading     models.Text   // heading of the names
	ColumnHeadings []models.Text // headings of the figures
	Rows           []bar
}

// bar is a row of a bar chart.
type bar struct {
	Name, Address string
	Length        int64 // in percent of the longest
	Figures       []string

	amount *big.Int
}

// add adds a row for an axis value; isLink links it to the products.
func (b *bars) add(ch charts, a axis, l reports.Label, amount *big.Int, isLink bool, figures ...string) {
	row := bar{Name: ch.name(a, l), amount: amount, Figures: figures}
	if isLink {
		row.Address = ch.Products(a.filter(l)...)
	}
	b.Rows = append(b.Rows, row)
}

// withLengths sets the bars' lengths.
func (b bars) withLengths() bars {
	highest := new(big.Int)
	for _, row := range b.Rows {
		if row.amount.Cmp(highest) > 0 {
			highest = row.amount
		}
	}
	for i, row := range b.Rows {
		b.Rows[i].Length = percent(row.amount, highest)
	}
	return b
}

// percent returns n in percent of highest; at least 1 for a positive n, so that it is visible.
func percent(n, highest *big.Int) int64 {
	const hundred = 100
	if n.Sign() <= 0 || highest.Sign() <= 0 {
		return 0
	}
	part := new(big.Int).Mul(n, big.NewInt(hundred))
	return max(1, part.Quo(part, highest).Int64())
}

// shares returns the chart of products by an axis.
func (ch charts) shares(a axis, shares []reports.Share) bars {
	b := bars{
		ID: "by-" + string(a), Title: models.NewText("console_overview.products_by_"+string(a), nil), RowHeading: a.heading(),
		ColumnHeadings: []models.Text{models.NewText("console.nav_products", nil), models.NewText("console_overview.share", nil)},
	}
	for _, s := range shares {
		b.add(ch, a, s.Label, big.NewInt(s.Count), s.Count > 0, ch.Number(s.Count), ch.Tenths(s.Percentage)+"\u00a0%")
	}
	return b.withLengths()
}

// values returns the chart of the products' value by stage.
func (ch charts) values(sums []reports.Sum) bars {
	value := models.NewText("console_overview.value", nil)
	b := bars{ID: "value-by-stage", Title: models.NewText("console_overview.value_by_stage", nil), RowHeading: stage.heading(), ColumnHeadings: []models.Text{value}}
	for _, s := range sums {
		b.add(ch, stage, s.Label, s.Value, s.Value.Sign() != 0, ch.Rupiah(s.Value))
	}
	return b.withLengths()
}

// durations returns the chart of the time that products stayed in each stage. The bars show the average.
func (ch charts) durations(speeds []reports.Speed) bars {
	b := bars{
		ID: "time-in-stage", Title: models.NewText("console_overview.time_in_stage", nil), Hint: models.NewText("console_overview.time_in_stage_hint", nil), RowHeading: stage.heading(),
	}
	for _, name := range []string{"average", "shortest", "longest", "stays"} {
		b.ColumnHeadings = append(b.ColumnHeadings, models.NewText("console_overview."+name, nil))
	}
	for _, s := range speeds {
		average := new(big.Int)
		if s.Average != nil {
			average.SetInt64(int64(*s.Average))
		}
		b.add(ch, stage, s.Label, average, true,
			ch.Tenths((*reports.Tenths)(s.Average)), ch.Tenths((*reports.Tenths)(s.Shortest)), ch.Tenths((*reports.Tenths)(s.Longest)), ch.Number(s.Moves))
	}
	return b.withLengths()
}

// heat is a heatmap of products by segment and stage.
type heat struct {
	Stages []heatCell // column headings with totals
	Rows   []heatRow
	Total  int64
}

type heatRow struct {
	heatCell

	Cells []heatCell
}

// heatCell is a product count of a segment, a stage, or both. Level is from 0 (no products) to 5 (the highest counts).
type heatCell struct {
	Name, Address string
	Count, Level  int64
}

func (ch charts) heat(rows []reports.SegmentRow, stages []reports.Share, total int64) heat {
	h := heat{Total: total}
	for _, s := range stages {
		h.Stages = append(h.Stages, ch.cell(stage, s.Label, s.Count))
	}
	highest := int64(0)
	for _, row := range rows {
		for _, c := range row.Stages {
			highest = max(highest, c.Count)
		}
	}
	for _, row := range rows {
		heatRow := heatRow{heatCell: ch.cell(segment, row.Label, row.Count)}
		for _, c := range row.Stages {
			cell := ch.cell(stage, c.Label, c.Count, segment.filter(row.Label)...)
			cell.Level = level(c.Count, highest)
			heatRow.Cells = append(heatRow.Cells, cell)
		}
		h.Rows = append(h.Rows, heatRow)
	}
	return h
}

func (ch charts) cell(a axis, l reports.Label, count int64, filter ...string) heatCell {
	c := heatCell{Name: ch.name(a, l), Count: count}
	if count > 0 {
		c.Address = ch.Products(append(a.filter(l), filter...)...)
	}
	return c
}

// level returns 1 for up to a fifth of the highest count, and 5 for more than four fifths.
func level(count, highest int64) int64 {
	const fifth = 20
	return (percent(big.NewInt(count), big.NewInt(highest)) + fifth - 1) / fifth
}

// months is a column chart with a column per month, and a table of the same figures.
type months struct {
	ID        string
	Title     models.Text
	Total     int64
	Top, Half uint64 // of the scale
	Columns   []column
	Labels    []string // month names under the chart, equally spaced
}

// column is a column of a chart that is 100 units high and 10 units wide per month.
type column struct {
	Month        string
	Count        int64
	X, Y, Height int64
}

func (ch charts) months(id string, title models.Text, counts []reports.MonthCount) months {
	const (
		width, height  = 10, 100
		monthsPerLabel = 6 // fits on a phone
	)
	m := months{ID: id, Title: title}
	highest := int64(0)
	for _, c := range counts {
		highest = max(highest, c.Count)
	}
	m.Top = scaleFor(highest)
	m.Half = m.Top / 2
	for i, c := range counts {
		part := percent(big.NewInt(c.Count), new(big.Int).SetUint64(m.Top))
		m.Columns = append(m.Columns, column{Month: ch.Month(c.Month), Count: c.Count, X: int64(i) * width, Y: height - part, Height: part})
		m.Total += c.Count
		if i%monthsPerLabel == 0 {
			m.Labels = append(m.Labels, ch.Month(c.Month))
		}
	}
	return m
}

// scaleFor returns the top of a scale: an even round number not below the highest figure.
func scaleFor(highest int64) uint64 {
	for unit := uint64(1); ; unit *= 10 {
		for _, times := range []uint64{2, 4, 6, 8, 10} {
			if top := times * unit; top >= uint64(max(highest, 0)) {
				return top
			}
		}
	}
}

package overview

import (
	"math/big"
	"strconv"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/web/messages"
)

// charts makes the charts. Their links keep the filters.
type charts struct {
	pages.FilterQuery
	*messages.Printer
}

// axis is what products are counted by.
type axis string

// The axes, as the filter "missing" calls them.
const (
	stage    axis = "stage"
	segment  axis = "segment"
	category axis = "category"
)

// heading is the axis's name for people.
func (a axis) heading() models.Text { return messages.FieldLabel(string(a) + "Id") }

// filter matches the products that have a value of the axis.
func (a axis) filter(l reports.Label) []string {
	if l.ID == nil {
		return []string{"missing", string(a)}
	}
	return []string{string(a) + "Id", strconv.FormatInt(*l.ID, 10)}
}

// name is a value of an axis for people; a product may have none.
func (ch charts) name(a axis, l reports.Label) string {
	if l.ID == nil {
		return ch.Text(models.NewText("console_missing."+string(a), nil))
	}
	return messages.Named(l.Name, *l.ID)
}

// bars is a table whose rows have a bar under the name.
type bars struct {
	ID          string
	Title, Hint models.Text
	Of          models.Text   // heads the names
	Heads       []models.Text // head the figures
	Rows        []bar
}

// bar is as long as an amount.
type bar struct {
	Name, Address string
	Length        int64 // in percent of the longest
	Figures       []string

	amount *big.Int
}

// add adds a row of an axis. It is a link if it counts anything.
func (b *bars) add(ch charts, a axis, l reports.Label, amount *big.Int, counts bool, figures ...string) {
	row := bar{Name: ch.name(a, l), amount: amount, Figures: figures}
	if counts {
		row.Address = ch.Products(a.filter(l)...)
	}
	b.Rows = append(b.Rows, row)
}

// scaled sets the lengths.
func (b bars) scaled() bars {
	longest := new(big.Int)
	for _, row := range b.Rows {
		if row.amount.Cmp(longest) > 0 {
			longest = row.amount
		}
	}
	for i, row := range b.Rows {
		b.Rows[i].Length = percent(row.amount, longest)
	}
	return b
}

// percent is n in percent of most; what is more than nothing is visible.
func percent(n, most *big.Int) int64 {
	const all = 100
	if n.Sign() <= 0 || most.Sign() <= 0 {
		return 0
	}
	part := new(big.Int).Mul(n, big.NewInt(all))
	return max(1, part.Quo(part, most).Int64())
}

// shares shows how the products divide along an axis.
func (ch charts) shares(a axis, shares []reports.Share) bars {
	b := bars{
		ID: "by-" + string(a), Title: models.NewText("console_overview.products_by_"+string(a), nil), Of: a.heading(),
		Heads: []models.Text{models.NewText("console.nav_products", nil), models.NewText("console_overview.share", nil)},
	}
	for _, s := range shares {
		b.add(ch, a, s.Label, big.NewInt(s.Count), s.Count > 0, ch.Number(s.Count), ch.Tenths(s.Percentage)+"\u00a0%")
	}
	return b.scaled()
}

// values shows the value of the products in each stage.
func (ch charts) values(sums []reports.Sum) bars {
	value := models.NewText("console_overview.value", nil)
	b := bars{ID: "value-by-stage", Title: models.NewText("console_overview.value_by_stage", nil), Of: stage.heading(), Heads: []models.Text{value}}
	for _, s := range sums {
		b.add(ch, stage, s.Label, s.Value, s.Value.Sign() != 0, ch.Rupiah(s.Value))
	}
	return b.scaled()
}

// durations shows how long products stayed in each stage. A bar is as long as the average.
func (ch charts) durations(of []reports.Speed) bars {
	b := bars{
		ID: "time-in-stage", Title: models.NewText("console_overview.time_in_stage", nil), Hint: models.NewText("console_overview.time_in_stage_hint", nil), Of: stage.heading(),
	}
	for _, name := range []string{"average", "shortest", "longest", "stays"} {
		b.Heads = append(b.Heads, models.NewText("console_overview."+name, nil))
	}
	for _, s := range of {
		average := new(big.Int)
		if s.Average != nil {
			average.SetInt64(int64(*s.Average))
		}
		b.add(ch, stage, s.Label, average, true,
			ch.Tenths((*reports.Tenths)(s.Average)), ch.Tenths((*reports.Tenths)(s.Shortest)), ch.Tenths((*reports.Tenths)(s.Longest)), ch.Number(s.Moves))
	}
	return b.scaled()
}

// heat is the table of segments and stages; a cell is warmer the more products it has.
type heat struct {
	Stages []heatCell // heads of the columns, with their totals
	Rows   []heatRow
	Total  int64
}

type heatRow struct {
	heatCell

	Cells []heatCell
}

// heatCell counts products of a segment or, in a row, of a stage. Level is 0 for none, up to 5 for the most.
type heatCell struct {
	Name, Address string
	Count, Level  int64
}

func (ch charts) heat(rows []reports.SegmentRow, stages []reports.Share, total int64) heat {
	h := heat{Total: total}
	for _, s := range stages {
		h.Stages = append(h.Stages, ch.cell(stage, s.Label, s.Count))
	}
	warmest := int64(0)
	for _, row := range rows {
		for _, c := range row.Stages {
			warmest = max(warmest, c.Count)
		}
	}
	for _, row := range rows {
		shown := heatRow{heatCell: ch.cell(segment, row.Label, row.Count)}
		for _, c := range row.Stages {
			cell := ch.cell(stage, c.Label, c.Count, segment.filter(row.Label)...)
			cell.Level = level(c.Count, warmest)
			shown.Cells = append(shown.Cells, cell)
		}
		h.Rows = append(h.Rows, shown)
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

// level is 1 for up to a fifth of the most, and 5 for more than four fifths.
func level(count, warmest int64) int64 {
	const fifth = 20
	return (percent(big.NewInt(count), big.NewInt(warmest)) + fifth - 1) / fifth
}

// months is a chart with a column for each month, and the table of the same figures.
type months struct {
	ID        string
	Title     models.Text
	Total     int64
	Top, Half uint64 // of the scale
	Columns   []column
	Marks     []string // months under the chart, at equal distances
}

// column is in a picture that is 100 high, and 10 wide for each month.
type column struct {
	Month        string
	Count        int64
	X, Y, Height int64
}

func (ch charts) months(id string, title models.Text, counts []reports.MonthCount) months {
	const (
		width, height     = 10, 100
		monthsBetweenMark = 6 // leaves room for the words on a phone
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
		if i%monthsBetweenMark == 0 {
			m.Marks = append(m.Marks, ch.Month(c.Month))
		}
	}
	return m
}

// scaleFor returns the end of a scale: an even round number that is not less than the highest figure.
func scaleFor(highest int64) uint64 {
	for unit := uint64(1); ; unit *= 10 {
		for _, times := range []uint64{2, 4, 6, 8, 10} {
			if top := times * unit; top >= uint64(max(highest, 0)) {
				return top
			}
		}
	}
}

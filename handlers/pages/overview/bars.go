package overview

import (
	"math/big"
	"strconv"
	"strings"

	"lifecycle-sync/services/reports"
	"lifecycle-sync/web"
)

// axis is what figures stand along: "stage", "segment" or "category".
type axis string

func (a axis) heading() string { return strings.ToUpper(string(a[:1])) + string(a[1:]) }

// text is the name of one of them, or of having none.
func (a axis) text(l reports.Label) string {
	if l.ID == nil {
		return "No " + string(a)
	}
	return web.Named(l.Name, *l.ID)
}

// filter is the filter that lets through the products of one of them, or those that have none.
func (a axis) filter(l reports.Label) []string {
	if l.ID == nil {
		return []string{"missing", string(a)}
	}
	return []string{string(a) + "Id", strconv.FormatInt(*l.ID, 10)}
}

// bars is a chart that is its own table: under each name a bar, beside it the figures.
type bars struct {
	ID, Title, Hint string
	Of              string   // what the names are
	Heads           []string // of the figures
	Rows            []bar
}

type bar struct {
	Text, Address string
	Length        int64 // in hundredths of the longest
	Figures       []string
}

// hundredths is how long a bar is beside the longest; what is more than nothing is seen.
func hundredths(n, most *big.Int) int64 {
	if n.Sign() <= 0 || most.Sign() <= 0 {
		return 0
	}
	part := new(big.Int).Mul(n, big.NewInt(100))
	return max(1, part.Quo(part, most).Int64())
}

// most is the largest of some figures, at least 0.
func most[T any](of []T, figure func(T) *big.Int) *big.Int {
	highest := new(big.Int)
	for _, x := range of {
		if n := figure(x); n.Cmp(highest) > 0 {
			highest = n
		}
	}
	return highest
}

// shares shows how many products there are along an axis.
func (n charts) shares(along axis, shares []reports.Share) bars {
	b := bars{ID: "by-" + string(along), Title: "Products by " + string(along), Of: along.heading(), Heads: []string{"Products", "Share"}}
	count := func(s reports.Share) *big.Int { return big.NewInt(s.Count) }
	longest := most(shares, count)
	for _, s := range shares {
		row := bar{Text: along.text(s.Label), Length: hundredths(count(s), longest), Figures: []string{web.Number(s.Count), web.Tenths(s.Percentage) + "\u00a0%"}}
		if s.Count > 0 {
			row.Address = n.Products(along.filter(s.Label)...)
		}
		b.Rows = append(b.Rows, row)
	}
	return b
}

// values shows what the products of each stage are worth.
func (n charts) values(sums []reports.Sum) bars {
	b := bars{ID: "value-by-stage", Title: "Value by stage", Of: "Stage", Heads: []string{"Value"}}
	value := func(s reports.Sum) *big.Int { return s.Value }
	longest := most(sums, value)
	for _, s := range sums {
		row := bar{Text: axis("stage").text(s.Label), Length: hundredths(s.Value, longest), Figures: []string{web.Rupiah(s.Value)}}
		if s.Value.Sign() != 0 {
			row.Address = n.Products(axis("stage").filter(s.Label)...)
		}
		b.Rows = append(b.Rows, row)
	}
	return b
}

// speeds shows how long products stayed in each stage. A bar is as long as the average.
func (n charts) speeds(of []reports.Speed) bars {
	b := bars{ID: "time-in-stage", Title: "Time in stage", Hint: "days, of stays that have ended", Of: "Stage", Heads: []string{"Average", "Shortest", "Longest", "Stays"}}
	average := func(s reports.Speed) *big.Int {
		if s.Average == nil {
			return new(big.Int)
		}
		return big.NewInt(int64(*s.Average))
	}
	longest := most(of, average)
	for _, s := range of {
		b.Rows = append(b.Rows, bar{
			Text: axis("stage").text(s.Label), Address: n.Products(axis("stage").filter(s.Label)...), Length: hundredths(average(s), longest),
			Figures: []string{web.Tenths(s.Average), web.Tenths(s.Shortest), web.Tenths(s.Longest), web.Number(s.Transitions)},
		})
	}
	return b
}

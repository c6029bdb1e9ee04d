package reports

import (
	"cmp"
	"iter"
	"math/big"
	"slices"
	"strconv"
)

// Label names what a figure is about. Both are nil for products or moves without a stage, segment or category.
type Label struct {
	ID   *int64  `json:"id"`
	Name *string `json:"label"`
}

// axis is the stages, segments or categories of a chart: those in the mirror's lists, then other ids in use, then none.
type axis struct {
	labels []Label
	places map[int64]int
}

// newAxis returns the axis of a list and of the ids in use.
func newAxis[T any](list []T, label func(T) Label, used iter.Seq[*int64]) *axis {
	a, none, unlisted := &axis{labels: []Label{}, places: map[int64]int{}}, false, []int64{}
	add := func(l Label) {
		if l.ID != nil {
			a.places[*l.ID] = len(a.labels)
		}
		a.labels = append(a.labels, l)
	}
	for _, item := range list {
		add(label(item))
	}
	for id := range used {
		if id == nil {
			none = true
		} else if _, listed := a.places[*id]; !listed {
			unlisted = append(unlisted, *id)
		}
	}
	slices.Sort(unlisted)
	for _, id := range slices.Compact(unlisted) {
		add(Label{ID: &id})
	}
	if none {
		add(Label{})
	}
	return a
}

// at returns the place of an id in use; that of nil is the last.
func (a *axis) at(id *int64) int {
	if id == nil {
		return len(a.labels) - 1
	}
	return a.places[*id]
}

// along returns a figure for each place of an axis.
func along[T any](a *axis, figure func(i int, l Label) T) []T {
	out := make([]T, len(a.labels))
	for i, l := range a.labels {
		out[i] = figure(i, l)
	}
	return out
}

// ids returns an id of each group.
func ids[G any](groups []G, id func(G) *int64) iter.Seq[*int64] {
	return func(yield func(*int64) bool) {
		for _, g := range groups {
			if !yield(id(g)) {
				return
			}
		}
	}
}

// Tenths is a figure with one decimal, in tenths.
type Tenths int64

// MarshalJSON writes a JSON number, as 12.5.
func (t Tenths) MarshalJSON() ([]byte, error) {
	sign := ""
	if t < 0 {
		sign, t = "-", -t
	}
	out := sign + strconv.FormatInt(int64(t/10), 10)
	if t%10 != 0 {
		out += "." + strconv.FormatInt(int64(t%10), 10)
	}
	return []byte(out), nil
}

// Average is an average to one decimal, nil for no values.
type Average *Tenths

// average divides a sum, which is not negative, by the number of values and by the size of a unit. It rounds halves up.
func average(sum *big.Int, count, unit int64) Average {
	if count == 0 {
		return nil
	}
	divisor := new(big.Int).Mul(big.NewInt(count), big.NewInt(unit))
	twice := new(big.Int).Mul(sum, big.NewInt(20))
	twice.Add(twice, divisor)
	tenths := Tenths(twice.Div(twice, divisor.Lsh(divisor, 1)).Int64())
	return &tenths
}

// percentages returns each count's part of their sum. The parts add up to exactly 100 unless all counts are 0: each is
// rounded down, and the missing tenths go to those that lost most, the first of equals.
func percentages(counts []int64) []Tenths {
	var total int64
	for _, c := range counts {
		total += c
	}
	out := make([]Tenths, len(counts))
	if total == 0 {
		return out
	}
	missing, order := int64(1000), make([]int, len(counts))
	for i, c := range counts {
		order[i], out[i] = i, Tenths(c*1000/total)
		missing -= int64(out[i])
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b]*1000%total, counts[a]*1000%total) })
	for _, i := range order[:missing] {
		out[i]++
	}
	return out
}

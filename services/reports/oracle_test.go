package reports_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/reports"
)

// oracle computes the dashboard's figures from the rows themselves, one definition after the other. A
// row's unsupported value is nil here.
type oracle struct {
	segments, stages, categories []named // in the order in which they are listed
	products                     []models.Product
	histories                    []models.StageHistory
	now                          time.Time // in the time zone that counts
}

type named struct {
	id   *int64
	name *string
}

type object = map[string]any

func (o oracle) figures() object {
	byStage, values := o.shares(o.stages, func(p models.Product) *int64 { return p.StageID }), []any{}
	for _, share := range byStage {
		stage := share.(object)
		values = append(values, object{"id": stage["id"], "label": stage["label"], "value": stage["value"]})
	}
	return object{
		"statistics": object{
			"totalProducts": len(o.products), "totalValue": total(o.products), "byStage": byStage,
			"launchedLast12Months": o.count(func(p models.Product) bool {
				return hasLaunchDate(p) && p.LaunchDate.String() > o.now.AddDate(-1, 0, 0).Format(time.DateOnly) && p.LaunchDate.String() <= o.today()
			}),
			"overdue":            o.count(o.overdue),
			"averageDaysInStage": o.daysInStage(),
			"completeness": object{
				"missingSegment":    o.count(func(p models.Product) bool { return p.SegmentID == nil }),
				"missingStage":      o.count(func(p models.Product) bool { return p.StageID == nil }),
				"missingCategory":   o.count(func(p models.Product) bool { return p.CategoryID == nil }),
				"missingPrice":      o.count(func(p models.Product) bool { return p.Price == nil }),
				"missingLaunchDate": o.count(func(p models.Product) bool { return !hasLaunchDate(p) }),

				"implausibleLaunchDate": o.count(func(p models.Product) bool { return p.LaunchDate != nil && !hasLaunchDate(p) }),
			},
		},
		"charts": object{
			"productsByStage":    byStage,
			"productsBySegment":  o.shares(o.segments, func(p models.Product) *int64 { return p.SegmentID }),
			"productsByCategory": o.shares(o.categories, func(p models.Product) *int64 { return p.CategoryID }),
			"segmentByStage":     o.segmentByStage(),
			"transitionSpeed":    o.speeds(),
			"launchesByMonth": o.months(len(o.products), func(i int) string {
				if p := o.products[i]; hasLaunchDate(p) {
					return p.LaunchDate.String()[:7]
				}
				return ""
			}),
			"transitionsByMonth": o.months(len(o.histories), func(i int) string {
				if at := o.histories[i].ChangedAt; at != nil {
					return at.Time().In(o.now.Location()).Format("2006-01")
				}
				return ""
			}),
			"valueByStage": values,
		},
		"stageTransitions": o.moves(),
	}
}

// hasLaunchDate reports whether a product has a plausible launch date.
func hasLaunchDate(p models.Product) bool {
	if p.LaunchDate == nil {
		return false
	}
	day := p.LaunchDate.String()
	return day != "1970-01-01" && day != "1900-01-01" && day < "2101-01-01"
}

func (o oracle) overdue(p models.Product) bool {
	return p.StageEnd != nil && p.StageEnd.String() < o.today() && !equal(p.StageID, o.stages[len(o.stages)-1].id)
}

func (o oracle) today() string { return o.now.Format(time.DateOnly) }

func (o oracle) count(is func(models.Product) bool) int { return len(only(o.products, is)) }

func total(products []models.Product) json.Number {
	sum := new(big.Int)
	for _, p := range products {
		if p.Price != nil {
			sum.Add(sum, big.NewInt(*p.Price))
		}
	}
	return json.Number(sum.String())
}

func equal(a, b *int64) bool { return (a == nil) == (b == nil) && (a == nil || *a == *b) }

// with adds what has none to a list, if there are any.
func with(list []named, some bool) []named {
	if some {
		return append(slices.Clip(list), named{})
	}
	return list
}

func (o oracle) of(list []named, key func(models.Product) *int64) []named {
	return with(list, o.count(func(p models.Product) bool { return key(p) == nil }) > 0)
}

func only(products []models.Product, is func(models.Product) bool) (out []models.Product) {
	for _, p := range products {
		if is(p) {
			out = append(out, p)
		}
	}
	return out
}

func (o oracle) shares(list []named, key func(models.Product) *int64) []any {
	var counts []int64
	out, list := []any{}, o.of(list, key)
	for _, n := range list {
		mine := only(o.products, func(p models.Product) bool { return equal(key(p), n.id) })
		out, counts = append(out, object{"id": n.id, "label": n.name, "count": len(mine), "value": total(mine)}), append(counts, int64(len(mine)))
	}
	for i, percentage := range reports.Percentages(counts) {
		out[i].(object)["percentage"] = percentage
	}
	return out
}

func mean(values []int64, unit int64) reports.Average {
	sum := new(big.Int)
	for _, v := range values {
		sum.Add(sum, big.NewInt(v))
	}
	return reports.AverageOf(sum, int64(len(values)), unit)
}

func (o oracle) daysInStage() reports.Average {
	var days []int64
	today, _ := models.ParseDate(o.today())
	for _, p := range o.products {
		if p.StageStart != nil && !p.StageStart.Time().After(today.Time()) {
			days = append(days, today.Time().Unix()/86400-p.StageStart.Time().Unix()/86400)
		}
	}
	return mean(days, 1)
}

func (o oracle) segmentByStage() []any {
	rows := []any{}
	for _, segment := range o.of(o.segments, func(p models.Product) *int64 { return p.SegmentID }) {
		mine := only(o.products, func(p models.Product) bool { return equal(p.SegmentID, segment.id) })
		stages := []any{}
		for _, stage := range o.of(o.stages, func(p models.Product) *int64 { return p.StageID }) {
			n := len(only(mine, func(p models.Product) bool { return equal(p.StageID, stage.id) }))
			stages = append(stages, object{"id": stage.id, "label": stage.name, "count": n})
		}
		rows = append(rows, object{"id": segment.id, "label": segment.name, "count": len(mine), "stages": stages})
	}
	return rows
}

func (o oracle) months(n int, month func(i int) string) []any {
	counts := map[string]int{}
	for i := range n {
		counts[month(i)]++
	}
	out := []any{}
	year, present := o.now.Year(), int(o.now.Month())
	for back := 23; back >= 0; back-- {
		m := year*12 + present - 1 - back
		text := fmt.Sprintf("%04d-%02d", m/12, m%12+1)
		out = append(out, object{"month": text, "count": counts[text]})
	}
	return out
}

// stay is the time between two moves of a product.
type stay struct {
	before, after models.StageHistory
	seconds       int64
}

func (o oracle) stays() (out []stay) {
	ordered := slices.DeleteFunc(slices.Clone(o.histories), func(h models.StageHistory) bool { return h.ChangedAt == nil })
	slices.SortFunc(ordered, func(a, b models.StageHistory) int {
		return cmp.Or(cmp.Compare(*a.ProductID, *b.ProductID), a.ChangedAt.Time().Compare(b.ChangedAt.Time()), cmp.Compare(a.ID, b.ID))
	})
	for i := 1; i < len(ordered); i++ {
		if a, b := ordered[i-1], ordered[i]; *a.ProductID == *b.ProductID {
			out = append(out, stay{a, b, b.ChangedAt.Time().Unix() - a.ChangedAt.Time().Unix()})
		}
	}
	return out
}

func (o oracle) speeds() []any {
	stays := o.stays()
	out := []any{}
	for _, stage := range with(o.stages, slices.ContainsFunc(stays, func(s stay) bool { return s.before.StageID == nil })) {
		var seconds []int64
		for _, s := range stays {
			if equal(s.before.StageID, stage.id) {
				seconds = append(seconds, s.seconds)
			}
		}
		row := object{"id": stage.id, "label": stage.name, "transitions": len(seconds), "averageDays": mean(seconds, 86400), "shortestDays": nil, "longestDays": nil}
		if seconds != nil {
			row["shortestDays"], row["longestDays"] = mean([]int64{slices.Min(seconds)}, 86400), mean([]int64{slices.Max(seconds)}, 86400)
		}
		out = append(out, row)
	}
	return out
}

func (o oracle) moves() []any {
	stays := o.stays()
	anyOf := func(key func(models.StageHistory) *int64) bool {
		return slices.ContainsFunc(o.histories, func(h models.StageHistory) bool { return key(h) == nil })
	}
	rows := []any{}
	for _, from := range with(o.stages, anyOf(func(h models.StageHistory) *int64 { return h.PreviousStageID })) {
		all, cells := 0, []any{}
		for _, to := range with(o.stages, anyOf(func(h models.StageHistory) *int64 { return h.StageID })) {
			n := 0
			for _, h := range o.histories {
				if equal(h.PreviousStageID, from.id) && equal(h.StageID, to.id) {
					n++
				}
			}
			var seconds []int64
			for _, s := range stays {
				if equal(s.after.PreviousStageID, from.id) && equal(s.after.StageID, to.id) && equal(s.before.StageID, from.id) {
					seconds = append(seconds, s.seconds)
				}
			}
			all += n
			cells = append(cells, object{"id": to.id, "label": to.name, "count": n, "averageDays": mean(seconds, 86400)})
		}
		rows = append(rows, object{"id": from.id, "label": from.name, "count": all, "to": cells})
	}
	return rows
}

package request

import (
	"time"

	"lifecycle-sync/services/activity"
)

// ActivityFilters returns the parameter names of ActivityFilter.
func ActivityFilters() []string {
	return []string{"actor", "productId", "field", "action", "since", "until"}
}

// ActivityFilter reads the filter of the activities. Dates are days of a zone; until includes its day.
func ActivityFilter(q *Query, zone *time.Location) activity.Filter {
	f := activity.Filter{
		Actor: q.Text("actor"), ProductID: q.ID("productId"),
		Field: q.Choice("field", activity.Fields()...), Action: q.Choice("action", activity.Actions()...),
	}
	if day, at := q.DayOrTime("since"); day != nil {
		f.Since = new(day.In(zone))
	} else {
		f.Since = at
	}
	if day, at := q.DayOrTime("until"); day != nil {
		f.Until = new(day.In(zone).AddDate(0, 0, 1))
	} else {
		f.Until = at
	}
	return f
}

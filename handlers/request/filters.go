package request

import (
	"math"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/stages"
)

// ProductFilters are the parameters that say which products are meant.
func ProductFilters() []string {
	return []string{"search", "stageId", "segmentId", "categoryId", "stage", "segmen", "kategori", "missing", "overdue"}
}

// Paging reads which page is asked for.
func Paging(q *Query) models.Paging {
	return models.Paging{Page: q.Number("page", math.MaxInt32), Limit: q.Number("limit", math.MaxInt64)}
}

// ProductFilter reads the filters; an empty one filters nothing.
func ProductFilter(q *Query) products.Filter {
	return products.Filter{
		Search:  q.Text("search"),
		StageID: q.ID("stageId"), SegmentID: q.ID("segmentId"), CategoryID: q.ID("categoryId"),
		Stage: q.Text("stage"), Segment: q.Text("segmen"), Category: q.Text("kategori"),
		Missing: q.Text("missing"), Overdue: q.Flag("overdue"),
	}
}

// TransitionFilters are the parameters that say which transitions are meant.
func TransitionFilters() []string {
	return []string{"productId", "fromStageId", "toStageId", "since", "until", "search"}
}

// Transitions reads which page of which transitions is asked for.
func Transitions(q *Query) stages.Query {
	return stages.Query{
		Paging:    Paging(q),
		ProductID: q.ID("productId"), FromStageID: q.ID("fromStageId"), ToStageID: q.ID("toStageId"),
		Since: q.Day("since"), Until: q.Day("until"), Search: q.Text("search"),
	}
}

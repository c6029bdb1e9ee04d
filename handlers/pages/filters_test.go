package pages

import (
	"slices"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
)

func TestProductFilters_LinkToThePageWithoutEach(t *testing.T) {
	t.Parallel()
	n := FilterQuery{"search": {"a&b"}, "stage": {"growth"}, "segmentId": {"7"}, "overdue": {"true"}}
	f := ProductFilters("/", n, products.DropdownLists{})
	var texts, without []string
	for _, filter := range f.Active {
		texts, without = append(texts, filter.Name+": "+filter.Label.Name+filter.Label.Text.Code), append(without, filter.Without)
	}
	if !slices.Equal(texts, []string{"search: a&b", "segmentId: 7", "overdue: console.overdue", "stage: growth"}) {
		t.Errorf("%q", texts)
	}
	if without[0] != "/?overdue=true&segmentId=7&stage=growth" || len(f.Hidden) != 1 || f.Hidden[0].Name != "stage" {
		t.Errorf("%q, hidden %+v", without, f.Hidden)
	}
	if got := n.Products("segmentId", "8"); got != "" {
		t.Errorf("a list of two segments: %s", got)
	}
	if got := (FilterQuery{"segmentId": {"7,8"}}).Products("segmentId", "8"); got != "/products?segmentId=8" {
		t.Errorf("one of two segments: %s", got)
	}
	if got := (FilterQuery{}).With("stage", "").At("/"); got != "/" {
		t.Error(got)
	}
}

func TestNewPager_KeepsEveryParameter(t *testing.T) {
	t.Parallel()
	p := NewPager("/stage-history?search=a;b%26c&page=2&toStageId=1", models.Pagination{CurrentPage: 2, TotalPages: 3, TotalItems: 60, Limit: 25})
	if p.Next != "/stage-history?search=a%3Bb%26c&page=3&toStageId=1" || p.First != "/stage-history?search=a%3Bb%26c&page=1&toStageId=1" {
		t.Errorf("%+v", p)
	}
}

package reports_test

import (
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/test/kit/testdb"
)

// TestFiguresAgreeWithTheList counts in the list what the dashboard counts as missing and as overdue, of all
// products and of those that other filters let through.
func TestFiguresAgreeWithTheList(t *testing.T) {
	t.Parallel()
	jakarta, err := time.LoadLocation("Asia/Jakarta")
	if err != nil {
		t.Fatal(err)
	}
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newFixture(t, url(t), 7, time.Date(2026, 11, 24, 3, 0, 0, 0, jakarta)) // in UTC, the day before
		for _, others := range []catalog.ProductFilter{
			{}, {StageID: 2}, {StageID: 4}, {Segment: "transmisi"}, {Search: "produk 3"}, {CategoryID: 9, SegmentID: 1}, {CategoryID: 8},
			{Missing: "stage"}, {Missing: "price", Segment: "distribusi"}, {Overdue: true}, {Overdue: true, Missing: "launchDate", Search: "1"},
		} {
			l.agrees(t, others)
		}
	})
}

// agrees opens each tile.
func (l *fixture) agrees(t *testing.T, others catalog.ProductFilter) {
	t.Helper()
	_, err := l.store.View(t.Context(), func(s *pmo.Session) error {
		v := catalog.New(s)
		d, err := reports.Read(t.Context(), v, others, l.oracle.now)
		if err != nil {
			return err
		}
		tiles := map[string]int64{"segment": d.Statistics.Completeness.Segment, "stage": d.Statistics.Completeness.Stage, "category": d.Statistics.Completeness.Category,
			"price": d.Statistics.Completeness.Price, "launchDate": d.Statistics.Completeness.LaunchDate}
		for missing, count := range tiles {
			opened := others
			if opened.Missing == "" || opened.Missing == missing {
				opened.Missing = missing
				l.lists(t, v, opened, count)
			}
		}
		overdue := others
		overdue.Overdue = true
		l.lists(t, v, overdue, d.Statistics.Overdue)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// lists counts what the list has, on its first page and behind its end.
func (l *fixture) lists(t *testing.T, v *catalog.Catalog, f catalog.ProductFilter, want int64) {
	t.Helper()
	for _, page := range []int64{1, 1000} {
		got, err := products.List(t.Context(), v, products.Query{Filter: f, Paging: models.Paging{Page: page, Limit: 100}}, l.oracle.now)
		if err != nil || got.Pagination.TotalItems != want || page == 1 && len(got.Products) != int(min(want, 100)) {
			t.Errorf("%+v: the list has %d, the dashboard %d (%v)", f, got.Pagination.TotalItems, want, err)
		}
	}
}

// TestOverdueWithoutStages has no last stage: every stage is one to leave.
func TestOverdueWithoutStages(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := newFixture(t, url(t), 8, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
		for _, statement := range []string{"DELETE FROM tbl_stage_histori_lifecycle", "UPDATE tbl_produk_lifecycle SET id_stage = NULL", "DELETE FROM tbl_stage_lifecycle"} {
			if err := l.db.Exec(statement).Error; err != nil {
				t.Fatal(err)
			}
		}
		late := int64(l.oracle.count(func(p models.Product) bool { return p.StageEnd != nil && p.StageEnd.String() < l.oracle.today() }))
		if late == 0 {
			t.Fatal("nothing is late")
		}
		_, err := l.store.View(t.Context(), func(s *pmo.Session) error {
			v := catalog.New(s)
			l.lists(t, v, catalog.ProductFilter{Overdue: true}, late)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		l.agrees(t, catalog.ProductFilter{})
	})
}

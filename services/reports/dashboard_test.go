package reports_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// narrowed is the oracle for the products that match a filter.
func (o oracle) narrowed(passes func(models.Product) bool) oracle {
	ids := map[int64]bool{}
	var products []models.Product
	for _, p := range o.products {
		if passes(p) {
			products, ids[p.ID] = append(products, p), true
		}
	}
	var histories []models.StageHistory
	for _, h := range o.histories {
		if ids[*h.ProductID] {
			histories = append(histories, h)
		}
	}
	o.products, o.histories = products, histories
	return o
}

// filterCase is a filter and the oracle's condition for the same products.
type filterCase struct {
	filter catalog.ProductFilter
	passes func(models.Product) bool
}

// rangeFilters are filters by several values, ranges and time.
func rangeFilters(o oracle) []filterCase {
	day := func(days int) *models.Date { return new(models.NewDate(o.now.AddDate(0, 0, days).Date())) }
	in := func(date, from, to *models.Date) bool {
		return date != nil && (from == nil || date.String() >= from.String()) && (to == nil || date.String() <= to.String())
	}
	quarter := func(at time.Time) int { return at.Year()*4 + int(at.Month()-1)/3 }
	due := func(days int) func(models.Product) bool {
		return func(p models.Product) bool {
			return in(p.StageEnd, day(0), day(days)) && !equal(p.StageID, o.stages[len(o.stages)-1].id)
		}
	}
	updated := o.products[150].UpdatedAt.Time()
	updatedDay := updated.In(o.now.Location())
	midnight := time.Date(updatedDay.Year(), updatedDay.Month(), updatedDay.Day(), 0, 0, 0, 0, o.now.Location())
	updatedSince := func(at time.Time) func(models.Product) bool {
		return func(p models.Product) bool { return p.UpdatedAt != nil && !p.UpdatedAt.Time().Before(at) }
	}
	one := func(id *int64, ids ...int64) bool { return id != nil && slices.Contains(ids, *id) }
	low, high := int64(1e8), *o.products[8].Price
	return []filterCase{
		{catalog.ProductFilter{StageIDs: []int64{1, 2}}, func(p models.Product) bool { return one(p.StageID, 1, 2) }},
		{catalog.ProductFilter{StageIDs: []int64{4, 4, 99}, SegmentIDs: []int64{1, 3}, CategoryIDs: []int64{7, 9}}, func(p models.Product) bool {
			return one(p.StageID, 4) && one(p.SegmentID, 1, 3) && one(p.CategoryID, 7, 9)
		}},
		{catalog.ProductFilter{PriceFrom: &high}, func(p models.Product) bool { return p.Price != nil && *p.Price >= high }},
		{catalog.ProductFilter{PriceTo: &high}, func(p models.Product) bool { return p.Price != nil && *p.Price <= high }},
		{catalog.ProductFilter{PriceFrom: new(int64(0)), PriceTo: &low}, func(p models.Product) bool { return p.Price != nil && *p.Price >= 0 && *p.Price <= low }},
		{catalog.ProductFilter{LaunchFrom: day(-200)}, func(p models.Product) bool { return in(p.LaunchDate, day(-200), nil) }},
		{catalog.ProductFilter{LaunchTo: day(0)}, func(p models.Product) bool { return in(p.LaunchDate, nil, day(0)) }},
		{catalog.ProductFilter{LaunchFrom: day(-1), LaunchTo: day(1)}, func(p models.Product) bool { return in(p.LaunchDate, day(-1), day(1)) }},
		{catalog.ProductFilter{LaunchWithin: catalog.NextQuarter}, func(p models.Product) bool {
			return p.LaunchDate != nil && quarter(p.LaunchDate.Time()) == quarter(o.now)+1
		}},
		{catalog.ProductFilter{StageEndFrom: day(0), StageEndTo: day(0)}, func(p models.Product) bool { return in(p.StageEnd, day(0), day(0)) }},
		{catalog.ProductFilter{StageEndFrom: day(-90), StageEndTo: day(90), Missing: "price"}, func(p models.Product) bool { return in(p.StageEnd, day(-90), day(90)) && p.Price == nil }},
		{catalog.ProductFilter{DueWithin: 1}, due(1)},
		{catalog.ProductFilter{DueWithin: 90}, due(90)},
		{catalog.ProductFilter{DueWithin: 3650, Overdue: true}, func(models.Product) bool { return false }},
		{catalog.ProductFilter{UpdatedSince: &updated}, updatedSince(updated)},
		{catalog.ProductFilter{UpdatedSince: new(updated.Add(time.Microsecond))}, updatedSince(updated.Add(time.Microsecond))},
		{catalog.ProductFilter{UpdatedSinceDay: new(models.NewDate(updatedDay.Date()))}, updatedSince(midnight)},
	}
}

// wantProducts compares the products of the list, the export and the dashboard with the oracle's.
func (l *fixture) wantProducts(t *testing.T, cases []filterCase) {
	t.Helper()
	for _, c := range cases {
		var want, exported []string
		for _, p := range only(l.oracle.products, c.passes) {
			want = append(want, strconv.FormatInt(p.ID, 10))
		}
		var list products.Page
		var dashboard reports.Dashboard
		_, err := l.store.View(t.Context(), func(s *pmo.Session) (err error) {
			if list, err = products.List(t.Context(), catalog.New(s), products.Query{Filter: c.filter, Sort: "id"}, l.oracle.now); err != nil {
				return err
			}
			if dashboard, err = reports.Read(t.Context(), catalog.New(s), c.filter, l.oracle.now); err != nil {
				return err
			}
			for row, err := range catalog.New(s).ExportRows(t.Context(), c.filter.On(l.oracle.now), catalog.ProductOrder{Column: "id"}) {
				if err != nil {
					return err
				}
				exported = append(exported, string(row[0]))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		filter, err := json.Marshal(c.filter)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(exported, want) {
			t.Errorf("%s: the export has %v, want %v", filter, exported, want)
		}
		for i, p := range list.Products {
			if strconv.FormatInt(p.ID, 10) != want[i] {
				t.Errorf("%s: place %d of the list has product %d, want %s", filter, i, p.ID, want[i])
			}
		}
		if n := int64(len(want)); list.Pagination.TotalItems != n || dashboard.Statistics.TotalProducts != n || len(dashboard.RecentProducts) != int(min(n, 10)) {
			t.Errorf("%s: the list has %d products, the dashboard %d, want %d", filter, list.Pagination.TotalItems, dashboard.Statistics.TotalProducts, n)
		}
	}
}

// rowVersions matches the versions of products, which differ between the databases.
var rowVersions = regexp.MustCompile(`,"version":"[^"]*"|"version":"[^"]*",`)

// TestDashboard compares the figures of each database with the oracle's, with those of the list, and all that a database
// answers with the other's to the byte.
func TestDashboard(t *testing.T) {
	t.Parallel()
	is := func(id *int64, want int64) bool { return id != nil && *id == want }
	zone := func(name string) *time.Location {
		location, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return location
	}
	for seed, now := range []time.Time{
		time.Date(2026, 11, 24, 3, 0, 0, 0, zone("Asia/Jakarta")), time.Date(2026, 3, 31, 23, 59, 0, 0, zone("America/New_York")), time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		t.Run(now.Format(time.RFC3339), func(t *testing.T) {
			t.Parallel()
			answers := map[int][]byte{}
			testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
				l := newFixture(t, url(t), uint64(seed), now)
				for i, c := range []filterCase{
					{catalog.ProductFilter{}, func(models.Product) bool { return true }},
					{catalog.ProductFilter{StageIDs: []int64{2}}, func(p models.Product) bool { return is(p.StageID, 2) }},
					{catalog.ProductFilter{Segment: "ÉNERGIE & <CO>"}, func(p models.Product) bool { return is(p.SegmentID, 2) }},
					{catalog.ProductFilter{Search: "PRODUK 3"}, func(p models.Product) bool {
						return p.Name != nil && strings.Contains(*p.Name, "Produk") && strings.Contains(*p.Name, "3")
					}},
					{catalog.ProductFilter{Missing: "price"}, func(p models.Product) bool { return p.Price == nil }},
					{catalog.ProductFilter{Missing: "launchDate", StageIDs: []int64{1}}, func(p models.Product) bool { return !hasLaunchDate(p) && is(p.StageID, 1) }},
					{catalog.ProductFilter{Implausible: "launchDate"}, func(p models.Product) bool { return p.LaunchDate != nil && !hasLaunchDate(p) }},
					{catalog.ProductFilter{CategoryIDs: []int64{8}}, func(models.Product) bool { return false }},
					{catalog.ProductFilter{CategoryIDs: []int64{9}, SegmentIDs: []int64{1}}, func(p models.Product) bool { return is(p.CategoryID, 9) && is(p.SegmentID, 1) }},
					{catalog.ProductFilter{Overdue: true}, l.oracle.overdue},
					{catalog.ProductFilter{Overdue: true, Missing: "launchDate", Search: "1"}, func(p models.Product) bool {
						return l.oracle.overdue(p) && !hasLaunchDate(p) && p.Name != nil && strings.Contains(*p.Name, "1")
					}},
				} {
					got := l.read(t, c.filter)
					compare(t, c.filter, got, l.oracle.narrowed(c.passes).figures())
					got = rowVersions.ReplaceAll(got, nil)
					if other, both := answers[i]; both && !bytes.Equal(got, other) {
						t.Errorf("%+v:\n%s\non SQLite\n%s", c.filter, got, other)
					}
					answers[i] = got
				}
				l.wantProducts(t, rangeFilters(l.oracle))
			})
		})
	}
}

// read returns a dashboard, whose counts of missing and overdue products it compares with the list.
func (l *fixture) read(t *testing.T, f catalog.ProductFilter) (out []byte) {
	t.Helper()
	_, err := l.store.View(t.Context(), func(s *pmo.Session) error {
		d, err := reports.Read(t.Context(), catalog.New(s), f, l.oracle.now)
		if err != nil {
			return err
		}
		if n := len(d.RecentProducts); n > 10 || n < min(10, int(d.Statistics.TotalProducts)) {
			t.Errorf("%d recent products of %d", n, d.Statistics.TotalProducts)
		}
		missing := d.Statistics.Completeness
		for column, count := range map[string]int64{
			"segment": missing.Segment, "stage": missing.Stage, "category": missing.Category, "price": missing.Price, "launchDate": missing.LaunchDate, "implausible": missing.ImplausibleLaunchDate, "": d.Statistics.Overdue,
		} {
			opened := f
			if column == "" {
				opened.Overdue = true
			} else if column == "implausible" {
				opened.Implausible = "launchDate"
			} else if opened.Missing = cmp.Or(f.Missing, column); opened.Missing != column {
				continue
			}
			list, err := products.List(t.Context(), catalog.New(s), products.Query{Filter: opened}, l.oracle.now)
			if err != nil || list.Pagination.TotalItems != count || len(list.Products) != int(min(count, list.Pagination.Limit)) {
				t.Errorf("%+v: the list has %d, the dashboard %d (%v)", opened, list.Pagination.TotalItems, count, err)
			}
		}
		out, err = json.Marshal(d)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compare compares an answer with what the oracle says of it.
func compare(t *testing.T, f catalog.ProductFilter, got []byte, want object) {
	t.Helper()
	wanted, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var g, w object
	for into, text := range map[*object][]byte{&g: got, &w: wanted} {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		if err := decoder.Decode(into); err != nil {
			t.Fatal(err)
		}
	}
	moves := w["stageTransitions"]
	delete(w, "stageTransitions")
	for part, figures := range w {
		for name, want := range figures.(object) {
			if got := g[part].(object)[name]; !reflect.DeepEqual(got, want) {
				t.Errorf("%+v: %s is\n%v\nmust be\n%v", f, name, got, want)
			}
		}
	}
	if !reflect.DeepEqual(g["stageTransitions"], moves) {
		t.Errorf("%+v: stageTransitions is\n%v\nmust be\n%v", f, g["stageTransitions"], moves)
	}
}

// TestDashboard_WithoutStages has nothing to count, and then a product: without stages, every stage is one to leave.
func TestDashboard_WithoutStages(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		l := &fixture{oracle: oracle{now: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}}
		l.db, l.store = databases.PMO(t, url(t))
		got := string(l.read(t, catalog.ProductFilter{}))
		for _, want := range []string{`"totalProducts":0,"totalValue":0,"byStage":[]`, `"averageDaysInStage":null`, `"lastSyncAt":null`, `"recentProducts":[]`, `"recentTransitions":[]`,
			`"stageTransitions":[]`, `"segmentByStage":[]`, `"transitionSpeed":[]`, `{"month":"2026-11","count":0}`} {
			if !strings.Contains(got, want) {
				t.Errorf("no %s in %s", want, got)
			}
		}
		l.insert(t, "tbl_produk_lifecycle", []models.Product{{ID: 1, StageEnd: new(models.NewDate(2026, 11, 23))}, {ID: 2, StageEnd: new(models.NewDate(2026, 11, 24))}})
		if got := string(l.read(t, catalog.ProductFilter{})); !strings.Contains(got, `"overdue":1`) {
			t.Errorf("%s", got)
		}
	})
}

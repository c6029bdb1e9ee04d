package reports_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/database"
	"lifecycle-sync/repositories/pmo"
	"lifecycle-sync/repositories/pmo/catalog"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// fixture is a mirror filled with random rows, and the oracle's copy of them.
type fixture struct {
	db     *database.DB
	store  *pmo.Store
	oracle oracle
}

func newFixture(t *testing.T, url string, seed uint64, now time.Time) *fixture {
	t.Helper()
	l := &fixture{oracle: oracle{now: now}}
	l.db, l.store = databases.PMO(t, url)
	l.fill(t, rand.New(rand.NewPCG(seed, 1)))
	return l
}

func (l *fixture) insert(t *testing.T, table string, rows any) {
	t.Helper()
	if err := l.db.Table(table).CreateInBatches(rows, 200).Error; err != nil {
		t.Fatal(err)
	}
}

func (l *fixture) fill(t *testing.T, dice *rand.Rand) {
	t.Helper()
	name := func(id int64, name string) named { return named{&id, &name} }
	l.oracle.stages = []named{name(1, "Introduction"), name(2, "Growth"), {new(int64(3)), nil}, name(4, "Decline")}
	l.oracle.segments = []named{name(3, "Distribusi"), name(1, "Transmisi"), name(2, "énergie & <co>")} // in the order of the folded names
	l.oracle.categories = []named{name(9, "Hardware"), name(7, "Software")}
	for column, list := range map[string][]named{"stage": l.oracle.stages, "segmen": l.oracle.segments, "kategori": l.oracle.categories} {
		for _, n := range list {
			kit.Exec(t, l.db.SQL, "INSERT INTO tbl_"+column+"_lifecycle (id, "+column+") VALUES ($1, $2)", *n.id, n.name)
		}
	}
	l.fillProducts(t, dice)
	l.fillHistories(t, dice)
}

func maybe[T any](dice *rand.Rand, value T) *T {
	if dice.IntN(6) == 0 {
		return nil
	}
	return &value
}

func (l *fixture) fillProducts(t *testing.T, dice *rand.Rand) {
	t.Helper()
	day := func(spread int) models.Date {
		d := l.oracle.now.AddDate(0, 0, dice.IntN(2*spread)-spread)
		return models.NewDate(d.Date())
	}
	for id := range int64(300) {
		p := models.Product{ID: id + 1, Name: maybe(dice, fmt.Sprintf("Produk %d", dice.IntN(40))), SegmentID: maybe(dice, 1+dice.Int64N(3)), StageID: maybe(dice, 1+dice.Int64N(4)),
			CategoryID: maybe(dice, 7+2*dice.Int64N(2)), Price: maybe(dice, dice.Int64N(1e9)-1e6), LaunchDate: maybe(dice, day(900)), StageStart: maybe(dice, day(500)), StageEnd: maybe(dice, day(300)),
			CreatedAt: maybe(dice, models.InstantOf(l.oracle.now.Add(-time.Duration(dice.IntN(1e6))*time.Second))),
			UpdatedAt: maybe(dice, models.InstantOf(l.oracle.now.Add(-time.Duration(dice.IntN(1e6))*time.Second)))}
		if id == 150 || id == 8 { // the ends of ranges
			p.UpdatedAt, p.Price = new(models.InstantOf(l.oracle.now.AddDate(0, 0, -5))), new(int64(2e8))
		}
		if dice.IntN(10) == 0 {
			p.Price = new(int64(math.MaxInt64))
		}
		if dice.IntN(20) == 0 { // at the edges
			d := models.NewDate(l.oracle.now.AddDate(-dice.IntN(2), 0, dice.IntN(3)-1).Date())
			p.LaunchDate, p.StageStart, p.StageEnd = &d, &d, &d
		}
		if dice.IntN(8) == 0 { // implausible, or just not
			days := []models.Date{models.NewDate(1970, 1, 1), models.NewDate(1900, 1, 1), models.NewDate(2101, 1, 1), models.NewDate(9999, 12, 31),
				models.NewDate(1970, 1, 2), models.NewDate(1899, 12, 31), models.NewDate(2100, 12, 31)}
			p.LaunchDate = &days[dice.IntN(len(days))]
		}
		l.oracle.products = append(l.oracle.products, p)
	}
	l.insert(t, "tbl_produk_lifecycle", l.oracle.products)
	// What only a hand edit can put there.
	future, past, beyond, price := "'infinity'", "'-infinity'", "'20000-01-01'", "NULL"
	if l.db.Kind() == database.SQLite {
		future, past, beyond, price = "'soon'", "'!ago'", "17", "'much'"
	}
	kit.Exec(t, l.db.SQL, "UPDATE tbl_produk_lifecycle SET harga = "+price+", id_kategori = "+price+" WHERE id = 7")
	l.oracle.products[6].Price, l.oracle.products[6].CategoryID = nil, nil
	for i, value := range []string{future, past, beyond} {
		kit.Exec(t, l.db.SQL, fmt.Sprintf("UPDATE tbl_produk_lifecycle SET tanggal_launch = %[1]s, tanggal_stage_start = %[1]s, tanggal_stage_end = %[1]s WHERE id = %[2]d", value, i+1))
		p := &l.oracle.products[i]
		p.LaunchDate, p.StageStart, p.StageEnd = nil, nil, nil
	}
}

func (l *fixture) fillHistories(t *testing.T, dice *rand.Rand) {
	t.Helper()
	for id := range int64(700) {
		at := l.oracle.now.AddDate(0, -dice.IntN(30), -dice.IntN(30)).Add(time.Duration(dice.Int64N(1e12)) * 100).Truncate(time.Microsecond).UTC()
		if dice.IntN(15) == 0 { // where months meet, in the time zone that counts
			y, m, _ := at.Date()
			at = time.Date(y, m, 1, 0, 0, 0, 0, l.oracle.now.Location()).Add(time.Duration(dice.IntN(3)-1) * time.Microsecond).UTC()
		}
		if dice.IntN(50) == 0 {
			at = []time.Time{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC)}[dice.IntN(2)]
		}
		l.oracle.histories = append(l.oracle.histories, models.StageHistory{ID: id + 1, ProductID: new(1 + dice.Int64N(150)), PreviousStageID: maybe(dice, 1+dice.Int64N(4)),
			StageID: maybe(dice, 1+dice.Int64N(4)), ChangedAt: maybe(dice, models.InstantOf(at))})
	}
	for i := 40; i < 60; i++ { // ties
		l.oracle.histories[i].ChangedAt, l.oracle.histories[i].ProductID = l.oracle.histories[40].ChangedAt, l.oracle.histories[40].ProductID
	}
	l.insert(t, "tbl_stage_histori_lifecycle", l.oracle.histories)
	values := []string{"'infinity'", "'-infinity'"}
	if l.db.Kind() == database.SQLite {
		values = []string{"'soon'", "'!ago'"}
	}
	for i, value := range values {
		kit.Exec(t, l.db.SQL, fmt.Sprintf("UPDATE tbl_stage_histori_lifecycle SET tanggal_perubahan = %s WHERE id BETWEEN 100 AND 129 AND id %% 2 = %d", value, i))
	}
	for i := range 30 {
		l.oracle.histories[99+i].ChangedAt = nil
	}
}

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

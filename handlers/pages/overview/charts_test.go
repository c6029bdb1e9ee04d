package overview

import (
	"math"
	"math/big"
	"net/url"
	"slices"
	"testing"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/services/products"
	"lifecycle-sync/services/reports"
)

func TestScaleFor(t *testing.T) {
	t.Parallel()
	for highest, want := range map[int64]uint64{
		-1: 2, 0: 2, 1: 2, 2: 2, 3: 4, 5: 6, 9: 10, 10: 10, 11: 20, 21: 40, 99: 100, 101: 200, 41_664: 60_000, 1_000_000: 1_000_000,
		math.MaxInt64: 10_000_000_000_000_000_000,
	} {
		if got := scaleFor(highest); got != want {
			t.Errorf("%d: %d, want %d", highest, got, want)
		}
	}
}

func TestHundredths(t *testing.T) {
	t.Parallel()
	huge, _ := new(big.Int).SetString("12345678901234567890123", 10)
	for _, c := range []struct {
		n, most *big.Int
		want    int64
	}{
		{big.NewInt(0), big.NewInt(0), 0}, {big.NewInt(0), big.NewInt(7), 0}, {big.NewInt(-5), big.NewInt(7), 0},
		{big.NewInt(7), big.NewInt(7), 100}, {big.NewInt(1), big.NewInt(3), 33}, {big.NewInt(1), huge, 1}, {huge, huge, 100},
		{big.NewInt(math.MaxInt64 / 2), big.NewInt(math.MaxInt64), 49},
	} {
		if got := hundredths(c.n, c.most); got != c.want {
			t.Errorf("%v of %v: %d, want %d", c.n, c.most, got, c.want)
		}
	}
}

func TestMonths(t *testing.T) {
	t.Parallel()
	var counts []reports.MonthCount
	for i, month := range []string{"2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05"} {
		counts = append(counts, reports.MonthCount{Month: month, Count: int64(i % 4)})
	}
	m := monthsOf("launches", "Launches", counts)
	if m.Total != 9 || m.Top != 4 || m.Half != 2 || !slices.Equal(m.Marks, []string{"Nov 2025", "Mei 2026"}) {
		t.Errorf("%+v", m)
	}
	if got, want := m.Columns[3], (column{Month: "Feb 2026", Count: 3, X: 30, Y: 25, Height: 75}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if none := monthsOf("", "", nil); none.Total != 0 || none.Top != 2 || none.Marks != nil {
		t.Errorf("%+v", none)
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	n, name, one, two := charts{}, "Growth", int64(1), int64(2)
	shares := n.shares("stage", []reports.Share{
		{Label: reports.Label{ID: &one, Name: &name}, Count: 3, Percentage: 600},
		{Label: reports.Label{ID: &two}},
		{Label: reports.Label{}, Count: 2, Percentage: 400},
	})
	for i, want := range []bar{
		{"Growth", "/products?stageId=1", 100, []string{"3", "60\u00a0%"}},
		{"No name (2)", "", 0, []string{"0", "0\u00a0%"}},
		{"No stage", "/products?missing=stage", 66, []string{"2", "40\u00a0%"}},
	} {
		if got := shares.Rows[i]; got.Text != want.Text || got.Address != want.Address || got.Length != want.Length || !slices.Equal(got.Figures, want.Figures) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	loss := n.values([]reports.Sum{{Value: big.NewInt(-5)}, {Value: new(big.Int)}})
	if got := loss.Rows[0]; got.Length != 0 || got.Figures[0] != "Rp\u00a0−5" || got.Address == "" || loss.Rows[1].Address != "" {
		t.Errorf("%+v", loss.Rows)
	}
	days := reports.Tenths(125)
	stays := n.speeds([]reports.Speed{{Transitions: 1, Average: &days, Shortest: &days, Longest: &days}, {}})
	if stays.Rows[0].Length != 100 || stays.Rows[0].Figures[0] != "12,5" || stays.Rows[1].Length != 0 || stays.Rows[1].Figures[0] != "–" {
		t.Errorf("%+v", stays.Rows)
	}
}

func TestHeat(t *testing.T) {
	t.Parallel()
	for count, want := range map[int64]int64{0: 0, 1: 1, 20: 1, 21: 2, 40: 2, 60: 3, 80: 4, 81: 5, 100: 5} {
		if got := level(count, 100); got != want {
			t.Errorf("%d of 100: %d, want %d", count, got, want)
		}
	}
	if got := level(0, 0); got != 0 {
		t.Errorf("0 of 0: %d", got)
	}
	one := int64(1)
	counted := func(id *int64, count int64) reports.LabelledCount {
		return reports.LabelledCount{Label: reports.Label{ID: id}, Count: count}
	}
	rows := []reports.SegmentRow{
		{LabelledCount: counted(&one, 5), Stages: []reports.LabelledCount{counted(&one, 0), counted(nil, 5)}},
		{LabelledCount: counted(nil, 2), Stages: []reports.LabelledCount{counted(&one, 1), counted(nil, 1)}},
	}
	h := charts{pages.FilterQuery{Filters: url.Values{"search": {"x"}}}}.heat(rows, nil, 7)
	for _, c := range []struct {
		got  heatCell
		want heatCell
	}{
		{h.Rows[0].Cells[0], heatCell{Text: "No name (1)"}},
		{h.Rows[0].Cells[1], heatCell{Text: "No stage", Address: "/products?missing=stage&search=x&segmentId=1", Count: 5, Level: 5}},
		{h.Rows[1].Cells[0], heatCell{Text: "No name (1)", Address: "/products?missing=segment&search=x&stageId=1", Count: 1, Level: 1}},
		{h.Rows[1].Cells[1], heatCell{Text: "No stage", Count: 1, Level: 1}}, // no list lacks both
		{h.Rows[1].heatCell, heatCell{Text: "No segment", Address: "/products?missing=segment&search=x", Count: 2}},
	} {
		if c.got != c.want {
			t.Errorf("%+v, want %+v", c.got, c.want)
		}
	}
}

func TestFiltersOfAPage(t *testing.T) {
	t.Parallel()
	n := pages.FilterQuery{Filters: url.Values{"search": {"a&b"}, "stage": {"growth"}, "segmentId": {"7"}, "overdue": {"true"}}}
	f := pages.ProductFilters("/", n, products.DropdownLists{})
	var texts, without []string
	for _, set := range f.Set {
		texts, without = append(texts, set.Label+": "+set.Text), append(without, set.Without)
	}
	if !slices.Equal(texts, []string{"Search: a&b", "Segment: 7", "Stage end: Overdue", "Stage: growth"}) {
		t.Errorf("%q", texts)
	}
	if without[0] != "/?overdue=true&segmentId=7&stage=growth" || len(f.Hidden) != 1 || f.Hidden[0].Name != "stage" {
		t.Errorf("%q, hidden %+v", without, f.Hidden)
	}
	if got := n.Products("segmentId", "8"); got != "" {
		t.Errorf("a list of two segments: %s", got)
	}
	if got := (pages.FilterQuery{}).Without("stage").At("/"); got != "/" {
		t.Error(got)
	}
}

package overview

import (
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/reports"
	"lifecycle-sync/web/messages"
)

func newCharts() charts {
	return charts{Printer: messages.New().Printer(messages.English, time.UTC)}
}

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

func TestPercent(t *testing.T) {
	t.Parallel()
	huge, _ := new(big.Int).SetString("12345678901234567890123", 10)
	for _, c := range []struct {
		n, highest *big.Int
		want       int64
	}{
		{big.NewInt(0), big.NewInt(0), 0}, {big.NewInt(0), big.NewInt(7), 0}, {big.NewInt(-5), big.NewInt(7), 0},
		{big.NewInt(7), big.NewInt(7), 100}, {big.NewInt(1), big.NewInt(3), 33}, {big.NewInt(1), huge, 1}, {huge, huge, 100},
		{big.NewInt(math.MaxInt64 / 2), big.NewInt(math.MaxInt64), 49},
	} {
		if got := percent(c.n, c.highest); got != c.want {
			t.Errorf("%v of %v: %d, want %d", c.n, c.highest, got, c.want)
		}
	}
}

func TestMonths(t *testing.T) {
	t.Parallel()
	var counts []reports.MonthCount
	for i, month := range []string{"2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04", "2026-05"} {
		counts = append(counts, reports.MonthCount{Month: month, Count: int64(i % 4)})
	}
	ch := newCharts()
	m := ch.months("launches", models.Text{}, counts)
	if m.Total != 9 || m.Top != 4 || m.Half != 2 || !slices.Equal(m.Labels, []string{"Nov 2025", "May 2026"}) {
		t.Errorf("%+v", m)
	}
	if got, want := m.Columns[3], (column{Month: "Feb 2026", Count: 3, X: 30, Y: 25, Height: 75}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if empty := ch.months("", models.Text{}, nil); empty.Total != 0 || empty.Top != 2 || empty.Labels != nil {
		t.Errorf("%+v", empty)
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	ch, name, one, two := newCharts(), "Growth", int64(1), int64(2)
	shares := ch.shares(stage, []reports.Share{
		{Label: reports.Label{ID: &one, Name: &name}, Count: 3, Percentage: 600},
		{Label: reports.Label{ID: &two}},
		{Label: reports.Label{}, Count: 2, Percentage: 400},
	})
	for i, want := range []bar{
		{"Growth", "/products?stageId=1", 100, []string{"3", "60\u00a0%"}, big.NewInt(3)},
		{"#2", "", 0, []string{"0", "0\u00a0%"}, new(big.Int)},
		{"No stage", "/products?missing=stage", 66, []string{"2", "40\u00a0%"}, big.NewInt(2)},
	} {
		if got := shares.Rows[i]; got.Name != want.Name || got.Address != want.Address || got.Length != want.Length || !slices.Equal(got.Figures, want.Figures) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	loss := ch.values([]reports.Sum{{Value: big.NewInt(-5)}, {Value: new(big.Int)}})
	if got := loss.Rows[0]; got.Length != 0 || got.Figures[0] != "Rp\u00a0-5" || got.Address == "" || loss.Rows[1].Address != "" {
		t.Errorf("%+v", loss.Rows)
	}
	days := reports.Tenths(125)
	stays := ch.durations([]reports.Speed{{Moves: 1, Average: &days, Shortest: &days, Longest: &days}, {}})
	if stays.Rows[0].Length != 100 || stays.Rows[0].Figures[0] != "12.5" || stays.Rows[1].Length != 0 || stays.Rows[1].Figures[0] != "–" {
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
	labelledCount := func(id *int64, count int64) reports.LabelledCount {
		return reports.LabelledCount{Label: reports.Label{ID: id}, Count: count}
	}
	rows := []reports.SegmentRow{
		{LabelledCount: labelledCount(&one, 5), Stages: []reports.LabelledCount{labelledCount(&one, 0), labelledCount(nil, 5)}},
		{LabelledCount: labelledCount(nil, 2), Stages: []reports.LabelledCount{labelledCount(&one, 1), labelledCount(nil, 1)}},
	}
	ch := newCharts()
	ch.FilterQuery = pages.FilterQuery{"search": {"x"}}
	h := ch.heat(rows, nil, 7)
	for _, c := range []struct {
		got  heatCell
		want heatCell
	}{
		{h.Rows[0].Cells[0], heatCell{Name: "#1"}},
		{h.Rows[0].Cells[1], heatCell{Name: "No stage", Address: "/products?missing=stage&search=x&segmentId=1", Count: 5, Level: 5}},
		{h.Rows[1].Cells[0], heatCell{Name: "#1", Address: "/products?missing=segment&search=x&stageId=1", Count: 1, Level: 1}},
		{h.Rows[1].Cells[1], heatCell{Name: "No stage", Count: 1, Level: 1}}, // no list lacks both
		{h.Rows[1].heatCell, heatCell{Name: "No segment", Address: "/products?missing=segment&search=x", Count: 2}},
	} {
		if c.got != c.want {
			t.Errorf("%+v, want %+v", c.got, c.want)
		}
	}
}

package demo_test

import (
	"errors"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/services/demo"
)

// table finds a mirrored table by its source name.
func table(t testing.TB, source string) *models.Table {
	t.Helper()
	for _, m := range models.Tables() {
		if m.Source == source {
			return m
		}
	}
	t.Fatalf("no table %s", source)
	return nil
}

// rows decodes what is generated for a table, which also proves that every cell is what its column
// holds.
func rows[T any](t testing.TB, d demo.Data, source string) []T {
	t.Helper()
	m := table(t, source)
	var all []models.Row
	for row := range d.Rows(m) {
		if len(row.Cells) != len(m.Columns) {
			t.Fatalf("%s id %d: %d cells for %d columns", source, row.ID, len(row.Cells), len(m.Columns))
		}
		all = append(all, row.Clone())
	}
	decoded, err := m.Decode(all)
	if err != nil {
		t.Fatal(err)
	}
	return *decoded.(*[]T)
}

func generate(t testing.TB, products, histories int) demo.Data {
	t.Helper()
	d, err := demo.Generate(products, histories)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// digest is a hash of all cells of all tables.
func digest(d demo.Data) uint64 {
	h := fnv.New64a()
	for _, m := range models.Tables() {
		for row := range d.Rows(m) {
			for _, cell := range row.Cells {
				_, _ = h.Write(strconv.AppendBool(nil, cell == nil)) // a hash never fails
				_, _ = h.Write(cell)
				_, _ = h.Write([]byte{0})
			}
		}
	}
	return h.Sum64()
}

func TestSameFiguresGiveSameRows(t *testing.T) {
	t.Parallel()
	for _, volume := range [][2]int{{0, 0}, {1, 0}, {demo.Products, demo.Histories}, {3000, 7000}} {
		first := digest(generate(t, volume[0], volume[1]))
		if again := digest(generate(t, volume[0], volume[1])); again != first {
			t.Errorf("%v: two readings differ", volume)
		}
	}
}

func TestVolume(t *testing.T) {
	t.Parallel()
	for _, volume := range [][2]int{{0, 0}, {1, 0}, {1, 1}, {1, 50}, {10, 40}, {13, 5}, {13, 500}, {demo.Products, demo.Histories}, {1999, 4001}} {
		d := generate(t, volume[0], volume[1])
		want := map[string]int{"tbl_segmen": 5, "tbl_stage": 4, "tbl_kategori": 5, "tbl_produk": volume[0], "tbl_stage_histori": volume[1]}
		for _, m := range models.Tables() {
			last, n := int64(0), 0
			for row := range d.Rows(m) {
				if row.ID <= last || string(row.Cells[0]) != strconv.FormatInt(row.ID, 10) {
					t.Fatalf("%v: %s: id %d after %d, with cell %s", volume, m.Source, row.ID, last, row.Cells[0])
				}
				last = row.ID
				n++
			}
			if n != want[m.Source] || d.Count(m) != int64(n) {
				t.Errorf("%v: %s has %d rows, said to be %d, want %d", volume, m.Source, n, d.Count(m), want[m.Source])
			}
		}
	}
}

func TestReadingMayStopEarly(t *testing.T) {
	t.Parallel()
	d := generate(t, 100, 100)
	for _, m := range models.Tables() {
		for range d.Rows(m) {
			break
		}
	}
}

func TestImpossibleFiguresAreRefused(t *testing.T) {
	t.Parallel()
	for _, volume := range [][2]int{{-1, 0}, {1, -1}, {0, 1}, {1 << 31, 0}, {1, 1 << 31}} {
		_, err := demo.Generate(volume[0], volume[1])
		var e *models.Error
		if !errors.As(err, &e) || e.Class != models.Invalid {
			t.Errorf("%v: %v", volume, err)
		}
	}
}

func TestStagesAndSegmentsAreTheFields(t *testing.T) {
	t.Parallel()
	d := generate(t, 0, 0)
	var stages, segments []string
	for _, s := range rows[models.Stage](t, d, "tbl_stage") {
		stages = append(stages, *s.Name)
	}
	for _, s := range rows[models.Segment](t, d, "tbl_segmen") {
		segments = append(segments, *s.Name)
	}
	if !slices.Equal(stages, []string{"Introduction", "Growth", "Maturity", "Decline"}) {
		t.Error(stages)
	}
	if !slices.Equal(segments, []string{"EP & Pembangkit", "Transmisi", "Distribusi", "Korporat", "Pelayanan Pelanggan"}) {
		t.Error(segments)
	}
}

// The field's quirks are what the demonstration is for.
func TestQuirksArePresent(t *testing.T) {
	t.Parallel()
	d := generate(t, demo.Products, demo.Histories)
	seen, names, last := map[string]int{}, map[string]int{}, int64(0)
	see := func(what string, yes bool) {
		if yes {
			seen[what]++
		}
	}
	products := rows[models.Product](t, d, "tbl_produk")
	for _, p := range products {
		names[*p.Name]++
		see("duplicate name", names[*p.Name] > 1)
		see("id gap", p.ID > last+1)
		see("NULL updated_at", p.UpdatedAt == nil)
		see("NULL created_at", p.CreatedAt == nil)
		see("NULL price", p.Price == nil)
		see("price 0", p.Price != nil && *p.Price == 0)
		see("price past 32 bits", p.Price != nil && *p.Price > 1<<32)
		see("NULL description", p.Description == nil)
		see("NULL customer", p.Customer == nil)
		see("customer nan", p.Customer != nil && *p.Customer == "nan")
		see("empty customer", p.Customer != nil && *p.Customer == "")
		see("trailing blank", strings.HasSuffix(*p.Name, " "))
		see("NULL category", p.CategoryID == nil)
		see("NULL segment", p.SegmentID == nil)
		see("NULL launch", p.LaunchDate == nil)
		see("NULL stage start", p.StageStart == nil)
		see("overdue", p.StageEnd != nil && p.StageEnd.String() < "2026-06-30" && *p.StageID != 4)
		see("due later", p.StageEnd != nil && p.StageEnd.String() > "2026-06-30")
		last = p.ID
	}
	for _, what := range []string{"duplicate name", "id gap", "NULL updated_at", "NULL created_at", "NULL price", "price 0",
		"price past 32 bits", "NULL description", "NULL customer", "customer nan", "empty customer", "trailing blank",
		"NULL category", "NULL segment", "NULL launch", "NULL stage start", "overdue", "due later"} {
		if seen[what] == 0 {
			t.Errorf("none of the products has: %s", what)
		}
	}
	if n := seen["NULL updated_at"]; n < len(products)/4 || n > len(products)*3/4 {
		t.Errorf("%d of %d products have no updated_at", n, len(products))
	}
	t.Log(seen)
}

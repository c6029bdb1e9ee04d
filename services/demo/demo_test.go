package demo_test

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/repositories/lifecycle"
	"lifecycle-sync/services/demo"
)

// volumes have no, a few, the usual number of and far too many stage history records per product.
var volumes = [][2]int{
	{0, 0}, {1, 0}, {1, 1}, {1, 50}, {3, 200}, {10, 40}, {13, 5}, {demo.Products, demo.Histories}, {500, 2600}, {1999, 4001},
}

// rows decodes the rows generated for a table. This also proves that every cell has its column's type.
func rows[T any](t testing.TB, fillings []lifecycle.SeedTable, table string) []T {
	t.Helper()
	i := slices.IndexFunc(fillings, func(f lifecycle.SeedTable) bool { return f.Table.Name == table })
	decoded, err := fillings[i].Table.Decode(slices.Collect(fillings[i].Rows))
	if err != nil {
		t.Fatal(err)
	}
	return *decoded.(*[]T)
}

func generate(t testing.TB, products, histories int) []lifecycle.SeedTable {
	t.Helper()
	fillings, err := demo.Generate(products, histories)
	if err != nil {
		t.Fatal(err)
	}
	return fillings
}

// digest hashes every cell of every table.
func digest(fillings []lifecycle.SeedTable) uint64 {
	h := fnv.New64a()
	for _, f := range fillings {
		for row := range f.Rows {
			for _, cell := range row.Cells {
				_, _ = h.Write(strconv.AppendBool(nil, cell == nil)) // a hash never fails
				_, _ = h.Write(cell)
				_, _ = h.Write([]byte{0})
			}
		}
	}
	return h.Sum64()
}

// The console's tests know some of these rows.
func TestGenerate_IsDeterministic(t *testing.T) {
	t.Parallel()
	for volume, want := range map[[2]int]uint64{
		{0, 0}: 4113529093333209002, {1, 0}: 17318231508892728075,
		{demo.Products, demo.Histories}: 5273921652684210599, {3000, 7000}: 13176144616214235512,
	} {
		if got := digest(generate(t, volume[0], volume[1])); got != want {
			t.Errorf("%v: digest %d, want %d", volume, got, want)
		}
	}
}

// Every table has as many rows as its count says, in id order, with references to rows that exist.
func TestGenerate_CountsAndReferences(t *testing.T) {
	t.Parallel()
	for _, volume := range volumes {
		want := map[string]int64{"segments": 5, "stages": 4, "categories": 5, "products": int64(volume[0]), "stage_history": int64(volume[1])}
		ids := map[string]map[string]bool{}
		for _, f := range generate(t, volume[0], volume[1]) {
			last, n, source := int64(0), int64(0), f.Table.Source
			ids[source] = map[string]bool{}
			for row := range f.Rows {
				if row.ID <= last || string(row.Cells[0]) != strconv.FormatInt(row.ID, 10) || len(row.Cells) != len(f.Table.Columns) {
					t.Fatalf("%v: %s: id %d after %d, with cells %q", volume, source, row.ID, last, row.Cells)
				}
				ids[source][string(row.Cells[0])] = true
				for i, c := range f.Table.Columns {
					if c.NotNull && row.Cells[i] == nil {
						t.Fatalf("%s id %d: %s is NULL", source, row.ID, c.Name)
					}
					if c.References != "" && row.Cells[i] != nil && !ids[c.References][string(row.Cells[i])] {
						t.Fatalf("%s id %d: %s refers to %s, which does not exist", source, row.ID, c.Name, row.Cells[i])
					}
				}
				last, n = row.ID, n+1
			}
			if n != want[f.Table.Name] || f.Count != n {
				t.Errorf("%v: %s has %d rows, counted as %d, want %d", volume, source, n, f.Count, want[f.Table.Name])
			}
			for range f.Rows { // reading may stop early
				break
			}
		}
	}
}

func TestGenerate_RefusesImpossibleNumbers(t *testing.T) {
	t.Parallel()
	for volume, code := range map[[2]int]string{
		{-1, 0}: "demo.numbers_out_of_range", {1, -1}: "demo.numbers_out_of_range", {0, 1}: "demo.history_without_products",
		{1 << 31, 0}: "demo.numbers_out_of_range", {1, 1 << 31}: "demo.numbers_out_of_range",
	} {
		_, err := demo.Generate(volume[0], volume[1])
		if e := models.AsError(err); e == nil || e.Class != models.Config || e.Text.Code != code {
			t.Errorf("%v: %v, want %s", volume, err, code)
		}
	}
}

// Demo data has every quirk of real data.
func TestGenerate_Quirks(t *testing.T) {
	t.Parallel()
	seen, names, last := map[string]int{}, map[string]int{}, int64(0)
	products := rows[models.Product](t, generate(t, demo.Products, demo.Histories), "products")
	for _, p := range products {
		names[*p.Name]++
		for quirk, has := range map[string]bool{
			"duplicate name":      names[*p.Name] > 1,
			"id gap":              p.ID > last+1,
			"NULL updated_at":     p.UpdatedAt == nil,
			"NULL created_at":     p.CreatedAt == nil,
			"NULL price":          p.Price == nil,
			"price 0":             p.Price != nil && *p.Price == 0,
			"price above 32 bits": p.Price != nil && *p.Price > 1<<32,
			"NULL description":    p.Description == nil,
			"NULL customer":       p.Customer == nil,
			"customer nan":        p.Customer != nil && *p.Customer == "nan",
			"empty customer":      p.Customer != nil && *p.Customer == "",
			"trailing blank":      strings.HasSuffix(*p.Name, " "),
			"NULL category":       p.CategoryID == nil,
			"NULL segment":        p.SegmentID == nil,
			"NULL launch":         p.LaunchDate == nil,
			"NULL stage start":    p.StageStart == nil,
			"overdue":             p.StageEnd != nil && p.StageEnd.String() < "2026-06-30" && *p.StageID != 4,
			"due later":           p.StageEnd != nil && p.StageEnd.String() > "2026-06-30",
		} {
			n := seen[quirk]
			if has {
				n++
			}
			seen[quirk] = n
		}
		last = p.ID
	}
	for quirk, n := range seen {
		if n == 0 {
			t.Errorf("no product has: %s", quirk)
		}
	}
	if n := seen["NULL updated_at"]; n < len(products)/4 || n > len(products)*3/4 {
		t.Errorf("%d of %d products have no updated_at", n, len(products))
	}
}

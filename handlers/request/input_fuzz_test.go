package request

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
)

// FuzzQuery reads any query string as the product list does.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"page=1&limit=12", "page=9223372036854775808", "limit=-1&limit=2", "search=%25_%5C&sort=-harga", "stageId=&segmentId=0x1", "search=%ff%00", "nothing&=&&x=%zz", "stage=Growth&kategori="} {
		f.Add(seed)
	}
	web := fiber.New()
	f.Fuzz(func(t *testing.T, raw string) {
		var request fasthttp.RequestCtx
		request.Request.URI().SetQueryString(raw)
		c := web.AcquireCtx(&request)
		defer web.ReleaseCtx(c)
		q := ParseQuery(c, append(ProductFilters(), "page", "limit", "sort")...)
		asked := products.Query{Paging: Paging(q), Filter: ProductFilter(q), Sort: q.Text("sort")}
		err := q.Err()
		if err == nil {
			err = asked.Check()
		}
		switch {
		case err != nil:
			if models.AsError(err).Class != models.Invalid {
				t.Errorf("%q: %v", raw, err)
			}
		case asked.Page < 0 || asked.Page > math.MaxInt32 || asked.Limit < 0 || asked.Filter.StageID < 0 || asked.Filter.StageID > math.MaxInt32:
			t.Errorf("%q was taken for %+v", raw, asked)
		case !isText(asked.Filter.Search) || !isText(asked.Filter.Stage):
			t.Errorf("%q was taken for text", raw)
		}
	})
}

// FuzzProduct parses any texts as a product's fields.
func FuzzProduct(f *testing.F) {
	f.Add("Kabel", "1", "1500.00", "2026-03-01")
	f.Add(" ", "2147483648", "9223372036854775807", "2026-02-30")
	f.Add("", "-1", "NaN", "0000-01-01")
	f.Add("x", "01", "1e9", "10000-01-01")
	ch := NewChecker()
	f.Fuzz(func(t *testing.T, name, id, price, day string) {
		sent := map[string]string{"produk": name, "id_kategori": id, "id_segmen": id, "id_stage": id, "harga": price, "tanggal_launch": day}
		in, err := ch.Product(sent, true)
		switch {
		case err != nil:
			if models.AsError(err).Class != models.Invalid {
				t.Errorf("%+v: %v", sent, err)
			}
		case in.Name == nil || strings.TrimSpace(*in.Name) == "":
			t.Errorf("the name %q was accepted", name)
		case in.StageID == nil || *in.StageID < 1 || *in.StageID > math.MaxInt32:
			t.Errorf("%q was accepted as an id", id)
		case price != "" && (in.Price == nil || *in.Price < 0):
			t.Errorf("%q was accepted as a price", price)
		case day != "" && (in.LaunchDate == nil || in.LaunchDate.String() != day):
			t.Errorf("%q was accepted as a date", day)
		}
	})
}

// FuzzInstant parses any text as a time.
func FuzzInstant(f *testing.F) {
	for _, seed := range []string{"2026-03-01T08:30:00+07:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999-12:00", "2026-03-01", "infinity"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := parseInstant(text)
		if err == nil && (at.Year() < 1 || at.Year() > 9999 || at.Nanosecond()%1000 != 0) {
			t.Errorf("%q was accepted as %s", text, at)
		}
	})
}

func TestProduct_ReportsInvalidFieldsInTheOrderOfTheForm(t *testing.T) {
	t.Parallel()
	sent := map[string]string{"tanggal_launch": "x", "produk": "", "harga": "-1", "id_stage": "0", "id_segmen": "1", "id_kategori": "", "pelanggan": strings.Repeat("x", 256)}
	for range 20 {
		_, err := NewChecker().Product(sent, true)
		var got []string
		for _, e := range models.AsError(err).Fields {
			got = append(got, e.Field+" "+e.Code)
		}
		want := []string{"produk required", "id_stage integer", "id_kategori required", "pelanggan too_long", "harga integer", "tanggal_launch date"}
		if !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}

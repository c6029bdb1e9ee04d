package request

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"lifecycle-sync/models"
	"lifecycle-sync/services/mirror"
	"lifecycle-sync/services/products"
)

func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{"produk":"a"}`, `{"any":{"a":[1,{"b":null}]}}`, `{"produk":"\ud83d\ude00\u0000"}`, `{"any":1e400}`, `{"any":{"a":1,"a":2}}`, "{\"any\":\"\xff\"}", `[`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := parseFields(text, []string{"produk", "any"})
		if err != nil {
			if models.AsError(err).Class != models.Invalid {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		for name, value := range object {
			var decoded any
			if _ = json.Unmarshal(value, &decoded); !json.Valid(value) || !isText(name) || !isText(string(value)) {
				t.Errorf("%q: %s: %q", text, name, value)
			}
			if s, ok := decoded.(string); ok && !isText(s) {
				t.Errorf("%q holds NUL", text)
			}
		}
	})
}

func FuzzForm(f *testing.F) {
	for _, seed := range []string{
		field("produk", "a") + end, file("a.pdf", "x") + file("b.pdf", "y") + end, part(`form-data; name="files"; filename=""`, "") + end, end, "--X\r\n\r\n--X--",
		file("a.pdf", "x"), "--X\n", "--X\r\nContent-Disposition: form-data", end + "\n--X\n", "--X\r\nContent-Disposition: form-data; name*=utf-8''produk\r\nContent-Transfer-Encoding: base64\r\n\r\nYQ==\r\n--X--",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		s := &memoryUploads{}
		reader := formReader{files: s, allowed: []string{"produk"}, limits: FormLimits{Files: 2, Bytes: 1 << 16}, form: Form{Fields: map[string]string{}}}
		reader.body = &limitedBody{source: bytes.NewReader(body), limit: 1 << 16, contentLength: -1, budget: unlimitedBudget}
		err := reader.read(t.Context(), "X")
		if len(reader.form.Files) != s.count() || len(reader.form.Files) > 2 {
			t.Errorf("%q: %d files known, %d stored", body, len(reader.form.Files), s.count())
		}
		for name, value := range reader.form.Fields {
			if name != "produk" || !isText(value) || len(value) > fieldLimit {
				t.Errorf("%q: %q = %q", body, name, value)
			}
		}
		if err == nil && !bytes.Contains(body, []byte("--X--")) {
			t.Errorf("%q has no end and was accepted", body)
		}
	})
}

// FuzzQuery reads any query string as the product list does.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"page=1&limit=12", "page=9223372036854775808", "limit=-1&limit=2", "search=%25_%5C&sort=-harga", "stageId=&segmentId=0x1", "search=%ff%00", "stageId=1,2,&priceFrom=1e3&priceTo=0", "updatedSince=2026-01-01&launchTo=2026-02-30&dueWithin=0", "nothing&=&&x=%zz", "stage=Growth&kategori="} {
		f.Add(seed)
	}
	web := fiber.New()
	f.Fuzz(func(t *testing.T, raw string) {
		var request fasthttp.RequestCtx
		request.Request.URI().SetQueryString(raw)
		c := web.AcquireCtx(&request)
		defer web.ReleaseCtx(c)
		q := ParseQuery(c, append(ProductFilters(), "page", "limit", "sort")...)
		query := products.Query{Paging: Paging(q), Filter: ProductFilter(q), Sort: q.Text("sort")}
		err := q.Err()
		if err == nil {
			err = query.Check()
		}
		switch {
		case err != nil:
			if models.AsError(err).Class != models.Invalid {
				t.Errorf("%q: %v", raw, err)
			}
		case query.Page < 0 || query.Page > math.MaxInt32 || query.Limit < 0 || len(query.Filter.StageIDs) > maxIDs || slices.ContainsFunc(query.Filter.StageIDs, func(id int64) bool { return id < 1 || id > math.MaxInt32 }):
			t.Errorf("%q was parsed as %+v", raw, query)
		case !isText(query.Filter.Search) || !isText(query.Filter.Stage):
			t.Errorf("%q was accepted as text", raw)
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
		texts := map[string]string{"produk": name, "id_kategori": id, "id_segmen": id, "id_stage": id, "harga": price, "tanggal_launch": day}
		in, err := ch.Product(texts, true)
		switch {
		case err != nil:
			if models.AsError(err).Class != models.Invalid {
				t.Errorf("%+v: %v", texts, err)
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
	texts := map[string]string{"tanggal_launch": "x", "produk": "", "harga": "-1", "id_stage": "0", "id_segmen": "1", "id_kategori": "", "pelanggan": strings.Repeat("x", 256)}
	for range 20 {
		_, err := NewChecker().Product(texts, true)
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

// FuzzRun parses any object as a request for a run.
func FuzzRun(f *testing.F) {
	for _, seed := range []string{
		`{"mode":"full","dryRun":false,"allowDeletes":0}`, `{"mode":"incremental"}`, `{"allowDeletes":9223372036854775807}`, `{"allowDeletes":1e3}`, `{"allowDeletes":-1}`,
		`{"dryRun":null}`, `{"mode":"FULL"}`, `{"mode":"\u0066ull"}`, `{}`,
		`{"digest":"0123456789abcdef0123456789abcdef"}`, `{"digest":"0123456789ABCDEF0123456789ABCDEF"}`, `{"digest":"0123456789abcdef0123456789abcdef","dryRun":true}`,
	} {
		f.Add([]byte(seed))
	}
	ch := NewChecker()
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := parseFields(text, fieldNames(runBody{}))
		if err != nil {
			return
		}
		body := runBody{Mode: models.FullRun}
		r, err := ch.runRequest(&body, bindJSON(values, &body))
		switch e := models.AsError(err); {
		case e != nil && (e.Class != models.Invalid || len(e.Fields) == 0):
			t.Errorf("%q: %v", text, err)
		case e != nil:
			for _, fieldErr := range e.Fields {
				if _, isSent := values[fieldErr.Field]; !isSent || fieldErr.Text.Params["field"] != models.FieldName(fieldErr.Field) {
					t.Errorf("%q: %+v", text, fieldErr)
				}
			}
		case r.Mode != models.FullRun && r.Mode != models.IncrementalRun, r.AllowDeletes != nil && *r.AllowDeletes <= 0,
			r.Digest != "" && (r.DryRun || r.Mode != models.FullRun || !mirror.IsDigest(r.Digest)):
			t.Errorf("%q: %+v", text, r)
		}
	})
}

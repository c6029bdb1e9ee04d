package routes_test

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit/testdb"
)

// insertProducts inserts two segments, two stages, two categories and nine products.
func insertProducts(s *site) {
	s.t.Helper()
	s.insert("tbl_segmen_lifecycle", []models.Segment{{ID: 1, Name: new("Transmisi")}, {ID: 2, Name: new("Énergie & Co")}})
	s.insert("tbl_stage_lifecycle", []models.Stage{{ID: 1, Name: new("Introduction")}, {ID: 2, Name: new("Growth")}})
	s.insert("tbl_kategori_lifecycle", []models.Category{{ID: 1, Name: new("Hardware")}, {ID: 2, Name: new("Software")}})
	at := func(day, microsecond int) *models.Instant {
		return new(models.InstantOf(time.Date(2025, 3, day, 10, 0, 0, microsecond*1000, time.UTC)))
	}
	day := func(d int) *models.Date { return new(models.NewDate(2025, 4, d)) }
	s.insert("tbl_produk_lifecycle", []models.Product{
		{ID: 1, Name: new("Alpha 100%"), Description: new("first"), Customer: new("PT Satu"), Price: new(int64(1<<53 + 1)), StageID: new(int64(1)),
			SegmentID: new(int64(1)), CategoryID: new(int64(1)), LaunchDate: day(9), CreatedAt: at(1, 123456), UpdatedAt: at(2, 0), StageStart: day(1), StageEnd: day(30)},
		{ID: 2, Name: new("beta_x"), Price: new(int64(math.MaxInt64)), StageID: new(int64(2)), SegmentID: new(int64(2)), CategoryID: new(int64(2)), CreatedAt: at(1, 123456)},
		{ID: 3, Name: new(`back\slash`), Price: new(int64(-5)), StageID: new(int64(2)), CreatedAt: at(3, 1), UpdatedAt: at(3, 1), LaunchDate: day(2)},
		{ID: 4, Name: new("ÉLÉGANT"), Description: new(`with "quotes" and 'more'`), Price: new(int64(0)), SegmentID: new(int64(1)), StageEnd: day(2)},
		{ID: 5},
		{ID: 7, Name: new("beta_x"), Customer: new("МОСКВА"), CreatedAt: at(2, 0), CategoryID: new(int64(1))},
		{ID: 8, Name: new("betaXx"), Price: new(int64(0)), CreatedAt: at(2, 0)},
		{ID: 9, Name: new(" trailing "), UpdatedAt: at(9, 0), LaunchDate: day(2)},
		{ID: 12, Name: new("été <b>"), CreatedAt: at(4, 0), StageEnd: day(1)},
	})
}

func ids(t *testing.T, a apiResponse) []int64 {
	t.Helper()
	var rows []struct {
		ID int64 `json:"id"`
	}
	if err := json.Unmarshal(a.json.Data, &rows); err != nil {
		t.Fatal(err)
	}
	out := []int64{}
	for _, row := range rows {
		out = append(out, row.ID)
	}
	return out
}

func TestProducts_FollowTheContractAndHaveAnETag(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		const empty = `{"success":true,"data":[],"pagination":{"currentPage":1,"totalPages":0,"totalItems":0,"limit":12}}`
		if got := string(s.get(http.StatusOK, "/products").body); got != empty {
			t.Errorf("got %s, want %s", got, empty)
		}
		insertProducts(s)
		a := s.get(http.StatusOK, "/products?stage=introduction")
		const want = `{"success":true,"data":[{"id":1,"produk":"Alpha 100%","deskripsi":"first","id_kategori":1,"id_segmen":1,"id_stage":1,` +
			`"harga":9007199254740993,"tanggal_launch":"2025-04-09","pelanggan":"PT Satu","created_at":"2025-03-01T10:00:00.123456Z",` +
			`"updated_at":"2025-03-02T10:00:00.000000Z","tanggal_stage_start":"2025-04-01","tanggal_stage_end":"2025-04-30",` +
			`"segmen":"Transmisi","stage":"Introduction","kategori":"Hardware","attachments_count":0,"version":"V"}],` +
			`"pagination":{"currentPage":1,"totalPages":1,"totalItems":1,"limit":12}}`
		versions := regexp.MustCompile(`"version":"[A-Za-z0-9_-]{16}"`) // differ between the database systems
		if got := versions.ReplaceAllString(string(a.body), `"version":"V"`); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if got := a.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type %q", got)
		}
		const absent = `{"id":5,"produk":null,"deskripsi":null,"id_kategori":null,"id_segmen":null,"id_stage":null,"harga":null,` +
			`"tanggal_launch":null,"pelanggan":null,"created_at":null,"updated_at":null,"tanggal_stage_start":null,` +
			`"tanggal_stage_end":null,"segmen":null,"stage":null,"kategori":null,"attachments_count":0,"version":"V"}`
		all := versions.ReplaceAllString(string(s.get(http.StatusOK, "/products").body), `"version":"V"`)
		if !strings.Contains(all, absent) || !strings.Contains(all, `"harga":9223372036854775807`) {
			t.Errorf("unexpected NULLs or largest price: %s", all)
		}

		first := s.get(http.StatusOK, "/products")
		etag := first.Header.Get("ETag")
		if again := s.get(http.StatusOK, "/products"); etag == "" || again.Header.Get("ETag") != etag {
			t.Fatalf("ETag %q, then %q", etag, again.Header.Get("ETag"))
		}
		for _, header := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
			a := s.get(http.StatusNotModified, "/products", "If-None-Match", header)
			if len(a.body) > 0 || a.Header.Get("ETag") != etag || a.Header.Get("Cache-Control") != "private, no-cache" {
				t.Errorf("If-None-Match %s: %v %q", header, a.Header, a.body)
			}
		}
		s.get(http.StatusOK, "/products", "If-None-Match", `"other"`)
		s.get(http.StatusOK, "/products", "If-Modified-Since", time.Now().Format(http.TimeFormat))
		s.get(http.StatusOK, "/products?page=2", "If-None-Match", etag)
		s.exec("UPDATE tbl_produk_lifecycle SET produk = 'changed' WHERE id = 12")
		if a := s.get(http.StatusOK, "/products", "If-None-Match", etag); a.Header.Get("ETag") == etag {
			t.Error("the same ETag for another body")
		}
	})
}

func TestProducts_FilterSortAndLinkPages(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		insertProducts(s)
		for query, want := range map[string][]int64{
			"":                                      {1, 2, 3, 4, 5, 7, 8, 9, 12},
			"stageId=2":                             {2, 3},
			"stageId=2147483647":                    {},
			"segmentId=1":                           {1, 4},
			"categoryId=1":                          {1, 7},
			"stageId=1&segmentId=1":                 {1},
			"stageId=1&segmentId=2":                 {},
			"stage=GROWTH":                          {2, 3},
			"stage=Growt":                           {},
			"stage=Growt_":                          {},
			"segmen=éNERGIE+%26+co":                 {2},
			"kategori=hardware&stage=introduction":  {1},
			"stageId=2&stage=introduction":          {},
			"stageId=&segmentId=&search=&stage=":    {1, 2, 3, 4, 5, 7, 8, 9, 12},
			"search=%25":                            {1},
			"search=_":                              {2, 7},
			"search=" + url.QueryEscape(`\`):        {3},
			"search=BETA_X":                         {2, 7},
			"search=betax":                          {8},
			"search=élégant":                        {4},
			"search=%C3%89L%C3%89G":                 {4},
			"search=москв":                          {7},
			"search=pt+satu":                        {1},
			"search=FIRST":                          {1},
			"search=" + url.QueryEscape(`"quotes"`): {4},
			"search=" + url.QueryEscape(`' OR 1=1`): {},
			"search=" + url.QueryEscape(`'more'`):   {4},
			"search=" + url.QueryEscape(`@like ?`):  {},
			"search=ÉTÉ":                            {12},
			"search=%3Cb%3E":                        {12},
			"search=g+":                             {4, 9},
			"search=satu+first":                     {1}, // customer and description
			"search=SATU+%09alp%0A+first+100%25":    {1},
			"search=x+beta":                         {2, 7, 8},
			"search=_x+beta":                        {2, 7},
			"search=x_+beta":                        {},
			"search=москва+BETA":                    {7},
			"search=satu+betax":                     {},
			"search=+":                              {1, 2, 3, 4, 5, 7, 8, 9, 12},
			"search=" + strings.Repeat("a+", 99):    {1, 2, 3, 4, 7, 8, 9}, // the same word
			"search=" + url.QueryEscape(strings.Join(strings.Split("abcdefghijklmnop", ""), " ")): {},
			"search=" + strings.Repeat("%F0%9F%98%80", 200):                                       {},
			"search=a&stageId=1&kategori=Hardware":                                                {1},
			"missing=&overdue=":                                                                   {1, 2, 3, 4, 5, 7, 8, 9, 12},
			"missing=segment":                                                                     {3, 5, 7, 8, 9, 12},
			"missing=stage":                                                                       {4, 5, 7, 8, 9, 12},
			"missing=category":                                                                    {3, 4, 5, 8, 9, 12},
			"missing=price":                                                                       {5, 7, 9, 12},
			"missing=launchDate":                                                                  {2, 4, 5, 7, 8, 12},
			"missing=stage&search=beta":                                                           {7, 8},
			"missing=stage&stageId=1":                                                             {},
			"overdue=true":                                                                        {1, 4, 12},
			"overdue=true&missing=segment":                                                        {12},
			"overdue=true&stage=introduction":                                                     {1},
		} {
			a := s.get(http.StatusOK, "/products?sort=id&"+query)
			if got := ids(t, a); !slices.Equal(got, want) || a.json.Pagination.TotalItems != int64(len(want)) {
				t.Errorf("%s: %v of %d, want %v", query, got, a.json.Pagination.TotalItems, want)
			}
		}

		for sort, want := range map[string][]int64{
			"":                   {12, 3, 8, 7, 2, 1, 9, 5, 4},
			"-created_at":        {12, 3, 8, 7, 2, 1, 9, 5, 4},
			"created_at":         {1, 2, 7, 8, 3, 12, 4, 5, 9},
			"id":                 {1, 2, 3, 4, 5, 7, 8, 9, 12},
			"-id":                {12, 9, 8, 7, 5, 4, 3, 2, 1},
			"produk":             {9, 1, 3, 8, 2, 7, 4, 12, 5},
			"-produk":            {12, 4, 7, 2, 8, 3, 1, 9, 5},
			"harga":              {3, 4, 8, 1, 2, 5, 7, 9, 12},
			"-harga":             {2, 1, 8, 4, 3, 12, 9, 7, 5},
			"tanggal_launch":     {3, 9, 1, 2, 4, 5, 7, 8, 12},
			"-tanggal_launch":    {1, 9, 3, 12, 8, 7, 5, 4, 2},
			"updated_at":         {1, 3, 9, 2, 4, 5, 7, 8, 12},
			"-updated_at":        {9, 3, 1, 12, 8, 7, 5, 4, 2},
			"tanggal_stage_end":  {12, 4, 1, 2, 3, 5, 7, 8, 9},
			"-tanggal_stage_end": {1, 4, 12, 9, 8, 7, 5, 3, 2},
		} {
			for _, limit := range []int{1, 2, 4, 9} {
				var got []int64
				for page := 1; page <= (len(want)+limit-1)/limit; page++ {
					got = append(got, ids(t, s.get(http.StatusOK, fmt.Sprintf("/products?sort=%s&limit=%d&page=%d", sort, limit, page)))...)
				}
				if !slices.Equal(got, want) {
					t.Errorf("sort=%s, pages of %d: got %v, want %v", sort, limit, got, want)
				}
			}
		}

		link := regexp.MustCompile(`<` + base + `/products\?([^>]*)>; rel="(\w+)"`)
		for query, want := range map[string]string{
			"limit=4":               "first=1 next=2 last=3",
			"limit=4&page=2":        "first=1 prev=1 next=3 last=3",
			"limit=4&page=3":        "first=1 prev=2 last=3",
			"limit=4&page=77":       "first=1 prev=3 last=3",
			"search=nothing%26here": "first=1 last=1",
		} {
			parameters, _ := url.ParseQuery(query)
			header := s.get(http.StatusOK, "/products?"+query).Header.Get("Link")
			var got []string
			for _, m := range link.FindAllStringSubmatch(header, -1) {
				values, err := url.ParseQuery(m[1])
				if err != nil || values.Get("search") != parameters.Get("search") || values.Get("limit") != parameters.Get("limit") {
					t.Errorf("%s: the link %s has another query: %s", query, m[2], m[1])
				}
				got = append(got, m[2]+"="+values.Get("page"))
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %s, want %s", query, header, want)
			}
		}
		if header := s.get(http.StatusOK, "/products?limit=4&search=a;b%26c&stage=x").Header.Get("Link"); !strings.Contains(header, "limit=4&search=a%3Bb%26c&stage=x&page=1>") {
			t.Errorf("a link without a part of its query: %s", header)
		}
		next := link.FindStringSubmatch(s.get(http.StatusOK, "/products?sort=id&limit=1&page=2&search=_").Header.Get("Link"))
		if got := ids(t, s.get(http.StatusOK, "/products?"+next[1])); !slices.Equal(got, []int64{2}) {
			t.Errorf("the first link leads to %v", got)
		}
	})
}

func TestProducts_RejectInvalidQueries(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite(t))
	invalid := map[string]string{ // query: the field and code of the first error
		"sort=harga%20desc":                     "sort unknown",
		"sort=--id":                             "sort unknown",
		"sort=-":                                "sort unknown",
		"sort=deskripsi":                        "sort unknown",
		"sort=id;drop":                          "sort unknown",
		"q=x":                                   "q unknown",
		"Page=1":                                "Page unknown",
		"search%5B%5D=x":                        "search[] unknown",
		"page=1&page=1":                         "page duplicate",
		"search=a&search=b":                     "search duplicate",
		"search=%FF":                            "search encoding",
		"search=a%00b":                          "search encoding",
		"kategori=%C0%80":                       "kategori encoding",
		"missing=Stage":                         "missing unknown",
		"missing=harga":                         "missing unknown",
		"missing=price&missing=price":           "missing duplicate",
		"implausible=price":                     "implausible unknown",
		"overdue=1":                             "overdue unknown",
		"overdue=false":                         "overdue unknown",
		"search=" + strings.Repeat("a", 201):    "search too_long",
		"search=" + strings.Repeat("a", 10<<10): "search too_long",
		"search=" + strings.Repeat("%C3%A9", 201):  "search too_long",
		"search=a%00b&stageId=x":                   "search encoding",
		"search=a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q": "search too_many_words",
	}
	for _, name := range []string{"page", "limit", "stageId", "segmentId", "categoryId"} {
		for _, value := range []string{"0", "-1", "abc", "1e9", "9223372036854775808", "1.0", "%2B1", "%201", "1_000", "0x1", "%D9%A1"} {
			invalid[name+"="+value] = name + " integer"
		}
	}
	invalid["page="], invalid["limit="], invalid["stageId=2147483648"] = "page integer", "limit integer", "stageId integer"
	for query, want := range invalid {
		a := s.get(http.StatusBadRequest, "/products?"+query)
		if got := a.json.Errors[0].Field + " " + a.json.Errors[0].Code; got != want {
			t.Errorf("%.60s: got %s, want %s", query, got, want)
		}
		if *a.json.Success || a.json.Code != "validation_failed" || a.json.Message == "" || a.json.RequestID != a.Header.Get(fiber.HeaderXRequestID) {
			t.Errorf("%.60s: unexpected envelope: %s", query, a.body)
		}
	}
	if a := s.get(http.StatusBadRequest, "/products?pages=2"); !strings.Contains(a.json.Message, "Known parameters: page, limit, search, stageId") {
		t.Errorf("the known parameters are not listed: %s", a.body)
	}
	if a := s.get(http.StatusBadRequest, "/products?page=0&limit=x&sort=y"); len(a.json.Errors) != 2 {
		t.Errorf("not every error is reported: %s", a.body)
	}
	if a := s.get(http.StatusBadRequest, "/products?"+strings.Repeat("a&", 5000)); len(a.json.Errors) != 10 {
		t.Errorf("%d errors", len(a.json.Errors))
	}
}

func TestProducts_LimitPages(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		products := make([]models.Product, 130)
		for i := range products {
			products[i].ID = int64(i + 1)
		}
		s.insert("tbl_produk_lifecycle", products)
		for query, want := range map[string]struct{ rows, page, pages, limit int64 }{
			"":                           {12, 1, 11, 12},
			"limit=101":                  {100, 1, 2, 100},
			"limit=1000000000":           {100, 1, 2, 100},
			"limit=9223372036854775807":  {100, 1, 2, 100},
			"limit=1000&page=2":          {30, 2, 2, 100},
			"limit=1":                    {1, 1, 130, 1},
			"page=11":                    {10, 11, 11, 12},
			"page=12":                    {0, 12, 11, 12},
			"page=1000000000":            {0, 1000000000, 11, 12},
			"page=2147483647&limit=1000": {0, 2147483647, 2, 100},
		} {
			a := s.get(http.StatusOK, "/products?"+query)
			p := a.json.Pagination
			if got := int64(len(ids(t, a))); got != want.rows || p.CurrentPage != want.page || p.TotalPages != want.pages || p.Limit != want.limit || p.TotalItems != 130 {
				t.Errorf("%s: %d rows, %+v", query, got, *p)
			}
		}
	})
}

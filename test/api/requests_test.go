package api_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/models"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// refuses wants status 400 with errors of these fields, each as "field" or "field code", in this order.
func (s *site) refuses(fields, method, path, body string, headers ...string) {
	s.t.Helper()
	a := s.send(method, path, body, headers...).want(s.t, http.StatusBadRequest, "validation_failed")
	var got []string
	for _, e := range a.json.Errors {
		got = append(got, e.Field+" "+e.Code)
	}
	if all := strings.Join(got, ", "); strings.Count(all, ", ") != strings.Count(fields, ", ") || !strings.HasPrefix(all+" ", fields+" ") {
		s.t.Errorf("%s %.99s %.99s: %s, want %s", method, path, body, all, fields)
	}
}

// TestRequests_RejectInvalidInput: the response names the field, the parameter or the header, and nothing is written.
func TestRequests_RejectInvalidInput(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		rows := func() string {
			return queryOne[string](t, s.source, "SELECT (SELECT count(*) FROM tbl_produk) || ' products, ' || (SELECT count(*) FROM tbl_stage_histori) || ' records'") +
				queryOne[string](t, s.target, "SELECT ', ' || count(*) || ' runs' FROM lifecycle_sync_runs")
		}
		before := rows()
		for _, key := range []string{"", " ", strings.Repeat("k", 256), "kunci\tsatu", "é", "\xff"} {
			form, kind := withFiles(nil, file{"a.pdf", pdf})
			s.refuses("Idempotency-Key", http.MethodPost, "/products", uji, "Idempotency-Key", key)
			s.refuses("Idempotency-Key", http.MethodPost, "/stage-history", uji, "Idempotency-Key", key)
			s.refuses("Idempotency-Key", http.MethodPost, "/sync", "{}", "Idempotency-Key", key)
			s.do(http.MethodPost, base+"/products/1/attachments", form, "Content-Type", kind, "Idempotency-Key", key).want(t, http.StatusBadRequest, "validation_failed")
		}
		for _, etag := range []string{"", " "} {
			s.refuses("If-Match", http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", etag)
			s.refuses("If-Match", http.MethodDelete, "/products/1", "", "If-Match", etag)
		}
		s.refusesProducts()
		s.refusesMoves()
		s.refusesRuns()
		s.refusesQueries()
		s.wantFiles(0)
		if after := rows(); after != before {
			t.Errorf("%s, before %s", after, before)
		}
	})
}

func (s *site) refusesProducts() {
	s.t.Helper()
	for _, c := range []struct{ field, value string }{
		{"harga", `"NaN"`}, {"harga", "-1"}, {"harga", "1500.5"}, {"harga", "1e400"}, {"harga", "9223372036854775808"}, {"harga", "true"}, {"harga", "[1]"},
		{"deskripsi", `"a\u0000b"`}, {"deskripsi", `"\ud800"`}, {"pelanggan", `"` + strings.Repeat("é", 256) + `"`},
		{"tanggal_launch", `"2026-02-30"`}, {"tanggal_launch", `"infinity"`}, {"tanggal_stage_end", `"0000-01-01"`},
		{"id", "7"}, {"created_at", `"2026-01-01T00:00:00Z"`}, {"role", `"Admin"`},
	} {
		s.refuses(c.field, http.MethodPost, "/products", fmt.Sprintf(`{"produk":"x","id_kategori":1,"id_segmen":1,"id_stage":1,%q:%s}`, c.field, c.value))
	}
}

func (s *site) refusesMoves() {
	s.t.Helper()
	stage := queryOne[int](s.t, s.source, "SELECT id_stage FROM tbl_produk WHERE id = 1")
	deep := `{"a":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + "}"
	for _, c := range []struct{ field, value string }{
		{"tanggal_perubahan", `"infinity"`}, {"tanggal_perubahan", `"-infinity"`}, {"tanggal_perubahan", `"10000-01-01T00:00:00Z"`}, {"tanggal_perubahan", `"9999-12-31T23:59:59-14:00"`},
		{"tanggal_perubahan", `"0000-01-01T00:00:00Z"`}, {"tanggal_perubahan", `"0001-01-01T00:00:00+14:00"`}, {"tanggal_perubahan", `"2026-02-30T00:00:00Z"`},
		{"tanggal_perubahan", `"2026-01-01T00:00:00"`}, {"tanggal_perubahan", `"2026-01-01"`}, {"tanggal_perubahan", "1767225600"},
		{"catatan", `"a\u0000"`}, {"catatan", `"\udc00"`}, {"catatan", "7"}, {"catatan", `["x"]`},
		{"performance_metrics", deep}, {"performance_metrics", `{"a":1,"a":2}`}, {"performance_metrics", `{"a":"\u0000"}`}, {"performance_metrics", `{"a\u0000":1}`},
		{"performance_metrics", "[1]"}, {"performance_metrics", "3"}, {"performance_metrics", `"x"`}, {"performance_metrics", "true"},
		{"stage_previous", "-1"}, {"stage_previous", "1.5"}, {"stage_previous", "2147483648"}, {"stage_previous", "9999"}, {"stage_previous", "true"},
		{"id", "1"}, {"produk", `"x"`}, {"created_at", `"2026-01-01T00:00:00Z"`}, {"__proto__", "{}"},
	} {
		s.refuses(c.field, http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":1,"stage_now":%d,%q:%s}`, stage%4+1, c.field, c.value))
	}
	for range 5 { // always in the same order
		s.refuses("id_produk unknown, stage_now unknown, stage_previous unknown, tanggal_perubahan future", http.MethodPost, "/stage-history",
			`{"id_produk":99999,"stage_now":98,"stage_previous":99,"tanggal_perubahan":"2099-01-01T00:00:00Z"}`)
	}
	for _, body := range []string{`{}`, `{"id_produk":1}`, `{"stage_now":1}`, `{"id_produk":null,"stage_now":null}`, `{"id_produk":0,"stage_now":1}`, `{"id_produk":1e99,"stage_now":1}`, "null", `"x"`} {
		s.send(http.MethodPost, "/stage-history", body).want(s.t, http.StatusBadRequest, "validation_failed")
	}
	for _, body := range []string{`{"tanggal_perubahan":null}`, `{"tanggal_perubahan":""}`, `{"stage_now":2}`, `{"id_produk":2}`, `{"performance_metrics":[]}`} {
		s.send(http.MethodPut, "/stage-history/1", body).want(s.t, http.StatusBadRequest, "validation_failed")
	}
}

func (s *site) refusesRuns() {
	s.t.Helper()
	as := strings.Repeat("a", 31)
	for body, field := range map[string]string{
		`{"mode": "fast"}`: "mode", `{"mode": null}`: "mode", `{"mode": 1}`: "mode", `{"mode": "full", "mode": "full"}`: "mode",
		`{"dryRun": "yes"}`: "dryRun", `{"dryRun": 1}`: "dryRun",
		`{"allowDeletes": -1}`: "allowDeletes", `{"allowDeletes": 1.5}`: "allowDeletes", `{"allowDeletes": "7"}`: "allowDeletes", `{"allowDeletes": 9223372036854775808}`: "allowDeletes",
		`{"digest": ""}`: "digest", `{"digest": null}`: "digest", `{"digest": 7}`: "digest", `{"digest": "` + strings.Repeat("A", 32) + `"}`: "digest",
		`{"digest": "` + as + `"}`: "digest", `{"digest": "` + as + `aa"}`: "digest", `{"digest": "` + as + `\n"}`: "digest",
		`{"digest": "` + as + `a", "dryRun": true}`: "digest", `{"mode": "incremental", "digest": "` + as + `a"}`: "digest",
		`{"force": true}`: "force", `{"Mode": "full"}`: "Mode",
		`[]`: "", `7`: "", `null`: "", `{`: "", `{"mode": "full"} x`: "", `{"mode": "full"}{}`: "", "{\"mode\": \"\xff\"}": "mode", "\x00": "",
	} {
		s.refuses(field, http.MethodPost, "/sync", body)
	}
	if a := s.send(http.MethodPost, "/sync", `{"force": 1}`); !strings.Contains(a.json.Errors[0].Message, "mode, dryRun, allowDeletes, digest") {
		s.t.Errorf("the known keys are not listed: %s", a.body)
	}
	s.send(http.MethodPost, "/sync", `{"mode": "`+strings.Repeat("x", 70<<10)+`"}`).want(s.t, http.StatusRequestEntityTooLarge, "too_large")
	s.do(http.MethodPost, base+"/sync", strings.NewReader("mode=full"), "Content-Type", "application/x-www-form-urlencoded").want(s.t, http.StatusUnsupportedMediaType, "unsupported_type")
	for call, status := range map[string]int{
		"GET /sync/runs/0": 400, "GET /sync/runs/-1": 400, "GET /sync/runs/x": 400, "GET /sync/runs/9223372036854775808": 400, "GET /sync/runs/1?x=1": 400,
		"GET /sync/runs/9223372036854775807": 404, "GET /sync/runs/999": 404, "GET /sync/runs/999/changes": 404, "GET /sync/runs/x/changes": 400,
		"GET /sync/runs?page=0": 400, "GET /sync/runs?limit=abc": 400, "GET /sync/runs?sort=id": 400, "GET /sync?x=1": 400, "GET /sync/quarantine?page=-1": 400, "GET /sync/events?x=1": 400,
		"GET /sync/runs/1/changes?page=9223372036854775808": 400,
		"POST /sync/runs/999/cancel":                        404, "POST /sync/runs/x/cancel": 400, "POST /sync/runs/1/cancel": 409, "POST /sync?mode=full": 400, "POST /sync/verify?x": 400,
	} {
		method, path, _ := strings.Cut(call, " ")
		s.do(method, base+path, nil).want(s.t, status)
	}
}

func (s *site) refusesQueries() {
	s.t.Helper()
	for path, queries := range map[string]map[string]string{
		"/dashboard": {
			"stageId=0": "stageId", "stageId=x": "stageId", "segmentId=2147483648": "segmentId", "page=1": "page", "sort=id": "sort", "stage=a&stage=a": "stage",
			"search=%00": "search", "search=%FF": "search", "missing=name": "missing", "overdue=yes": "overdue", "search=" + strings.Repeat("x", 201): "search",
			"stageId=1,": "stageId integer", "segmentId=1,x": "segmentId integer", "categoryId=1%202": "categoryId integer", "stageId=1" + strings.Repeat(",1", 50): "stageId too_many",
			"dueWithin=0": "dueWithin integer", "dueWithin=3651": "dueWithin integer", "launchWithin=nextYear": "launchWithin unknown", "priceFrom=-1": "priceFrom integer",
			"priceTo=1.5": "priceTo integer", "priceTo=9223372036854775808": "priceTo integer", "launchFrom=2026-02-30": "launchFrom date", "stageEndTo=infinity": "stageEndTo date",
			"updatedSince=yesterday": "updatedSince timestamp", "updatedSince=0000-01-01": "updatedSince timestamp", "updatedSince=2026-01-01T00:00:00": "updatedSince timestamp",
			"priceFrom=2&priceTo=1": "priceFrom range", "launchFrom=2026-01-02&launchTo=2026-01-01&stageEndFrom=2026-01-02&stageEndTo=2026-01-01": "launchFrom range, stageEndFrom range",
		},
		"/stage-history": {
			"productId=0": "productId", "productId=abc": "productId", "page=0": "page", "limit=x": "limit", "sort=id": "sort", "productId=1&productId=2": "productId",
			"fromStageId=0": "fromStageId integer", "toStageId=x": "toStageId integer", "since=2030-1-1": "since date", "since=0000-01-01": "since date", "until=2030-02-30": "until date",
			"until=2030-01-01T00:00:00Z": "until date", "since=2030-01-02&until=2030-01-01": "until order", "search=" + strings.Repeat("x", 201): "search too_long", "search=%00": "search encoding",
			"from=1": "from unknown", "since=2030-01-01&since=2030-01-01": "since duplicate",
		},
		"/sync/changes": {
			"": "table", "id=2": "table", "table=": "table", "table=products": "table", "table=tbl_produk_lifecycle": "table", "table=TBL_PRODUK": "table", "table=pg_class": "table",
			"table=tbl_produk": "id", "table=tbl_produk&id=": "id", "table=tbl_produk&id=0": "id", "table=tbl_produk&id=x": "id", "table=tbl_produk&run=1": "run", "table=tbl_produk&page=0": "page", "table=tbl_produk&table=tbl_stage": "table",
		},
		"/products/export.csv": {"page=1": "page", "sort=x": "sort"}, "/stage-history/1": {"x=1": "x"},
	} {
		for query, fields := range queries {
			s.refuses(fields, http.MethodGet, path+"?"+query, "")
		}
	}
	for _, id := range []string{"0", "-1", "abc", "1.0", "9223372036854775808", "2147483648", "%00"} {
		s.refuses("id", http.MethodGet, "/stage-history/"+id, "")
		s.refuses("id", http.MethodGet, "/products/"+id, "")
	}
}

func TestRequests_KeepUnusualInput(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.send(http.MethodPost, "/products", uji, "Idempotency-Key", strings.Repeat("k", 255)).want(t, http.StatusCreated)
		for _, etag := range []string{`"other"`, "garbage", `W/"x"`, `"`, ",", strings.Repeat(`"a", `, 1000)} {
			s.send(http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", etag).want(t, http.StatusPreconditionFailed, "precondition_failed")
			s.get("/products/1", "If-None-Match", etag)
		}
		s.send(http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", "W/"+s.get("/products/1").Header.Get("ETag")).want(t, http.StatusPreconditionFailed, "precondition_failed")
		for _, etag := range []string{`"other", ` + s.get("/products/1").Header.Get("ETag"), "*"} {
			s.send(http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", etag).want(t, http.StatusOK)
		}
		for _, c := range [][2]string{
			{"Accept", "text/html"}, {"Accept-Encoding", "x;q=99"}, {"Range", "bytes=0-1"}, {"X-HTTP-Method-Override", "DELETE"}, {"X-Original-URL", "/admin"},
			{"X-Forwarded-For", "' OR 1=1"}, {"Last-Event-ID", "x"}, {"Content-Type", "application/json"},
		} {
			s.get("/products/1", c[0], c[1])
		}
		for _, text := range []string{"😀", "שלום", "e\u0301", "é", "nan", "  x  ", `\`, "<b>"} {
			created := s.send(http.MethodPost, "/products", fmt.Sprintf(`{"produk":%q,"id_kategori":1,"id_segmen":1,"id_stage":1}`, text)).want(t, http.StatusCreated)
			path := base + created.location()
			s.Eventually("the product is visible", func() bool { return s.do(http.MethodGet, path, nil).StatusCode == http.StatusOK })
			if got := decode[product](t, s.get(created.location())); *got.Name != text {
				t.Errorf("%q became %q", text, *got.Name)
			}
		}
		const metrics = `{"n":12345678901234567890.10,"t":"😀 שלום","z":-0.0,"list":[1,null,true]}`
		s.send(http.MethodPut, "/stage-history/1", `{"performance_metrics":`+metrics+`,"catatan":"  \u202e😀\n  "}`).want(t, http.StatusOK)
		if a := s.get("/stage-history/1"); !strings.Contains(string(a.body), "12345678901234567890.10") || !strings.Contains(string(a.body), "😀 שלום") || !strings.Contains(string(a.body), `"catatan":"  `) {
			t.Errorf("%s", a.body)
		}
		s.Command("verify")
	})
}

func TestRequests_RejectInvalidPaths(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	for _, path := range []string{
		"/products/1%2e", "/products/..%2f1", "/products/%00", "/products/1%00", "/products/%ff", "/products/1;id=2", "/products/1'", "/products/0x1", "/products/%EF%BC%91", "/products/1e0",
		"/products/-0", "/products/+1", "/products/ 1", "/products/" + strings.Repeat("1", 5000), "/stage-history/1%20OR%201=1", "/products/1/attachments/%2e%2e", "//products", "/products//1",
		"/products/1/", "/products/1/attachments/../../2", "/Products/1", "/products/export.CSV", "/sync/runs/x", "/sync/runs/-1", "/sync/runs/9223372036854775808/changes",
	} {
		r, err := kit.NewRequest(http.MethodGet, "http://"+s.Address, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = base + strings.ReplaceAll(path, " ", "%20") // sent unchanged
		response, body, err := kit.Send(r)                         //nolint:bodyclose // Send has closed it
		if err != nil {
			t.Fatalf("%.60s: %v", path, err)
		}
		// Extra slashes are ignored; no other address than the intended one succeeds.
		if ok := strings.TrimRight(strings.ReplaceAll(path, "//", "/"), "/") == "/products/1"; response.StatusCode >= 500 || response.StatusCode < 400 && !ok {
			t.Errorf("%.60s: %d %.200s", path, response.StatusCode, body)
		}
	}
}

func TestAttachments_TruncatedUploadsLeaveNothing(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		body, kind := withFiles(newProduct("never"), file{"a.pdf", pdf}, file{"b.txt", strings.Repeat("b", 100_000)})
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		for _, sent := range []int{0, 1, 400, 900, 1200, 5000, 60_000, len(text) - 3, len(text) - 1} {
			for _, path := range []string{"/products", "/products/1/attachments"} {
				conn, err := net.Dial("tcp", s.Address)
				if err != nil {
					t.Fatal(err)
				}
				_, _ = fmt.Fprintf(conn, "POST %s%s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s", base, path, s.Address, kind, len(text), text[:sent])
				_ = conn.Close()
			}
		}
		s.upload(http.MethodPost, "/products/1/attachments", nil, []file{{"a.pdf", pdf}}).want(t, http.StatusCreated)
		s.Eventually("only the complete upload is left", func() bool { return len(s.contents()) == 1 })
		s.wantFiles(1)
		if n := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'never'"); n != 0 {
			t.Errorf("%d products were made", n)
		}
	})
}

func TestAttachments_BelongToOneProduct(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.token = s.Token("Admin")
		added := decode[[]models.Attachment](t, s.upload(http.MethodPost, "/products/1/attachments", nil, []file{{"a.pdf", pdf}}, "Idempotency-Key", "same").want(t, http.StatusCreated))
		otherPath := fmt.Sprintf("%s/products/2/attachments/%d", base, added[0].ID)
		s.do(http.MethodGet, otherPath, nil).want(t, http.StatusNotFound, "not_found")
		s.do(http.MethodDelete, otherPath, nil).want(t, http.StatusNotFound, "not_found")
		s.wantFiles(1)
		first := s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "same").want(t, http.StatusCreated) // another route
		s.token = s.Token("Project Manager")
		second := s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "same").want(t, http.StatusCreated) // another caller
		if decode[product](t, first).ID == decode[product](t, second).ID {
			t.Error("a caller got another caller's response")
		}
		s.token = s.Token("Staff")
		s.do(http.MethodDelete, address(added[0]), nil).want(t, http.StatusForbidden, "forbidden")
		s.do(http.MethodGet, address(added[0]), nil).want(t, http.StatusOK)
		s.upload(http.MethodPost, "/products/1/attachments", nil, []file{{"a.pdf", pdf}}).want(t, http.StatusForbidden, "forbidden")
		s.wantFiles(1)
		s.token = ""
		s.do(http.MethodGet, address(added[0]), nil).want(t, http.StatusUnauthorized, "unauthenticated")
		s.token = s.Token("Project Manager")
		s.do(http.MethodDelete, address(added[0]), nil).want(t, http.StatusOK)
		s.do(http.MethodGet, address(added[0]), nil).want(t, http.StatusNotFound, "not_found")
		s.wantFiles(0)
	}, withTokens...)
}

func TestRateLimit_CountsWritesPerCaller(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite, append([]string{"RATE_LIMIT_WRITES=3"}, withTokens...)...)
	s.token = s.Token("Project Manager")
	for range 3 {
		s.send(http.MethodPut, "/products/1", `{"harga":1}`).want(t, http.StatusOK)
	}
	a := s.upload(http.MethodPost, "/products/1/attachments", nil, []file{{"a.pdf", pdf}}).want(t, http.StatusTooManyRequests, "rate_limited")
	if a.Header.Get("Retry-After") == "" {
		t.Errorf("no Retry-After: %v", a.Header)
	}
	s.get("/products/1")
	s.wantFiles(0)
	s.token = s.Token("Admin")
	s.send(http.MethodPut, "/products/1", `{"harga":1}`).want(t, http.StatusOK) // another caller's allowance
}

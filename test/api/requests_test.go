package api_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

func TestRequests_RejectInvalidHeaders(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		for _, key := range []string{"", " ", strings.Repeat("k", 256), "kunci\tsatu", "é", "\xff"} {
			for _, path := range []string{"/products", "/stage-history", "/products/1/attachments", "/sync"} {
				body, kind := io.Reader(strings.NewReader(uji)), "application/json"
				switch path {
				case "/products/1/attachments":
					body, kind = withFiles(t, nil, file{"a.pdf", pdf})
				case "/sync":
					body = strings.NewReader("{}")
				}
				a := s.do(http.MethodPost, base+path, body, "Content-Type", kind, "Idempotency-Key", key).want(t, http.StatusBadRequest, "validation_failed")
				if len(a.json.Errors) != 1 || a.json.Errors[0].Field != "Idempotency-Key" {
					t.Errorf("%q: %s", key, a.body)
				}
			}
		}
		s.send(http.MethodPost, "/products", uji, "Idempotency-Key", strings.Repeat("k", 255)).want(t, http.StatusCreated)
		for _, etag := range []string{"", " "} {
			s.send(http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", etag).want(t, http.StatusBadRequest, "validation_failed")
			s.do(http.MethodDelete, base+"/products/1", nil, "If-Match", etag).want(t, http.StatusBadRequest, "validation_failed")
		}
		for _, etag := range []string{`"other"`, "garbage", `W/"x"`, `"`, ",", strings.Repeat(`"a", `, 1000), `W/` + s.get("/products/1").Header.Get("ETag")} {
			s.send(http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", etag).want(t, http.StatusPreconditionFailed, "precondition_failed")
			if !strings.HasPrefix(etag, `W/"`) || etag == `W/"x"` {
				s.get("/products/1", "If-None-Match", etag)
			}
		}
		for _, etag := range []string{`"other", ` + s.get("/products/1").Header.Get("ETag"), "*"} {
			s.send(http.MethodPut, "/products/1", `{"harga":1}`, "If-Match", etag).want(t, http.StatusOK)
		}
		for _, c := range [][2]string{
			{"Accept", "text/html"}, {"Accept-Encoding", "x;q=99"}, {"Range", "bytes=0-1"}, {"X-HTTP-Method-Override", "DELETE"}, {"X-Original-URL", "/admin"},
			{"X-Forwarded-For", "' OR 1=1"}, {"Last-Event-ID", "x"}, {"Content-Type", "application/json"},
		} {
			s.get("/products/1", c[0], c[1])
		}
		s.wantFiles(0)
	})
}

func TestStageHistory_RejectsInvalidMoves(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		before := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_stage_histori")
		stage := queryOne[int](t, s.source, "SELECT id_stage FROM tbl_produk WHERE id = 1")
		deep := `{"a":` + strings.Repeat("[", 600) + strings.Repeat("]", 600) + "}"
		for _, c := range []struct{ field, value string }{
			{"tanggal_perubahan", `"infinity"`}, {"tanggal_perubahan", `"-infinity"`}, {"tanggal_perubahan", `"10000-01-01T00:00:00Z"`}, {"tanggal_perubahan", `"9999-12-31T23:59:59-14:00"`},
			{"tanggal_perubahan", `"0000-01-01T00:00:00Z"`}, {"tanggal_perubahan", `"0001-01-01T00:00:00+14:00"`}, {"tanggal_perubahan", `"2026-02-30T00:00:00Z"`},
			{"tanggal_perubahan", `"2026-01-01T00:00:00"`}, {"tanggal_perubahan", `"2026-01-01"`}, {"tanggal_perubahan", "1767225600"},
			{"catatan", `"a\u0000"`}, {"catatan", `"\udc00"`}, {"catatan", "7"}, {"catatan", `["x"]`},
			{"performance_metrics", deep}, {"performance_metrics", `{"a":1,"a":2}`}, {"performance_metrics", `{"a":"\u0000"}`}, {"performance_metrics", `{"a\u0000":1}`},
			{"stage_previous", "-1"}, {"stage_previous", "1.5"}, {"stage_previous", "2147483648"}, {"stage_previous", "9999"}, {"stage_previous", "true"},
			{"id", "1"}, {"produk", `"x"`}, {"created_at", `"2026-01-01T00:00:00Z"`}, {"__proto__", "{}"},
		} {
			a := s.send(http.MethodPost, "/stage-history", fmt.Sprintf(`{"id_produk":1,"stage_now":%d,%q:%s}`, stage%4+1, c.field, c.value))
			if a.StatusCode != http.StatusBadRequest || len(a.json.Errors) != 1 || a.json.Errors[0].Field != c.field {
				t.Errorf("%s %.60s: %d %.300s", c.field, c.value, a.StatusCode, a.body)
			}
		}
		for _, body := range []string{`{}`, `{"id_produk":1}`, `{"stage_now":1}`, `{"id_produk":null,"stage_now":null}`, `{"id_produk":0,"stage_now":1}`, `{"id_produk":1e99,"stage_now":1}`, "null", `"x"`} {
			s.send(http.MethodPost, "/stage-history", body).want(t, http.StatusBadRequest, "validation_failed")
		}
		for _, body := range []string{`{"tanggal_perubahan":null}`, `{"tanggal_perubahan":""}`, `{"stage_now":2}`, `{"id_produk":2}`, `{"performance_metrics":[]}`} {
			s.send(http.MethodPut, "/stage-history/1", body).want(t, http.StatusBadRequest, "validation_failed")
		}
		if after := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_stage_histori"); after != before {
			t.Errorf("%d records were created", after-before)
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
		conn, err := net.Dial("tcp", s.Address)
		if err != nil {
			t.Fatal(err)
		}
		// Sent unchanged: Go's client would clean the address.
		_, _ = fmt.Fprintf(conn, "GET %s%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", base, strings.ReplaceAll(path, " ", "%20"), s.Address)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%.60s: %v", path, err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		_ = conn.Close()
		// Extra slashes are ignored; no other address than the intended one succeeds.
		if ok := strings.TrimRight(strings.ReplaceAll(path, "//", "/"), "/") == "/products/1"; response.StatusCode >= 500 || response.StatusCode < 400 && !ok {
			t.Errorf("%.60s: %d %.200s", path, response.StatusCode, body)
		}
	}
}

func TestAttachments_TruncatedUploadsLeaveNothing(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		body, kind := withFiles(t, newProduct("never"), file{"a.pdf", pdf}, file{"b.txt", strings.Repeat("b", 100_000)})
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
		var parts strings.Builder
		for range 1001 {
			parts.WriteString("--X\r\nContent-Disposition: form-data; name=\"files\"; filename=\"a.txt\"\r\n\r\nx\r\n")
		}
		for _, form := range []string{parts.String() + "--X--\r\n", strings.ReplaceAll(parts.String(), "--X", "--Y")} {
			a := s.do(http.MethodPost, base+"/products/1/attachments", strings.NewReader(form), "Content-Type", "multipart/form-data; boundary=X")
			if a.StatusCode != http.StatusRequestEntityTooLarge && a.StatusCode != http.StatusBadRequest {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		}
		s.Eventually("nothing is left", func() bool { return len(s.contents()) == 0 })
		if n := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'never'"); n != 0 {
			t.Errorf("%d products were made", n)
		}
		s.upload(http.MethodPost, "/products/1/attachments", nil, []file{{"a.pdf", pdf}}).want(t, http.StatusCreated)
		s.wantFiles(1)
	})
}

func TestAttachments_BelongToOneProduct(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.token = s.Token("Admin")
		added := decode[[]listedFile](t, s.upload(http.MethodPost, "/products/1/attachments", nil, []file{{"a.pdf", pdf}}, "Idempotency-Key", "same").want(t, http.StatusCreated))
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
		s.do(http.MethodDelete, added[0].Path, nil).want(t, http.StatusForbidden, "forbidden")
		s.do(http.MethodGet, added[0].Path, nil).want(t, http.StatusOK)
		s.token = s.Token("Staff")
		s.do(http.MethodGet, added[0].Path, nil).want(t, http.StatusOK)
		s.upload(http.MethodPost, "/products/1/attachments", nil, []file{{"a.pdf", pdf}}).want(t, http.StatusForbidden, "forbidden")
		s.wantFiles(1)
		s.token = ""
		s.do(http.MethodGet, added[0].Path, nil).want(t, http.StatusUnauthorized, "unauthenticated")
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

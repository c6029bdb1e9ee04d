package routes_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"

	"lifecycle-sync/models"
	"lifecycle-sync/routes"
	"lifecycle-sync/test/kit/testdb"
)

func TestCompress_CachedResponsesKeepTheirETags(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite(t))
	var segments []models.Segment
	for id := range int64(100) {
		name := "segment"
		segments = append(segments, models.Segment{ID: id + 1, Name: &name})
	}
	s.insert("tbl_segmen_lifecycle", segments)
	plain := s.do(http.MethodGet, base+"/dropdowns")
	response := s.do(http.MethodGet, base+"/dropdowns", "Accept-Encoding", "gzip, br")
	if plain.Header.Get("Content-Encoding") != "" || response.Header.Get("Content-Encoding") != "gzip" || len(response.body) > len(plain.body)/4 {
		t.Errorf("%v with %d bytes, plain %v with %d", response.Header, len(response.body), plain.Header, len(plain.body))
	}
	if reader, err := gzip.NewReader(bytes.NewReader(response.body)); err != nil {
		t.Error(err)
	} else if body, err := io.ReadAll(reader); err != nil || !bytes.Equal(body, plain.body) {
		t.Errorf("the compressed body differs: %v", err)
	}
	etag := strings.TrimSuffix(plain.Header.Get("ETag"), `"`) + `.gz"`
	if response.Header.Get("ETag") != etag {
		t.Errorf("ETag %s, want %s", response.Header.Get("ETag"), etag)
	}
	for _, condition := range []string{plain.Header.Get("ETag"), etag, "W/" + etag} {
		for _, accept := range []string{"gzip", ""} {
			again := s.do(http.MethodGet, base+"/dropdowns", "Accept-Encoding", accept, "If-None-Match", condition)
			if again.StatusCode != http.StatusNotModified || again.Header.Get("ETag") != strings.TrimPrefix(condition, "W/") || len(again.body) > 0 {
				t.Errorf("If-None-Match %s: %d %v", condition, again.StatusCode, again.Header)
			}
			if !strings.Contains(again.Header.Get("Vary"), "Accept-Encoding") {
				t.Errorf("304 has Vary %q", again.Header.Get("Vary"))
			}
		}
	}
	for _, a := range []apiResponse{plain, response} {
		if !strings.Contains(a.Header.Get("Vary"), "Accept-Encoding") {
			t.Errorf("Vary: %q", a.Header.Get("Vary"))
		}
	}
}

func TestCompress_LeavesSmallStreamedAndCompressedBodies(t *testing.T) {
	t.Parallel()
	object := func(size int) string { return "{" + strings.Repeat(" ", size-2) + "}" }
	large := object(4 << 10)
	send := func(kind, encoding, body string) fiber.Handler {
		return func(c *fiber.Ctx) error {
			c.Set("Content-Type", kind)
			c.Set("Content-Encoding", encoding)
			return c.SendString(body)
		}
	}
	s := newCustomSite(t, routes.Options{},
		routes.Route{Method: "GET", Path: "/json", Handle: send("application/json", "", large)},
		routes.Route{Method: "GET", Path: "/html", Handle: send("text/html; charset=utf-8", "", large)},
		routes.Route{Method: "GET", Path: "/small", Handle: send("application/json", "", object(1023))},
		routes.Route{Method: "GET", Path: "/image", Handle: send("image/png", "", large)},
		routes.Route{Method: "GET", Path: "/brotli", Handle: send("application/json", "br", large)},
		routes.Route{Method: "GET", Path: "/stream", Handle: func(c *fiber.Ctx) error {
			c.Set("Content-Type", "application/json")
			return c.SendStream(strings.NewReader(large))
		}},
	)
	for path, want := range map[string]string{"/json": "gzip", "/html": "gzip", "/small": "", "/image": "", "/brotli": "br", "/stream": ""} {
		if got := s.do(http.MethodGet, path, "Accept-Encoding", "gzip").Header.Get("Content-Encoding"); got != want {
			t.Errorf("%s: Content-Encoding %q, want %q", path, got, want)
		}
	}
	for accept, want := range map[string]string{"": "", "br": "", "gzip;q=0": "", "*": "gzip", "deflate, gzip;q=0.5": "gzip"} {
		if got := s.do(http.MethodGet, "/json", "Accept-Encoding", accept).Header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q, want %q", accept, got, want)
		}
	}
}

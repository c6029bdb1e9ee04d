package api_test

import (
	"bytes"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"lifecycle-sync/openapi"
	"lifecycle-sync/test/kit/testdb"
)

func TestDocs_ServeDocumentAndPage(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite, withTokens...) // both are public
	a := s.do(http.MethodGet, "/openapi.yaml", nil).want(t, http.StatusOK)
	if !bytes.Equal(a.body, openapi.File("openapi.yaml")) {
		t.Error("/openapi.yaml differs")
	}
	s.do(http.MethodGet, "/openapi.yaml", nil, "If-None-Match", a.Header.Get("ETag")).want(t, http.StatusNotModified)

	page := s.do(http.MethodGet, "/docs", nil).want(t, http.StatusOK)
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self';") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
		t.Errorf("the page's policy is %s", policy)
	}
	if inline := regexp.MustCompile(`(?i)<style|<script[^>]*>[^<]|style=|\bon\w+=|https?:|//`).Find(page.body); inline != nil {
		t.Errorf("the page holds %q, which its policy forbids", inline)
	}
	files := regexp.MustCompile(`(?:src|href)="(/docs/[^"]+)"`).FindAllSubmatch(page.body, -1)
	if len(files) != 5 {
		t.Errorf("the page refers to %d files", len(files))
	}
	for _, file := range files {
		path := string(file[1])
		plain := s.do(http.MethodGet, path, nil, "Accept-Encoding", "identity").want(t, http.StatusOK)
		if plain.Header.Get("Content-Encoding") != "" || len(plain.body) == 0 {
			t.Errorf("%s: %v", path, plain.Header)
		}
		packed := s.do(http.MethodGet, path, nil).want(t, http.StatusOK) // Go's client accepts gzip and unpacks it
		if !bytes.Equal(packed.body, plain.body) || packed.Uncompressed == (packed.Header.Get("ETag") == plain.Header.Get("ETag")) {
			t.Errorf("%s: %d bytes, plain %d; %v", path, len(packed.body), len(plain.body), packed.Header)
		}
		s.do(http.MethodGet, path, nil, "Accept-Encoding", "gzip", "If-None-Match", packed.Header.Get("ETag")).want(t, http.StatusNotModified)
	}
	for _, nothing := range []string{"/docs/x", "/docs/index.html", "/docs/..%2fopenapi.yaml", "/docs/oauth2-redirect.html", "/docs/page.js/x"} {
		s.do(http.MethodGet, nothing, nil).want(t, http.StatusNotFound, "not_found")
	}
	s.do(http.MethodPost, "/docs", nil).want(t, http.StatusMethodNotAllowed)
}

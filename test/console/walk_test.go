package console_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"lifecycle-sync/routes"
)

// TestEveryPage walks the table of the console on demo data and holds each page to what every page must be.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	p := newSite(t, func(source *sql.DB) {
		exec(t, source, "UPDATE tbl_produk SET id_segmen = 77 WHERE id = 3") // is put into quarantine
	}).person()
	attachment := p.attach(1, "catatan.txt", "isi")
	for _, route := range routes.PageTable() {
		if route.Method != http.MethodGet {
			continue
		}
		path := parameter.ReplaceAllString(route.Path, "1")
		path = strings.Replace(path, "/attachments/1/", "/attachments/"+attachment+"/", 1)
		if route.Path == "/assets/:file" {
			path = "/assets/console.css"
		}
		a := p.get(path)
		switch {
		case path == "/sign-in":
			a.leads(t, "/")
		case !strings.HasPrefix(a.Header.Get("Content-Type"), "text/html"):
			a.sees(t, http.StatusOK)
		default:
			checkPage(t, a.sees(t, http.StatusOK))
		}
	}
	for _, wrong := range []string{"/nothing", "/sync/runs?page=0", "/stage-history/2147483647/edit", "/sync/changes?table=x"} {
		a := p.get(wrong)
		if a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", wrong, a.StatusCode)
		}
		checkPage(t, a)
	}
}

// attach adds a file to a product, and returns its id.
func (p *person) attach(product int, name, content string) string {
	p.t.Helper()
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	file, err := writer.CreateFormFile("files", name)
	if err != nil {
		p.t.Fatal(err)
	}
	_, _ = io.WriteString(file, content) // into memory
	_ = writer.Close()
	a := p.send(http.MethodPost, fmt.Sprintf("%s/products/%d/attachments", api, product), &form, "Content-Type", writer.FormDataContentType(), "Accept", "*/*")
	var added struct{ Data []struct{ ID int64 } }
	if err := json.Unmarshal([]byte(a.body), &added); err != nil || len(added.Data) != 1 {
		p.t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	return strconv.FormatInt(added.Data[0].ID, 10)
}

var (
	title   = regexp.MustCompile(`<title>[^<]+ · Lifecycle Sync</title>`)
	heading = regexp.MustCompile(`<h1[ >]`)
	inline  = regexp.MustCompile(`(?i)<style|<script(?:>| (?:[^>]* )?[^s][^>]*>[^<])|\sstyle=|\son[a-z]+=`)
	named   = regexp.MustCompile(` id="([^"]*)"`)
)

// checkPage wants a whole page, that the browser need not run anything of, with nothing left of its template.
func checkPage(t *testing.T, a answer) {
	t.Helper()
	where := a.Request.URL.RequestURI()
	policy := a.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "form-action 'self'") || strings.Contains(policy, "unsafe") {
		t.Errorf("%s: policy %q", where, policy)
	}
	if a.Header.Get("X-Content-Type-Options") != "nosniff" || !slices.Contains([]string{"private, no-cache", "no-store"}, a.Header.Get("Cache-Control")) || a.Header.Get("Referrer-Policy") == "" {
		t.Errorf("%s: %v", where, a.Header)
	}
	for _, left := range []string{"{{", "}}", "<nil>", "&lt;nil&gt;", "%!", "ZgotmplZ", "<no value>", "&lt;no value&gt;", "0x"} {
		if strings.Contains(a.body, left) {
			t.Errorf("%s: %q is left in\n%s", where, left, a.body)
		}
	}
	if inline.MatchString(a.body) {
		t.Errorf("%s: %q is inline", where, inline.FindString(a.body))
	}
	if !strings.HasPrefix(a.body, "<!doctype html>") || !strings.HasSuffix(strings.TrimSpace(a.body), "</html>") || !strings.Contains(a.body, `<html lang="en">`) ||
		!title.MatchString(a.body) || len(heading.FindAllString(a.body, -1)) != 1 {
		t.Errorf("%s: is no whole page with a language, a title and one heading\n%s", where, a.body)
	}
	seen := map[string]bool{}
	for _, id := range named.FindAllStringSubmatch(a.body, -1) {
		if seen[id[1]] {
			t.Errorf("%s: the id %q stands there twice", where, id[1])
		}
		seen[id[1]] = true
	}
}

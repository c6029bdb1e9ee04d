package console_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"lifecycle-sync/routes"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// TestPages_AreWellFormed opens every page of the route table on demo data; user.send checks each.
func TestPages_AreWellFormed(t *testing.T) {
	t.Parallel()
	u := newSite(t, "UPDATE tbl_produk SET id_segmen = 77 WHERE id = 3") // is quarantined
	u.submit(u.open("/views/new?overdue=true").form("/views").set("name", "Overdue")).redirects("/products?saved=1")
	attachment := u.attach("1", "catatan.txt", "isi")
	for _, route := range routes.PageTable() {
		if route.Method != http.MethodGet {
			continue
		}
		path := parameter.ReplaceAllString(route.Path, "1")
		path = strings.Replace(path, "/attachments/1/", "/attachments/"+attachment.String()+"/", 1)
		switch route.Path {
		case "/assets/:file":
			u.open("/assets/console.css")
		case "/sign-in":
			u.get(path).redirects("/")
		default:
			u.open(path)
		}
	}
	for target, status := range map[string]int{
		"/nothing": http.StatusNotFound, "/sync/runs?page=0": http.StatusBadRequest, "/stage-history/2147483647/edit": http.StatusNotFound,
		"/sync/changes?table=x": http.StatusBadRequest,
	} {
		u.get(target).shows(status)
	}
}

// TestPages_LockedTables requests every page at the same time, while another session has locked all tables of pmo_db. Each answers, as
// the API does, although some requests find no free connection.
func TestPages_LockedTables(t *testing.T) {
	t.Parallel()
	u := boot(t, testdb.Postgres, 5, 2, nil)
	tables := kit.One[string](t, u.target, "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public'")
	_, awaited := kit.Lock(t, u.target, "LOCK TABLE "+tables+" IN ACCESS EXCLUSIVE MODE")
	var requests sync.WaitGroup
	request := func(path string) {
		requests.Go(func() {
			r, err := kit.NewRequest(http.MethodGet, "http://"+u.Address+path, nil, "Accept", "text/html")
			if err != nil {
				t.Error(err)
				return
			}
			a, page, err := kit.Send(r) //nolint:bodyclose // Send has closed it
			if err != nil || a.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(page), "ry again") {
				t.Errorf("%s: %v\n%s", path, err, page)
			}
		})
	}
	longest := []string{"/", "/products", "/products?page=2", "/stage-history/matrix"} // whose time limit is a minute
	for _, path := range longest {
		request(path)
	}
	u.Eventually("pages wait for a table", awaited)
	for _, route := range routes.PageTable() {
		// Diagnostics name the tables; these others read none.
		exempt := slices.Contains([]string{"/assets/:file", "/sign-in", "/products/import", "/sync/changes", "/sync/doctor"}, route.Path)
		if route.Method == http.MethodGet && !exempt && !slices.Contains(longest, route.Path) {
			request(parameter.ReplaceAllString(route.Path, "1"))
		}
	}
	request("/sync/changes?table=tbl_produk&id=1")
	requests.Wait()
}

var (
	title           = regexp.MustCompile(`<title>[^<]+ · Lifecycle Sync</title>`)
	heading         = regexp.MustCompile(`<h1[ >]`)
	inlineCode      = regexp.MustCompile(`(?i)<style|<script(?:>| (?:[^>]* )?[^s][^>]*>[^<])|<[^>]*\s(?:style|on[a-z]+)=`)
	attributeValues = regexp.MustCompile(`="[^"]*"`)
	idAttributes    = regexp.MustCompile(` id="([^"]*)"`)
)

// check fails the test unless the response is a whole page without inline scripts and styles, and without remains of its template.
func (a response) check() {
	a.user.Helper()
	target := a.Request.URL.RequestURI()
	policy := a.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "form-action 'self'") || strings.Contains(policy, "unsafe") {
		a.user.Errorf("%s: policy %q", target, policy)
	}
	if a.Header.Get("X-Content-Type-Options") != "nosniff" || !slices.Contains([]string{"private, no-cache", "no-store"}, a.Header.Get("Cache-Control")) || a.Header.Get("Referrer-Policy") == "" {
		a.user.Errorf("%s: %v", target, a.Header)
	}
	for _, remains := range []string{"{{", "}}", "<nil>", "&lt;nil&gt;", "%!", "ZgotmplZ", "<no value>", "&lt;no value&gt;", "0xc00"} {
		if strings.Contains(a.body, remains) {
			a.user.Errorf("%s: %q is in\n%s", target, remains, a.body)
		}
	}
	if code := inlineCode.FindString(attributeValues.ReplaceAllString(a.body, `=""`)); code != "" {
		a.user.Errorf("%s: %q is inline", target, code)
	}
	if !strings.HasPrefix(a.body, "<!doctype html>") || !strings.HasSuffix(strings.TrimSpace(a.body), "</html>") || !strings.Contains(a.body, `<html lang="`) ||
		!title.MatchString(a.body) || len(heading.FindAllString(a.body, -1)) != 1 {
		a.user.Errorf("%s: not a whole page with a language, a title and one heading\n%s", target, a.body)
	}
	ids := map[string]bool{}
	for _, id := range idAttributes.FindAllStringSubmatch(a.body, -1) {
		if ids[id[1]] {
			a.user.Errorf("%s: the id %q occurs twice", target, id[1])
		}
		ids[id[1]] = true
	}
}

package browser_test

import (
	"cmp"
	"errors"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

// serve serves pages from memory, by path, under the strictest policy. What is not there is not found.
func serve(t testing.TB, pages map[string]string) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ok := pages[r.URL.Path]
		status := http.StatusOK
		if !ok && r.URL.Path != "/favicon.ico" { // which browsers ask for at times
			content, status = document("Nothing is here."), http.StatusNotFound
		}
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		w.Header().Set("Content-Type", cmp.Or(mime.TypeByExtension(path.Ext(r.URL.Path)), "text/html; charset=utf-8"))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(content))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// document is a page without problems around its main part.
func document(main string) string {
	return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Test</title></head><body><main><h1>Test</h1>` + main + `</main></body></html>`
}

// TestCheck_ReportsProblems opens pages with one problem each, and one without.
func TestCheck_ReportsProblems(t *testing.T) {
	t.Parallel()
	pages := map[string]struct {
		main, script, path string   // path is "/" unless said
		want               []string // what the problems say
		viewer             viewer
	}{
		"nothing":                            {main: `<p>All is well.</p>`, script: `console.log("fine"); console.warn("hm")`},
		"a console error":                    {script: `console.error("oh", 7)`, want: []string{`console error: "oh" 7`}},
		"an exception":                       {script: `null.x`, want: []string{"uncaught exception: Uncaught TypeError"}},
		"a rejected promise":                 {script: `Promise.reject(new Error("no"))`, want: []string{"Error: no"}},
		"an inline style":                    {main: `<p style="color: red">x</p>`, want: []string{"Content Security Policy"}},
		"an inline style without JavaScript": {main: `<p style="color: red">x</p>`, want: []string{"Content Security Policy"}, viewer: viewer{scriptless: true}},
		"an inline script":                   {main: `<script>1</script>`, want: []string{"Content Security Policy"}},
		"another site's picture":             {main: `<img alt="x" src="http://localhost:1/x.png">`, want: []string{"Content Security Policy"}},
		"no alternative":                     {main: `<img src="/picture.svg">`, want: []string{"image-alt"}},
		"too little contrast":                {main: `<link rel="stylesheet" href="/pale.css"><p>Who can read this?</p>`, want: []string{"color-contrast"}},
		"too little contrast in the dark":    {main: `<link rel="stylesheet" href="/dark.css"><p>Who can read this?</p>`, want: []string{"color-contrast"}, viewer: viewer{dark: true}},
		"tiny targets":                       {main: `<link rel="stylesheet" href="/tiny.css"><button>a</button><button>b</button>`, want: []string{"target-size"}},
		"what is wider than a phone":         {main: `<link rel="stylesheet" href="/wide.css"><p>x</p>`, want: []string{"wider than the window"}, viewer: viewer{phone: true}},
		"no label":                           {main: `<input>`, want: []string{"label"}},
		"a picture that is not there":        {main: `<img alt="x" src="/nothing.png">`, want: []string{"GET http", "/nothing.png: unexpected status 404"}},
		"a script that is not there":         {main: `<script src="/nothing.js"></script>`, want: []string{"/nothing.js: unexpected status 404"}},
		"a page that is refused":             {path: "/nothing", want: []string{"/nothing: unexpected status 404"}},
		"a call that is refused":             {script: `fetch("/nothing")`, want: []string{"/nothing: unexpected status 404"}},
	}
	for _, name := range kit.Daily(t, 9, slices.Sorted(maps.Keys(pages))...) {
		c := pages[name]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			main := c.main
			if c.script != "" {
				main += `<script src="/script.js"></script>`
			}
			p := browse(t, serve(t, map[string]string{
				"/": document(main), "/script.js": c.script, "/picture.svg": `<svg xmlns="http://www.w3.org/2000/svg"/>`,
				"/pale.css": `p { color: #ddd }`, "/dark.css": `@media (prefers-color-scheme: dark) { p { color: #ddd } }`, "/tiny.css": `button { width: 9px; height: 9px; padding: 0; border: 0 }`, "/wide.css": `p { width: 500px }`,
			}), c.viewer)
			var problems []string
			p.report = func(problem string) { problems = append(problems, problem) }
			p.open(cmp.Or(c.path, "/"))
			if len(c.want) == 0 && problems != nil {
				t.Error(problems)
			}
			for _, want := range c.want {
				p.until("the problem is reported", func() error {
					p.check()
					if all := strings.Join(problems, "\n"); !strings.Contains(all, want) {
						return errors.New(want + " is not in " + all)
					}
					return nil
				})
			}
		})
	}
}

package console_test

import (
	"bytes"
	"database/sql"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"lifecycle-sync/test/kit/testdb"
)

// desk is a site at which somebody fills in forms.
type desk struct {
	*site

	session string // the token of whoever has signed in, "" in local mode
}

// eachDesk runs a scenario against the program on each database system, with 20 products and 12 transitions.
func eachDesk(t *testing.T, fn func(t *testing.T, d *desk), env ...string) {
	t.Helper()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		fn(t, newDesk(t, url, 20, env...))
	})
}

func newDesk(t *testing.T, url func(testing.TB) string, products int, env ...string) *desk {
	t.Helper()
	return &desk{site: bootSite(t, url, products, 12, unchanged[*sql.DB], env...)}
}

// as is the same desk with somebody else at it.
func (d *desk) as(role string) *desk {
	d.t.Helper()
	return &desk{site: d.site, session: d.Token(role)}
}

// send sends what a browser sends from a page of the site; headers are pairs of name and value, and "" takes one
// away.
func (d *desk) send(method, target, kind string, body io.Reader, headers ...string) answer {
	d.t.Helper()
	own := []string{"Sec-Fetch-Site", "same-origin", "Content-Type", kind, "Cookie", ""}
	if d.session != "" {
		own[5] = "lifecycle_session=" + d.session
	}
	return d.request(method, target, body, append(own, headers...)...)
}

// open asks for a page, which must be there.
func (d *desk) open(target string) answer {
	d.t.Helper()
	return d.send(http.MethodGet, target, "", nil).want(d.t, http.StatusOK)
}

// upload is a file that is chosen in a form.
type upload struct{ name, content string }

// submit sends a form as its browser would: with files as it says, else as plain fields.
func (d *desk) submit(f form, files ...upload) answer {
	d.t.Helper()
	if !f.multipart {
		sent := url.Values{}
		for _, name := range f.order {
			sent.Set(name, f.values[name])
		}
		return d.send(http.MethodPost, f.action, "application/x-www-form-urlencoded", strings.NewReader(sent.Encode()))
	}
	body, kind := f.body(d.t, files...)
	return d.send(http.MethodPost, f.action, kind, body)
}

// want fails the test unless the answer has a status and contains some texts.
func (a answer) want(t *testing.T, status int, texts ...string) answer {
	t.Helper()
	if a.StatusCode != status {
		t.Fatalf("%s %s: %d, want %d\n%s", a.Request.Method, a.Request.URL, a.StatusCode, status, a.body)
	}
	for _, text := range texts {
		if !strings.Contains(a.body, text) {
			t.Errorf("%s %s: there is no %q in\n%s", a.Request.Method, a.Request.URL, text, a.body)
		}
	}
	return a
}

// to fails the test unless the answer leads to an address, where a notice is then shown.
func (d *desk) to(a answer, address, notice string) answer {
	d.t.Helper()
	a.want(d.t, http.StatusSeeOther)
	if got := a.Header.Get("Location"); got != address {
		d.t.Fatalf("leads to %s, not to %s", got, address)
	}
	page, _, _ := strings.Cut(address, "#")
	shown := d.send(http.MethodGet, page, "", nil, "Cookie", strings.Split(a.Header.Get("Set-Cookie"), ";")[0])
	return shown.want(d.t, http.StatusOK, notice)
}

// form is a form of a page, with what is filled in.
type form struct {
	action    string
	multipart bool
	order     []string
	values    map[string]string
}

// set fills in a field, which must be there.
func (f form) set(t *testing.T, name, value string) form {
	t.Helper()
	if _, there := f.values[name]; !there {
		t.Fatalf("%s has no field %s, but %v", f.action, name, f.order)
	}
	f.values[name] = value
	return f
}

// body is what a browser sends, which writes new lines with a carriage return.
func (f form) body(t *testing.T, files ...upload) (io.Reader, string) {
	t.Helper()
	var buffer bytes.Buffer
	w := multipart.NewWriter(&buffer)
	for _, name := range f.order {
		text := strings.ReplaceAll(strings.ReplaceAll(f.values[name], "\r\n", "\n"), "\n", "\r\n")
		if err := w.WriteField(name, text); err != nil {
			t.Fatal(err)
		}
	}
	for _, one := range files {
		part, err := w.CreateFormFile("files", one.name)
		if err == nil {
			_, err = io.WriteString(part, one.content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &buffer, w.FormDataContentType()
}

// form finds the form with an action in the page.
func (a answer) form(t *testing.T, action string) form {
	t.Helper()
	page, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	for node := range page.Descendants() {
		if node.Data == "form" && attribute(node, "action") == action {
			return read(form{action: action, multipart: attribute(node, "enctype") == "multipart/form-data", values: map[string]string{}}, node)
		}
	}
	t.Fatalf("%s has no form for %s\n%s", a.Request.URL, action, a.body)
	return form{}
}

// read reads the fields as a browser fills them in.
func read(f form, node *html.Node) form {
	for n := range node.Descendants() {
		name := attribute(n, "name")
		value, filled := attribute(n, "value"), true
		switch n.Data {
		case "input":
			kind := attribute(n, "type")
			if kind == "radio" || kind == "checkbox" {
				filled = has(n, "checked")
			}
			if kind == "file" {
				continue
			}
		case "textarea":
			if value = ""; n.FirstChild != nil {
				value = n.FirstChild.Data
			}
		case "select":
			value = ""
			for o := range n.Descendants() {
				if o.Data == "option" && has(o, "selected") {
					value = attribute(o, "value")
				}
			}
		default:
			continue
		}
		if name != "" && filled {
			f.order, f.values[name] = append(f.order, name), value
		}
	}
	return f
}

// choose takes a radio button, of which perhaps none was chosen.
func (f form) choose(name, value string) form {
	if _, there := f.values[name]; !there {
		f.order = append(f.order, name)
	}
	f.values[name] = value
	return f
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func has(n *html.Node, name string) bool {
	for _, a := range n.Attr {
		if a.Key == name {
			return true
		}
	}
	return false
}

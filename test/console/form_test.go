package console_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// form is a form of a page with its values.
type form struct {
	user      *user
	action    string
	multipart bool
	order     []string
	values    map[string]string
}

// upload is a file to upload.
type upload struct{ name, content string }

// set fills in existing fields, given as pairs of name and value.
func (f form) set(pairs ...string) form {
	f.user.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if _, ok := f.values[pairs[i]]; !ok {
			f.user.Fatalf("%s has no field %s, but %v", f.action, pairs[i], f.order)
		}
		f.values[pairs[i]] = pairs[i+1]
	}
	return f
}

// selectRadio selects a radio button.
func (f form) selectRadio(name, value string) form {
	if _, ok := f.values[name]; !ok {
		f.order = append(f.order, name)
	}
	f.values[name] = value
	return f
}

// body returns the request body that a browser sends; browsers send CRLF line ends.
func (f form) body(files ...upload) (io.Reader, string) {
	var buffer bytes.Buffer // writing into memory does not fail
	w := multipart.NewWriter(&buffer)
	for _, name := range f.order {
		_ = w.WriteField(name, strings.ReplaceAll(strings.ReplaceAll(f.values[name], "\r\n", "\n"), "\n", "\r\n"))
	}
	for _, file := range files {
		part, _ := w.CreateFormFile("files", file.name)
		_, _ = io.WriteString(part, file.content)
	}
	_ = w.Close()
	return &buffer, w.FormDataContentType()
}

// form finds the form with an action in the page.
func (a response) form(action string) form {
	a.user.Helper()
	page, err := html.Parse(strings.NewReader(a.body))
	if err != nil {
		a.user.Fatal(err)
	}
	for node := range page.Descendants() {
		if node.Data == "form" && attribute(node, "action") == action {
			return readFields(form{user: a.user, action: action, multipart: attribute(node, "enctype") == "multipart/form-data", values: map[string]string{}}, node)
		}
	}
	a.user.Fatalf("%s has no form for %s\n%s", a.Request.URL, action, a.body)
	return form{}
}

// formAt opens a page and returns its form, which is sent to the same address.
func (u *user) formAt(target string) form {
	u.Helper()
	return u.open(target).form(target)
}

// readFields reads the fields as a browser fills them in.
func readFields(f form, node *html.Node) form {
	for n := range node.Descendants() {
		name, value, filled := attribute(n, "name"), attribute(n, "value"), true
		switch n.Data {
		case "input":
			switch attribute(n, "type") {
			case "radio", "checkbox":
				filled = hasAttribute(n, "checked")
			case "file":
				filled = false
			}
		case "textarea":
			if value = ""; n.FirstChild != nil {
				value = n.FirstChild.Data
			}
		case "select":
			value = ""
			for o := range n.Descendants() {
				if o.Data == "option" && hasAttribute(o, "selected") {
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

func hasAttribute(n *html.Node, name string) bool {
	return slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == name })
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

package console_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"strings"

	"golang.org/x/net/html"
)

// form is a form of a page with its values.
type form struct {
	user      *user
	action    string
	multipart bool
	values    map[string]string
}

// upload is a file to upload.
type upload struct{ name, content string }

// set fills in existing fields, given as pairs of name and value.
func (f form) set(pairs ...string) form {
	f.user.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if _, ok := f.values[pairs[i]]; !ok {
			f.user.Fatalf("%s has no field %s, but %v", f.action, pairs[i], f.values)
		}
		f.values[pairs[i]] = pairs[i+1]
	}
	return f
}

// selectRadio selects a radio button.
func (f form) selectRadio(name, value string) form {
	f.values[name] = value
	return f
}

// body returns the request body that a browser sends; browsers send CRLF line ends.
func (f form) body(files ...upload) (io.Reader, string) {
	var buffer bytes.Buffer // writing into memory does not fail
	w := multipart.NewWriter(&buffer)
	for name, value := range f.values {
		_ = w.WriteField(name, strings.ReplaceAll(strings.ReplaceAll(value, "\r\n", "\n"), "\n", "\r\n"))
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
		if node.Data == "form" && attributes(node)["action"] == action {
			return form{a.user, action, attributes(node)["enctype"] == "multipart/form-data", fields(node)}
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

// fields are the names and values of a form's fields, as a browser fills them in.
func fields(form *html.Node) map[string]string {
	values := map[string]string{}
	for node := range form.Descendants() {
		a := attributes(node)
		value, isSent := a["value"], a["name"] != ""
		switch node.Data {
		case "input":
			_, isChecked := a["checked"]
			isSent = isSent && a["type"] != "file" && (isChecked || a["type"] != "radio" && a["type"] != "checkbox")
		case "textarea":
			if node.FirstChild != nil {
				value = node.FirstChild.Data
			}
		case "select":
			for option := range node.Descendants() {
				if _, isSelected := attributes(option)["selected"]; isSelected {
					value = attributes(option)["value"]
				}
			}
		default:
			continue
		}
		if isSent {
			values[a["name"]] = value
		}
	}
	return values
}

func attributes(node *html.Node) map[string]string {
	all := map[string]string{}
	for _, a := range node.Attr {
		all[a.Key] = a.Val
	}
	return all
}

// Package openapi holds the description of the HTTP API (OpenAPI 3.1), written by hand, and the page that
// shows it. Tests hold the routes, every scenario's requests and answers, and the TypeScript client
// against the description.
package openapi

import "embed"

//go:embed openapi.yaml docs
var files embed.FS

// Document returns openapi.yaml.
func Document() []byte { return file("openapi.yaml") }

// Page returns the page that shows the document, in HTML. It refers to what Asset returns and to
// Swagger UI's own files beside that.
func Page() []byte { return file("docs/index.html") }

// Asset returns the page's own script, page.js, or style, page.css.
func Asset(name string) []byte { return file("docs/" + name) }

func file(path string) []byte {
	content, err := files.ReadFile(path)
	if err != nil {
		panic(err) // it was there when this was compiled
	}
	return content
}

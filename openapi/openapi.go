// Package openapi holds the description of the HTTP API (OpenAPI 3.1), written by hand, and the page that shows it. Tests
// compare it with the routes, with the requests and responses of every scenario, and with the TypeScript client.
package openapi

import "embed"

//go:embed openapi.yaml docs
var files embed.FS

// File returns openapi.yaml, or a file of the page, such as "docs/index.html".
func File(path string) []byte {
	content, err := files.ReadFile(path)
	if err != nil {
		panic(err) // it was there when this was compiled
	}
	return content
}

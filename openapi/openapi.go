// Package openapi holds the description of the HTTP API (OpenAPI 3.1), written by hand. The server hands
// it out at /openapi.yaml and shows it at /docs; tests hold the routes, every scenario's requests and
// answers, and the TypeScript client against it.
package openapi

import _ "embed" // openapi.yaml

//go:embed openapi.yaml
var document string

// Document returns openapi.yaml.
func Document() string { return document }

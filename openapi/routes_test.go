package openapi_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"lifecycle-sync/openapi"
	"lifecycle-sync/routes"
)

var parameter = regexp.MustCompile(`:(\w+)`)

// TestDocument_IsValidAndMatchesTheRoutes also checks the examples against their schemas, and compares methods, paths and roles.
func TestDocument_IsValidAndMatchesTheRoutes(t *testing.T) {
	t.Parallel()
	const base = "/api/product-lifecycle"
	document, err := openapi3.NewLoader().LoadFromData(openapi.File("openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	var served, described []string
	for _, r := range routes.Table() {
		served = append(served, fmt.Sprintf("%s %s %s", r.Method, parameter.ReplaceAllString(r.Path, "{$1}"), r.Role))
	}
	for path, item := range document.Paths.Map() {
		if item.Servers == nil { // operational endpoints have their own
			path = base + path
		}
		for method, operation := range item.Operations() {
			described = append(described, fmt.Sprintf("%s %s %s", method, path, operation.Extensions["x-role"]))
		}
	}
	slices.Sort(served)
	slices.Sort(described)
	if !slices.Equal(served, described) {
		t.Errorf("the table has\n%s\nthe document has\n%s", strings.Join(served, "\n"), strings.Join(described, "\n"))
	}
}

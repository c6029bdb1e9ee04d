package openapi_test

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"lifecycle-sync/openapi"
)

// TestDocument_IsValid also checks the examples against their schemas.
func TestDocument_IsValid(t *testing.T) {
	t.Parallel()
	document, err := openapi3.NewLoader().LoadFromData(openapi.File("openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

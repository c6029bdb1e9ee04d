package openapi_test

import (
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"lifecycle-sync/openapi"
)

// TestDocumentIsValid also holds the examples against their schemas.
func TestDocumentIsValid(t *testing.T) {
	t.Parallel()
	document, err := openapi3.NewLoader().LoadFromData(openapi.File("openapi.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := document.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

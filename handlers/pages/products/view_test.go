package products

import (
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
)

// TestACategoryWithoutAName is called as the lists call it: by its number where lifecycle_db has no table of categories.
func TestACategoryWithoutAName(t *testing.T) {
	t.Parallel()
	id, name := int64(7), "7"
	lists := products.DropdownLists{Categories: []models.Category{{ID: id, Name: &name}}}
	if got := shownOn(time.Now(), lists)(models.ListedProduct{Product: models.Product{CategoryID: &id}}).Of; got != "7" {
		t.Errorf("it is called %q", got)
	}
	if got := choicesOf(lists).missing(); len(got) != 2 {
		t.Errorf("missing are %v", got)
	}
}

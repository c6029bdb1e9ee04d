package products

import (
	"testing"
	"time"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// TestViewer_NamesACategoryWithoutATable checks that a category without a table is shown by its id.
func TestViewer_NamesACategoryWithoutATable(t *testing.T) {
	t.Parallel()
	id, name := int64(7), "7"
	lists := products.DropdownLists{Categories: []models.Category{{ID: id, Name: &name}}}
	v := viewer{format: messages.NewFormat(messages.Indonesian, time.UTC), choices: pages.Choices(lists)}
	for _, f := range v.product(models.ListedProduct{Product: models.Product{CategoryID: &id}}).Facts() {
		if f.Column == "id_kategori" && f.Value != "7" {
			t.Errorf("category name %q, want \"7\"", f.Value)
		}
	}
	if got := missingLists(pages.Choices(lists)); len(got) != 2 {
		t.Errorf("missing lists %v, want 2", got)
	}
}

package products

import (
	"testing"
	"time"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
	"lifecycle-sync/services/products"
	"lifecycle-sync/web/messages"
)

// TestViewer_NamesACategoryWithoutATable: its name in the lists is its number.
func TestViewer_NamesACategoryWithoutATable(t *testing.T) {
	t.Parallel()
	id, name := int64(7), "7"
	lists := products.DropdownLists{Categories: []models.Category{{ID: id, Name: &name}}}
	v := viewer{format: messages.NewFormat(messages.Indonesian, time.UTC), choices: pages.Choices(lists)}
	for _, f := range v.product(models.ListedProduct{Product: models.Product{CategoryID: &id}}).Facts() {
		if f.Column == "id_kategori" && f.Value != "7" {
			t.Errorf("it is called %q", f.Value)
		}
	}
	if got := missing(pages.Choices(lists)); len(got) != 2 {
		t.Errorf("missing are %v", got)
	}
}

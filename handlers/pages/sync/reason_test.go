package sync

import (
	"strings"
	"testing"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
)

// TestReasonsHaveWords of every code that there is, and of one that there is not.
func TestReasonsHaveWords(t *testing.T) {
	t.Parallel()
	payload := pages.ValuesOf(models.JSON(`{"id_segmen": 77, "id_produk": 3, "created_at": "infinity", "produk": "A\\xff"}`))
	for code, want := range map[string]string{
		"dangling_reference(id_segmen)": "id_segmen is 77, and tbl_segmen has no row with that id.",
		"parent_quarantined(id_segmen)": "id_segmen is 77, and that row of tbl_segmen is in quarantine itself.",
		"unfit_value(created_at)":       "created_at holds a value that cannot be shown: infinity.",
		"invalid_text(produk)":          "produk holds bytes that are not UTF-8 text.",
		"something_new":                 "It cannot stand in the mirror: something_new.",
	} {
		got := reasonOf(models.Quarantined{Table: "products", Reason: code}, payload, models.Tables())
		if !strings.HasPrefix(got.What, want) || got.Todo == "" {
			t.Errorf("%s: %+v", code, got)
		}
	}
}

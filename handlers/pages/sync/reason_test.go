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
	for reason, want := range map[models.QuarantineReason]string{
		{Code: "dangling_reference", Column: "id_segmen"}:  "id_segmen is 77, and tbl_segmen has no row with that id.",
		{Code: "parent_quarantined", Column: "id_segmen"}:  "id_segmen is 77, and that row of tbl_segmen is in quarantine itself.",
		{Code: "unfit_value", Column: "created_at"}:        "created_at holds a value that cannot be shown: infinity.",
		{Code: "invalid_text", Column: "produk"}:           "produk holds bytes that are not UTF-8 text.",
		{Code: models.LegacyText, Column: "something_new"}: "It cannot stand in the mirror: something_new.",
	} {
		got := reasonOf(models.Quarantined{Table: "products", Reason: reason}, payload, models.Tables())
		if !strings.HasPrefix(got.What, want) || got.Todo == "" {
			t.Errorf("%s: %+v", reason, got)
		}
	}
}

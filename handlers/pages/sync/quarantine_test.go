package sync

import (
	"strings"
	"testing"

	"lifecycle-sync/handlers/pages"
	"lifecycle-sync/models"
)

func TestReasonOf_ExplainsEveryCode(t *testing.T) {
	t.Parallel()
	printer := newPrinter()
	payload := pages.ValuesOf(models.JSON(`{"id_segmen": 77, "id_produk": 3, "created_at": "infinity", "produk": "A\\xff"}`))
	for reason, want := range map[models.QuarantineReason]string{
		{Code: "dangling_reference", Column: "id_segmen"}:  "id_segmen is 77, but tbl_segmen has no such row.",
		{Code: "parent_quarantined", Column: "id_segmen"}:  "id_segmen is 77, and that row of tbl_segmen is held back, too.",
		{Code: "unfit_value", Column: "created_at"}:        "created_at has an unsupported value: infinity.",
		{Code: "invalid_text", Column: "produk"}:           "produk has text that is not valid UTF-8 or cannot be converted to it.",
		{Code: models.LegacyText, Column: "something_new"}: "The row cannot be copied: something_new.",
	} {
		got := reasonOf(models.Quarantined{Table: "products", Reason: reason}, payload, models.Tables())
		if !strings.HasPrefix(printer.Text(got.Text), want) || strings.Contains(printer.Text(got.NextStep), ".todo") {
			t.Errorf("%s: %+v", reason, got)
		}
	}
}

package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

func TestProducts_MoveToAnotherStage(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		id := fmt.Sprint(kit.One[int](t, u.source, "SELECT min(id) FROM tbl_produk WHERE id NOT IN (SELECT id_produk FROM tbl_stage_histori)"))
		exec(t, u.source, "UPDATE tbl_produk SET id_stage = 1 WHERE id = "+id)
		u.Command("sync")
		page, action := "/products/"+id, "/products/"+id+"/transitions"
		stale := u.open(page).form(action)
		f := u.open(page).form(action)
		if f.values["stage_previous"] != "1" {
			t.Fatalf("%v", f.values)
		}
		u.submit(f.set("metric_name_1", "pendapatan")).shows(422, "New stage is required", "This metric has a name but no value", `value="pendapatan"`)
		f = f.set("stage_now", "2", "catatan", "Naik\nkelas", "metric_value_1", "12.50", "metric_name_3", "unit", "metric_value_3", "1,250", "metric_name_2", "pasar", "metric_value_2", "Jawa <Barat>")
		u.submit(f.set("tanggal_perubahan", "kemarin")).shows(422, "When must be a date and a time")
		u.submit(f.set("tanggal_perubahan", "2999-03-01T08:30")).shows(422, `<a href="#tanggal_perubahan">A move cannot be in the future.</a>`)
		f = f.set("tanggal_perubahan", "2026-03-01T08:30")
		u.submit(f.set("metric_value_1", "12,50")).shows(422, `<a href="#metric_value_1">This number is ambiguous`, `aria-describedby="metric_value_1-error"`)
		f.set("metric_value_1", "12.50")
		u.submit(f.set("end_months", "3", "tanggal_stage_end", "2026-05-01")).shows(422, `<a href="#tanggal_stage_end">Choose a number of months or a date, not both.`, `value="3" checked`)
		u.submit(f.set("end_months", "", "tanggal_stage_end", "2026-02-28")).shows(422, `<a href="#tanggal_stage_end">Planned stage end must not be before the stage start.`)
		f = f.set("end_months", "6", "tanggal_stage_end", "", "tanggal_perubahan", "2026-08-31T08:30")
		u.submit(f, upload{"tool.exe", "MZ"}).shows(422, `<a href="#move-files">The file tool.exe has an unsupported file type`, "Choose all files again", `value="6" checked`)
		u.follow(u.submit(f, upload{"keputusan.pdf", pdf}), page, "Moved to "+u.stage("2")+".").shows(200, "Naik\nkelas", "28 Feb 2027", "keputusan.pdf", "31 Aug 2026 08:30 WIB", "12.50", "Jawa &lt;Barat&gt;")
		if got := kit.One[string](t, u.source, "SELECT CAST(performance_metrics AS text) FROM tbl_stage_histori WHERE id_produk = "+id); !strings.Contains(got, "12.50") || strings.Contains(got, `"12.50"`) || !strings.Contains(got, "1250") || strings.Contains(got, `"1250"`) {
			t.Errorf("the metrics are %s", got)
		}
		u.submit(f, upload{"keputusan.pdf", pdf}).shows(303) // a double click
		if got := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_stage_histori WHERE id_produk = "+id); got != 1 {
			t.Errorf("%d stage records", got)
		}
		if got := kit.One[int](t, u.target, "SELECT count(*) FROM lifecycle_attachments WHERE state = 'stored' AND id_produk = "+id); got != 1 {
			t.Errorf("%d files", got)
		}
		again := u.submit(stale.set("stage_now", "3", "catatan", "Saya juga")).shows(409, "Saya juga")
		again = u.submit(again.form(action).set("stage_previous", "1")).shows(409, "not in the given previous stage", "Saya juga", "The product was in stage")
		u.follow(u.submit(again.form(action).set("stage_now", "3")), page, "Moved to "+u.stage("3")).shows(200, "days later")
		u.submit(form{u, "/products/99999/transitions", true, map[string]string{"key": "k", "stage_now": "1"}}).shows(404)
	})
}

// TestProducts_MoveFromNoStageConflicts with a move in the meantime.
func TestProducts_MoveFromNoStageConflicts(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		exec(t, u.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 2", "UPDATE tbl_produk SET id_stage = NULL WHERE id = 2")
		u.Command("sync")
		const page, action = "/products/2", "/products/2/transitions"
		mine, theirs := u.open(page).form(action), u.open(page).form(action)
		u.follow(u.submit(theirs.set("stage_now", "1")), page, "Moved to "+u.stage("1"))
		u.submit(mine.set("stage_now", "2")).shows(http.StatusConflict, "not in the given previous stage", "The product was in stage “No stage”")
		if got := kit.One[int](t, u.source, "SELECT id_stage FROM tbl_produk WHERE id = 2"); got != 1 {
			t.Errorf("the product is in stage %d", got)
		}
	})
}

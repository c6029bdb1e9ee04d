package console_test

import (
	"fmt"
	"html"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

var selectBox = regexp.MustCompile(`<input type="checkbox" name="select" value="((\d+):[^"]+)"[^>]*?( checked)?( disabled)?>`)

// selection ticks the boxes of some products of a list page.
func selection(a response, ids ...string) url.Values {
	form := url.Values{}
	for _, m := range selectBox.FindAllStringSubmatch(a.body, -1) {
		if slices.Contains(ids, m[2]) {
			form.Add("select", m[1])
		}
	}
	if len(form["select"]) != len(ids) {
		a.user.Fatalf("the page has not all of %v", ids)
	}
	return form
}

func TestProductList_SelectsProducts(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		ticked := func(a response, mark int) (n int) {
			for _, m := range selectBox.FindAllStringSubmatch(a.body, -1) {
				if m[mark] != "" {
					n++
				}
			}
			return n
		}
		const query = "/products?sort=id&view=table&limit=5"
		list := u.open(query).shows(200, `formaction="/products/selected/move?limit=5&amp;sort=id&amp;view=table"`, `>Select all 20</a>`, ">Select page</a>")
		if got := ticked(list, 3); got != 0 {
			t.Errorf("%d boxes are ticked", got)
		}
		if got := ticked(u.open(query+"&page=2&select=page").shows(200, `href="/products?limit=5&amp;page=2&amp;sort=id&amp;view=table">Clear selection`), 3); got != 5 {
			t.Errorf("%d boxes are ticked", got)
		}
		all := u.open(query+"&select=all").shows(200, "All 20 products that match the filters are selected.", `formaction="/products/selected/edit?limit=5&amp;select=all&amp;sort=id&amp;view=table"`)
		if got := ticked(all, 4); got != 5 {
			t.Errorf("%d boxes are fixed", got)
		}
		u.post("/products/selected/move?sort=id&select=all", nil).shows(200, "Move 20 products", `<a class="button" href="/products?sort=id">Cancel`)
		u.follow(u.post("/products/selected/move?sort=id", nil), "/products?sort=id", "No products are selected.")
		u.post("/products/selected/move?stage=x&nama=1", nil).shows(400)
		u.post("/products/selected/edit", url.Values{"select": {"x:y"}}).shows(400)
		u.post("/products/selected/edit", url.Values{"select": {"1:y", "1:z"}}).shows(400)

		csv := u.post("/products/selected/export.csv?sort=-id", selection(u.open("/products?limit=20&sort=id"), "3", "7")).shows(200)
		if lines := strings.Split(strings.TrimSpace(csv.body), "\r\n"); len(lines) != 3 || !strings.HasPrefix(lines[1], "7,") || !strings.HasPrefix(lines[2], "3,") {
			t.Errorf("the export is %s", csv.body)
		}
		u.post("/products/selected/export.xlsx?select=all", nil).shows(200, "PK")
	})
}

func TestProductList_MovesAndEditsTheSelection(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		exec(t, u.source, "UPDATE tbl_produk SET id_stage = 1, harga = 5, pelanggan = 'PLN', tanggal_stage_end = '2020-01-01' WHERE id <= 6", "UPDATE tbl_produk SET id_stage = 2 WHERE id = 6", "DELETE FROM tbl_stage_histori WHERE id_produk <= 6")
		u.Command("sync", "--allow-deletes", fmt.Sprint(12-kit.One[int](t, u.source, "SELECT count(*) FROM tbl_stage_histori")))
		const query = "?limit=20&sort=id"
		list := u.open("/products" + query)
		stages := func() string {
			return kit.One[string](t, u.source, "SELECT sum(id_stage * id * id) || ' ' || (SELECT count(*) FROM tbl_stage_histori WHERE id_produk <= 6) FROM tbl_produk WHERE id <= 6")
		}
		before := stages()

		move := u.post("/products/selected/move"+query, selection(list, "1", "2", "3", "6")).shows(200, "Move 4 products").form("/products/bulk/move" + query)
		u.submit(move).shows(422, "New stage is required")
		u.submit(move.set("stage_now", "2", "catatan", "Naik", "tanggal_stage_end", "2019-01-01")).shows(422, "4 of 4 products cannot be changed", "Planned stage end must not be before the stage start")
		move = move.set("tanggal_stage_end", "")
		refused := u.submit(move).shows(422, "1 of 4 products cannot be changed. Nothing was saved.", ": The product is already in this stage.", "Leave out the product that cannot be changed", "Cannot be changed</span>")
		u.submit(u.formAt("/products/2/edit").set("harga", "6")).shows(303)
		stale := u.submit(refused.form("/products/bulk/move"+query)).shows(412, "1 of 3 products cannot be changed", "This product was changed in the meantime", "Check them, then submit the form again")
		if after := stages(); after != before {
			t.Errorf("%s became %s", before, after)
		}
		again := stale.form("/products/bulk/move"+query).set("end_months", "3")
		page := u.follow(u.submit(again), "/products"+query, "3 products moved to "+u.stage("2")+".")
		u.submit(again).shows(303) // a double click
		if got := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_stage_histori WHERE catatan = 'Naik' AND stage_now = 2"); got != 3 {
			t.Errorf("%d records", got)
		}
		if got := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_produk WHERE id <= 3 AND id_stage = 2 AND tanggal_stage_end > '2021-01-01'"); got != 3 {
			t.Errorf("%d products have moved", got)
		}

		edit := u.post("/products/selected/edit"+query, selection(page, "1", "4")).shows(200, "Edit 2 products").form("/products/bulk/edit" + query)
		u.submit(edit).shows(422, "Choose at least one field to change")
		u.submit(edit.set("harga", "x")).shows(422, "Price must be whole rupiah")
		edit.values["clear_harga"] = "true"
		u.submit(edit.set("harga", "9")).shows(422, "Either fill in this field or clear it", `name="clear_harga" value="true" checked`)
		edit.values["clear_pelanggan"] = "true"
		delete(edit.values, "clear_harga")
		u.follow(u.submit(edit.set("harga", "Rp 1.000", "id_segmen", "2")), "/products"+query, "2 products saved.")
		if got := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_produk WHERE id IN (1, 4) AND harga = 1000 AND id_segmen = 2 AND pelanggan IS NULL"); got != 2 {
			t.Errorf("%d products have changed", got)
		}
		gone := u.post("/products/selected/edit"+query, selection(u.open("/products"+query), "4", "5")).form("/products/bulk/edit" + query)
		u.remove("5").shows(303)
		left := u.submit(gone.set("harga", "8")).shows(412, "Product 5 does not exist").form("/products/bulk/edit" + query)
		u.follow(u.submit(left), "/products"+query, "1 product saved.")
		u.Command("verify")
	})
}

// TestProductList_MovesTheSelectionWithFiles: every product of a move gets its own copy of each file. A move that fails leaves
// none, and its undo hides all.
func TestProductList_MovesTheSelectionWithFiles(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		folder := filepath.Join(t.TempDir(), "uploads")
		u := boot(t, url, 60, 12, []string{"UPDATE tbl_produk SET id_stage = 1", "UPDATE tbl_produk SET id_stage = 2 WHERE id = 4", "DELETE FROM tbl_stage_histori"}, "UPLOADS_URL=file:"+folder)
		stored := func(want int) {
			t.Helper()
			contents, err := filepath.Glob(filepath.Join(folder, "*", "*"))
			rows := kit.One[int](t, u.target, "SELECT count(DISTINCT object_key) FROM lifecycle_attachments")
			if moved := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_stage_histori"); err != nil || len(contents) != want || rows != want || (moved > 0) != (want > 0) {
				t.Errorf("%d contents and %d rows, want %d; %d moves (%v)", len(contents), rows, want, moved, err)
			}
		}
		const query = "?limit=20&sort=id"
		list := u.open("/products" + query)
		files := []upload{{"keputusan.pdf", pdf}, {"catatan.txt", "isi"}}
		move := u.post("/products/selected/move"+query, selection(list, "1", "2", "3", "4")).shows(200, `name="files"`, "Every product gets each file.").form("/products/bulk/move"+query).set("stage_now", "2", "catatan", "Naik")
		u.submit(move, upload{"tool.exe", "MZ"}).shows(422, `<a href="#move-files">The file tool.exe has an unsupported file type`, "Choose all files again", "Naik", "Move 4 products")
		all := u.post("/products/selected/move?sort=id&select=all", nil).form("/products/bulk/move?sort=id")
		u.submit(all.set("stage_now", "3"), files...).shows(422, `<a href="#move-files">2 files for each of 60 products exceed the limit of 100 files in total`, "Move 60 products")
		stored(0)
		refused := u.submit(move, files...).shows(422, "1 of 4 products cannot be changed. Nothing was saved.", "Choose all files again")
		stored(0)

		again := refused.form("/products/bulk/move" + query)
		page := u.follow(u.submit(again, files...), "/products"+query, "3 products moved to "+u.stage("2")+".")
		u.submit(again, files...).shows(303) // a double click
		stored(6)
		for _, id := range []string{"1", "2", "3"} {
			u.open("/products/"+id).shows(200, "keputusan.pdf", "catatan.txt")
			if content := regexp.MustCompile(`/api/[^"]*/attachments/\d+[^"]*`).FindString(u.open("/products/" + id).body); !strings.Contains(u.get(html.UnescapeString(content)).body, "%PDF") {
				t.Errorf("the file of product %s at %s is not served", id, content)
			}
		}
		u.follow(u.submit(page.form(actionOf(t, page.body, "/activity/", "/undo"))), "/activity", "Undone.")
		for _, id := range []string{"1", "2", "3"} {
			if strings.Contains(u.open("/products/"+id).body, "keputusan.pdf") {
				t.Errorf("product %s still shows the file", id)
			}
		}
		u.Command("verify")
	})
}

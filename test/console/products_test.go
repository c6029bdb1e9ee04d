package console_test

import (
	"database/sql"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"lifecycle-sync/test/kit/testdb"
)

const pdf = "%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n%%EOF\n"

// one reads one value.
func one[T any](t *testing.T, db *sql.DB, query string) (value T) {
	t.Helper()
	if err := db.QueryRow(query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

var productLink = regexp.MustCompile(`<a class="clamp" href="/products/(\d+)"`)

// listed are the ids of the products on a page of the list, in order.
func listed(a answer) (ids []string) {
	for _, m := range productLink.FindAllStringSubmatch(a.body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func TestProductList(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		first := d.open("/products").want(t, 200, "20 products", "Add product", ">Export as CSV</a>", ">Export as Excel</a>", `href="/api/product-lifecycle/products/export.csv"`, "Page 1 of 2")
		if got := len(listed(first)); got != 12 {
			t.Errorf("%d cards", got)
		}
		if got := len(listed(d.open("/products?page=2"))); got != 8 {
			t.Errorf("%d cards on the second page", got)
		}
		d.open("/products?page=9").want(t, 200, "The list has only 2 pages", `href="/products?page=2"`)
		table := d.open("/products?view=table&sort=-harga").want(t, 200, `aria-sort="descending"><a href="/products?sort=harga&amp;view=table">Price`, "export.csv?sort=-harga")
		if got := listed(table); len(got) != 20 || got[0] != fmt.Sprint(one[int](t, d.source, "SELECT id FROM tbl_produk WHERE harga IS NOT NULL ORDER BY harga DESC, id DESC LIMIT 1")) {
			t.Errorf("the table has %v", got)
		}

		stage := one[string](t, d.source, "SELECT stage FROM tbl_stage WHERE id = 2")
		count := one[int](t, d.source, "SELECT count(*) FROM tbl_produk WHERE id_stage = 2")
		filtered := d.open("/products?search=&stageId=2&segmentId=&categoryId=&sort=&view=table").want(t, 200, fmt.Sprintf("%d product", count), "Stage: "+stage, "Reset filters",
			`<option value="2" selected>`, `export.xlsx?stageId=2"`, `href="/products?stageId=2"`)
		if strings.Contains(filtered.body, "search=&amp;") {
			t.Error("what was not filled in is in the links")
		}
		missing := one[int](t, d.source, "SELECT count(*) FROM tbl_produk WHERE harga IS NULL")
		d.open("/products?missing=price&view=table&sort=id").want(t, 200, fmt.Sprintf("%d product", missing), `<option value="id" selected>`,
			`<input type="hidden" name="view" value="table">`, `href="/products?sort=id&amp;view=table">Reset filters`)
		late := listed(d.open("/products?overdue=true&limit=100"))
		if got := strings.Count(d.open("/products?limit=100").body, ">Overdue</span>"); got != len(late) {
			t.Errorf("%d products are marked as overdue, and %d listed", got, len(late))
		}
		d.open("/products?search=no+such+product").want(t, 200, "No products found", `<a class="button" href="/products">Show all</a>`)
		for _, wrong := range []string{"view=list", "sort=harga,id", "page=0", "stageId=x", "nama=1", "search=a&search=b"} {
			d.send(http.MethodGet, "/products?"+wrong, "", nil).want(t, 422, "Invalid filters")
		}
	})
}

func TestProductListOfNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t, testdb.SQLite, 20)
	for len(listed(d.open("/products"))) > 0 {
		d.to(d.remove(listed(d.open("/products"))[0]), "/products", "Product deleted")
	}
	d.open("/products").want(t, 200, "No products yet")
}

// remove deletes a product as somebody does who is sure of it.
func (d *desk) remove(id string) answer {
	d.t.Helper()
	return d.submit(d.open("/products/"+id+"/delete").form(d.t, "/products/"+id+"/delete"))
}

// TestHostileTexts are shown as they are, and do nothing.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		const script = `<script>alert("1")</script>'"><img src=x onerror=alert(1)>`
		f := d.open("/products/1/edit").form(t, "/products/1/edit")
		f = f.set(t, "produk", script).set(t, "deskripsi", "</textarea>"+script+"\n"+strings.Repeat("panjang", 500)).set(t, "pelanggan", "شركة \u202eمصر "+strings.Repeat("W", 200))
		d.to(d.submit(f), "/products/1", "Product saved")
		for _, page := range []string{"/products?search=alert&view=table", "/products?search=" + "%3Cscript%3E", "/products/1", "/products/1/edit", "/products/1/delete"} {
			a := d.open(page).want(t, 200, html.EscapeString("<script>")[:4])
			if strings.Contains(a.body, "<script>") || strings.Contains(a.body, "<img src=x") {
				t.Errorf("%s: %s", page, a.body)
			}
		}
		if got := d.open("/products/1/edit").form(t, "/products/1/edit"); got.values["produk"] != script || !strings.HasPrefix(got.values["deskripsi"], "</textarea>") {
			t.Errorf("%q", got.values)
		}
	})
}

func TestCreateAProduct(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		empty := d.open("/products/new").form(t, "/products")
		wrong := empty.set(t, "produk", " ").set(t, "harga", "sepuluh").set(t, "pelanggan", "PT Tetap").set(t, "id_stage", "1").set(t, "deskripsi", "Satu\nDua")
		a := d.submit(wrong, upload{"a.pdf", pdf}).want(t, 422, "Nothing was saved", `<a href="#produk">Product name is required.</a>`, "Price must be a whole number of rupiah, not negative",
			`aria-invalid="true"`, "Choose all files again")
		if strings.Contains(a.body, "harga must") {
			t.Error("a column is named")
		}
		kept := a.form(t, "/products")
		for name, want := range map[string]string{"produk": " ", "harga": "sepuluh", "pelanggan": "PT Tetap", "id_stage": "1", "deskripsi": "Satu\nDua"} {
			if kept.values[name] != want {
				t.Errorf("%s is %q, want %q", name, kept.values[name], want)
			}
		}
		right := kept.set(t, "produk", "Kopi ☕").set(t, "harga", "Rp 1.250.000").set(t, "id_segmen", "1").set(t, "id_kategori", "1").set(t, "tanggal_launch", "2026-05-01")
		d.submit(right, upload{"tool.exe", "MZ"}).want(t, 422, "The file tool.exe has an unsupported file type", "Choose all files again", `value="Kopi ☕"`)
		d.submit(right, upload{"large.txt", strings.Repeat("a", 10<<20+1)}).want(t, 422, "The file large.txt is larger than 10 MiB")
		large := strings.Repeat("a", 9<<20) // each is taken, but not all together
		tooMuch := d.submit(right, upload{"1.txt", large}, upload{"2.txt", large}, upload{"3.txt", large}).want(t, 422, "The files are larger than 25 MiB in total", "Choose all files again")
		if kept := tooMuch.form(t, "/products"); kept.values["produk"] != "Kopi ☕" || kept.values["deskripsi"] != "Satu\nDua" {
			t.Errorf("kept are %v", kept.values)
		}
		d.submit(right.set(t, "id_segmen", "999"), upload{"a.pdf", pdf}).want(t, 422, "does not exist", "999 (not in the list)")
		right.set(t, "id_segmen", "1")

		before := one[int](t, d.source, "SELECT count(*) FROM tbl_produk")
		done := d.submit(right, upload{"a.pdf", pdf})
		page := d.to(done, fmt.Sprintf("/products/%d", one[int](t, d.source, "SELECT max(id) FROM tbl_produk")), "Product created")
		page.want(t, 200, "Kopi ☕", "Rp\u00a01.250.000", "1 Mei 2026", "a.pdf", "PT Tetap", "Satu\nDua")
		again := d.submit(right, upload{"a.pdf", pdf}) // a double click
		if got := one[int](t, d.source, "SELECT count(*) FROM tbl_produk"); got != before+1 || again.Header.Get("Location") != done.Header.Get("Location") {
			t.Errorf("%d products became %d; %d", before, got, again.StatusCode)
		}
		other := d.submit(right.set(t, "produk", "Susu"), upload{"a.pdf", pdf}).want(t, 409, "This form was already sent with other entries").form(t, "/products")
		d.submit(other).want(t, 303)
		if got := one[int](t, d.source, "SELECT count(*) FROM tbl_produk"); got != before+2 {
			t.Errorf("%d products became %d", before, got)
		}
	})
}

func TestEditAProduct(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		exec(t, d.source, "UPDATE tbl_produk SET produk = 'Baris', deskripsi = 'a\nb', id_kategori = NULL, harga = -5 WHERE id = 3")
		d.Command("sync")
		f := d.open("/products/3/edit").form(t, "/products/3/edit")
		updated := one[string](t, d.source, "SELECT coalesce(CAST(updated_at AS text), '') FROM tbl_produk WHERE id = 3")
		d.to(d.submit(f), "/products/3", "Nothing to save")
		if got := one[string](t, d.source, "SELECT coalesce(CAST(updated_at AS text), '') FROM tbl_produk WHERE id = 3"); got != updated {
			t.Error("the product was written")
		}
		d.submit(f.set(t, "harga", "-6")).want(t, 422, `<a href="#harga">`, `value="-6"`)
		d.submit(f.set(t, "harga", "-5").set(t, "produk", "")).want(t, 422, "Product name is required")
		d.to(d.submit(f.set(t, "produk", "Kolom").set(t, "tanggal_stage_start", "2001-02-03").set(t, "tanggal_stage_end", "2001-02-03")), "/products/3", "Product saved").want(t, 200, "Kolom", "3 Feb 2001", "Rp\u00a0-5")
		if one[string](t, d.source, "SELECT deskripsi FROM tbl_produk WHERE id = 3") != "a\nb" {
			t.Error("a description that nobody touched was changed")
		}
		f = d.open("/products/3/edit").form(t, "/products/3/edit")
		d.submit(f.set(t, "tanggal_stage_start", "2001-02-04")).want(t, 422, `<a href="#tanggal_stage_end">Planned stage end must not be before the stage start.`)
		d.submit(f.set(t, "version", "")).want(t, 400)
		d.submit(d.open("/products/3/edit").form(t, "/products/3/edit").set(t, "produk", "x"), upload{"a.pdf", pdf}).want(t, 422)
	})
}

// TestADescriptionThatIsTooLong for a form is left as it is.
func TestADescriptionThatIsTooLong(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		before := d.open("/products/3/edit").form(t, "/products/3/edit")
		exec(t, d.source, "UPDATE tbl_produk SET deskripsi = '"+strings.Repeat("panjang ", 10_000)+"' WHERE id = 3")
		d.Command("sync")
		f := d.open("/products/3/edit").want(t, 200, "left unchanged: Description").form(t, "/products/3/edit")
		d.to(d.submit(f.set(t, "produk", "Lain")), "/products/3", "Product saved")
		a := d.submit(before.set(t, "deskripsi", "Pendek").set(t, "harga", "7")).want(t, 412, "Too long to show here", "Pendek")
		theirs := a.form(t, "/products/3/edit").choose("take_deskripsi", "theirs").choose("take_produk", "theirs")
		d.to(d.submit(theirs), "/products/3", "Product saved").want(t, 200, "Rp\u00a07", "Lain", "panjang ")
		if got := one[int](t, d.source, "SELECT length(deskripsi) FROM tbl_produk WHERE id = 3"); got != 80_000 {
			t.Errorf("the description has %d characters", got)
		}
	})
}

// TestConflict has two people change one product.
func TestConflict(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		edit := func() form { return d.open("/products/2/edit").form(t, "/products/2/edit") }
		mine, theirs := edit(), edit()
		d.to(d.submit(theirs.set(t, "produk", "Nama mereka").set(t, "harga", "200").set(t, "deskripsi", "Sama")), "/products/2", "Product saved")
		mine = mine.set(t, "produk", "Nama saya").set(t, "pelanggan", "Pelanggan saya").set(t, "deskripsi", "Sama")
		a := d.submit(mine).want(t, 412, "This product was changed in the meantime", "Nama saya", "Nama mereka", "Pelanggan saya", "Rp\u00a0200",
			"Only you changed it", "Only someone else changed it", "You and someone else changed it")
		if got := one[string](t, d.source, "SELECT produk FROM tbl_produk WHERE id = 2"); got != "Nama mereka" {
			t.Errorf("the name is %s", got)
		}
		chosen := a.form(t, "/products/2/edit")
		if chosen.values["take_harga"] != "theirs" || chosen.values["take_pelanggan"] != "mine" || chosen.values["take_produk"] != "" || chosen.values["take_deskripsi"] != "" {
			t.Errorf("chosen are %v", chosen.values)
		}
		onward := d.submit(chosen.choose("take_produk", "mine").choose("go", "edit")).want(t, 200).form(t, "/products/2/edit")
		if onward.values["produk"] != "Nama saya" || onward.values["harga"] != "200" || onward.values["pelanggan"] != "Pelanggan saya" {
			t.Errorf("the form goes on with %v", onward.values)
		}
		d.to(d.submit(a.form(t, "/products/2/edit").choose("take_produk", "mine")), "/products/2", "Product saved")
		d.open("/products/2").want(t, 200, "Nama saya", "Rp\u00a0200", "Pelanggan saya")
		d.to(d.submit(onward), "/products/2", "Product saved") // everything is so already

		gone := edit().set(t, "deskripsi", "Ketikan panjang")
		d.remove("2").want(t, 303)
		d.submit(gone).want(t, 404, "This product was deleted in the meantime", "Ketikan panjang")
	})
}

func TestDeleteAProduct(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		d.submit(d.open("/products/4").form(t, "/products/4/attachments"), upload{"a.pdf", pdf}, upload{"b.txt", "b"}).want(t, 303)
		d.submit(d.open("/products/4").form(t, "/products/4/transitions").set(t, "stage_now", d.otherStage("4"))).want(t, 303)
		transitions := one[int](t, d.source, "SELECT count(*) FROM tbl_stage_histori WHERE id_produk = 4")
		ask := d.open("/products/4/delete").want(t, 200, fmt.Sprintf("with %d stage record", transitions), "and 2 files", "cannot be undone")
		d.submit(d.open("/products/4/edit").form(t, "/products/4/edit").set(t, "produk", "Lain")).want(t, 303)
		changed := d.submit(ask.form(t, "/products/4/delete")).want(t, 412, "It has been changed since you opened this page", "Delete Lain?")
		d.to(d.submit(changed.form(t, "/products/4/delete")), "/products", "Product deleted")
		for _, page := range []string{"/products/4", "/products/4/edit", "/products/4/delete"} {
			d.send(http.MethodGet, page, "", nil).want(t, 404, "Page not found")
		}
	})
}

// otherStage is a stage that a product is not in.
func (d *desk) otherStage(id string) string {
	d.t.Helper()
	return fmt.Sprint(one[int](d.t, d.source, "SELECT min(s.id) FROM tbl_stage s, tbl_produk p WHERE p.id = "+id+" AND s.id <> coalesce(p.id_stage, 0)"))
}

func TestFilesOfAProduct(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		f := d.open("/products/5").form(t, "/products/5/attachments")
		d.submit(f).want(t, 422, "No file was added", "The form has no files")
		d.submit(f, upload{"a.pdf", pdf}, upload{"b.pdf", "<html>"}).want(t, 422, "The content of the file b.pdf does not match its name", "Choose all files again")
		d.to(d.submit(f, upload{"a b.pdf", pdf}, upload{"<b>.txt", "b"}), "/products/5", "Files added").want(t, 200, "a b.pdf", "_b_.txt", "PDF", "2")
		d.submit(f, upload{"a b.pdf", pdf}, upload{"<b>.txt", "b"}).want(t, 303) // a double click
		if got := len(regexp.MustCompile(`/products/5/attachments/\d+/delete`).FindAllString(d.open("/products/5").body, -1)); got != 2 {
			t.Errorf("%d files", got)
		}

		body, kind := d.open("/products/5").form(t, "/products/5/attachments").body(t, upload{"c.txt", "c"})
		if a := d.send(http.MethodPost, "/products/5/attachments", kind, body, "Accept", "application/json").want(t, 201, `"success":true`); a.Header.Get("Set-Cookie") == "" {
			t.Error("nothing is said on the page that a script loads")
		}
		body, kind = f.body(t, upload{"c.exe", "c"})
		d.send(http.MethodPost, "/products/5/attachments", kind, body, "Accept", "application/json").want(t, 415, `"message":"The file c.exe has an unsupported file type`)

		remove := regexp.MustCompile(`/products/5/attachments/\d+/delete`).FindString(d.open("/products/5").body)
		ask := d.open(remove).want(t, 200, "Delete a b.pdf?", "a b.pdf")
		d.to(d.submit(ask.form(t, remove)), "/products/5", "File deleted")
		d.submit(ask.form(t, remove)).want(t, 404)
		d.send(http.MethodGet, "/products/5/attachments/x/delete", "", nil).want(t, 400)
		d.send(http.MethodGet, "/products/99999", "", nil).want(t, 404)
	})
}

func TestMoveAProduct(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		id := fmt.Sprint(one[int](t, d.source, "SELECT min(id) FROM tbl_produk WHERE id NOT IN (SELECT id_produk FROM tbl_stage_histori)"))
		exec(t, d.source, "UPDATE tbl_produk SET id_stage = 1 WHERE id = "+id)
		d.Command("sync")
		page, action := "/products/"+id, "/products/"+id+"/transitions"
		stale := d.open(page).form(t, action)
		f := d.open(page).form(t, action)
		if f.values["stage_previous"] != "1" {
			t.Fatalf("%v", f.values)
		}
		d.submit(f.set(t, "metric_name_1", "pendapatan")).want(t, 422, "New stage is required", "This metric has a name but no value", `value="pendapatan"`)
		f = f.set(t, "stage_now", "2").set(t, "catatan", "Naik\nkelas").set(t, "metric_value_1", "12,50").set(t, "metric_name_3", "unit").set(t, "metric_value_3", "1.250").set(t, "metric_name_2", "pasar").set(t, "metric_value_2", "Jawa <Barat>")
		d.submit(f.set(t, "tanggal_perubahan", "kemarin")).want(t, 422, "When must be a date and a time")
		d.submit(f.set(t, "tanggal_perubahan", "2999-03-01T08:30")).want(t, 422, `<a href="#tanggal_perubahan">A move cannot be in the future.</a>`)
		f = f.set(t, "tanggal_perubahan", "2026-03-01T08:30")
		d.submit(f.set(t, "metric_value_1", "12.50")).want(t, 422, `<a href="#metric_value_1">This number is ambiguous`, `aria-describedby="metric_value_1-error"`)
		f.set(t, "metric_value_1", "12,50")
		d.to(d.submit(f), page, "Product moved").want(t, 200, "Naik\nkelas", "1 Mar 2026 08.30 WIB", "12,50", "Jawa &lt;Barat&gt;")
		if got := one[string](t, d.source, "SELECT CAST(performance_metrics AS text) FROM tbl_stage_histori WHERE id_produk = "+id); !strings.Contains(got, "12.50") || strings.Contains(got, `"12.50"`) || !strings.Contains(got, "1250") || strings.Contains(got, `"1250"`) {
			t.Errorf("the metrics are %s", got)
		}
		d.submit(f).want(t, 303) // a double click
		if got := one[int](t, d.source, "SELECT count(*) FROM tbl_stage_histori WHERE id_produk = "+id); got != 1 {
			t.Errorf("%d transitions", got)
		}
		again := d.submit(stale.set(t, "stage_now", "3").set(t, "catatan", "Saya juga")).want(t, 409, "Saya juga")
		again = d.submit(again.form(t, action).set(t, "stage_previous", "1")).want(t, 409, "not in the previous stage that was given", "Saya juga", "The product was in stage")
		d.to(d.submit(again.form(t, action).set(t, "stage_now", "3")), page, "Product moved").want(t, 200, "days later")
		d.send(http.MethodPost, "/products/99999/transitions", "application/x-www-form-urlencoded", strings.NewReader("key=k&stage_now=1")).want(t, 404)
	})
}

// TestMoveAProductFromNoStage is refused when somebody has put it into one meanwhile.
func TestMoveAProductFromNoStage(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		exec(t, d.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 2", "UPDATE tbl_produk SET id_stage = NULL WHERE id = 2")
		d.Command("sync")
		const page, action = "/products/2", "/products/2/transitions"
		mine, theirs := d.open(page).form(t, action), d.open(page).form(t, action)
		d.to(d.submit(theirs.set(t, "stage_now", "1")), page, "Product moved")
		d.submit(mine.set(t, "stage_now", "2")).want(t, http.StatusConflict, "not in the previous stage that was given", "The product was in stage “No stage”")
		if got := one[int](t, d.source, "SELECT id_stage FROM tbl_produk WHERE id = 2"); got != 1 {
			t.Errorf("the product is in stage %d", got)
		}
	})
}

// TestRolesAtProducts shows nobody what they may not do, and lets nobody do it.
func TestRolesAtProducts(t *testing.T) {
	t.Parallel()
	d := newDesk(t, testdb.SQLite, 20, "AUTH_JWT_SECRET="+strings.Repeat("rahasia ", 6))
	reader, manager, admin := d.as("Staff"), d.as("Project Manager"), d.as("Admin")
	for _, page := range []string{"/products", "/products/1"} {
		for role, may := range map[*desk][3]bool{reader: {}, manager: {true}, admin: {true, true, true}} {
			a := role.open(page)
			for i, offer := range []string{`/new"|/edit"|<form method="post" action="/products/`, `/delete"`, `/sync/changes`} {
				if got := regexp.MustCompile(offer).MatchString(a.body); got && !may[i] || !got && may[i] && (page != "/products" || i == 0) {
					t.Errorf("%s: offers %s: %t", page, offer, got)
				}
			}
		}
	}
	for path, least := range map[string]int{
		"/products": 1, "/products/1/edit": 1, "/products/1/transitions": 1, "/products/1/attachments": 1, "/products/1/delete": 2, "/products/1/attachments/1/delete": 2,
	} {
		for i, role := range []*desk{reader, manager} {
			if a := role.send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader("")); (a.StatusCode == http.StatusForbidden) != (i < least) {
				t.Errorf("POST %s as %d: %d", path, i, a.StatusCode)
			}
		}
		if a := admin.send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(""), "Sec-Fetch-Site", "cross-site"); a.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s from another site: %d", path, a.StatusCode)
		}
	}
	for path, least := range map[string]int{"/products/new": 1, "/products/1/edit": 1, "/products/1/delete": 2} {
		for i, role := range []*desk{reader, manager} {
			if a := role.send(http.MethodGet, path, "", nil); (a.StatusCode == http.StatusForbidden) != (i < least) {
				t.Errorf("GET %s as %d: %d", path, i, a.StatusCode)
			}
		}
	}
}

// TestWritesThatTheMirrorDoesNotShowYet lead to a page that is there, and say so.
func TestWritesThatTheMirrorDoesNotShowYet(t *testing.T) {
	t.Parallel()
	d := newDesk(t, testdb.Postgres, 20)
	pmo := d.mirror()
	exec(t, pmo, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'`,
		`CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON tbl_produk_lifecycle FOR EACH ROW EXECUTE FUNCTION refuse()`)
	f := d.open("/products/new").form(t, "/products").set(t, "produk", "Nanti").set(t, "id_segmen", "1").set(t, "id_stage", "1").set(t, "id_kategori", "1")
	d.to(d.submit(f), "/products", "Product created. The console shows it after the next sync.")
	e := d.open("/products/1/edit").form(t, "/products/1/edit").set(t, "produk", "Nanti juga")
	d.to(d.submit(e), "/products/1", "Product saved. The console shows it after the next sync.")
	d.submit(d.open("/products/1/edit").form(t, "/products/1/edit").set(t, "produk", "Lain")).want(t, 412, "Nanti juga", "Lain")
	d.to(d.remove("2"), "/products", "Product deleted, with its stage history and files. The console shows it after the next sync.")
}

// TestAFormOutlivesTheServersFaults keeps what was entered where the database fails.
func TestAFormOutlivesTheServersFaults(t *testing.T) {
	t.Parallel()
	d := newDesk(t, testdb.Postgres, 20)
	create := d.open("/products/new").form(t, "/products").set(t, "produk", "Tetap").set(t, "id_segmen", "1").set(t, "id_stage", "1").set(t, "id_kategori", "1")
	edit := d.open("/products/1/edit").form(t, "/products/1/edit").set(t, "produk", "Tetap juga")
	move := d.open("/products/1").form(t, "/products/1/transitions").set(t, "stage_now", d.otherStage("1")).set(t, "catatan", "Tetap pula")
	exec(t, d.source, "ALTER TABLE tbl_produk RENAME TO elsewhere")
	for text, f := range map[string]form{"Tetap": create, "Tetap juga": edit, "Tetap pula": move} {
		a := d.submit(f).want(t, 500, "It may not have been saved", "Your entries are still here", text, "<title>Error: ")
		for name, value := range f.values {
			if got := a.form(t, f.action).values[name]; got != value {
				t.Errorf("%s: %s is %q, was %q", f.action, name, got, value)
			}
		}
	}
	exec(t, d.source, "ALTER TABLE elsewhere RENAME TO tbl_produk")
	d.submit(create).want(t, 303)
}

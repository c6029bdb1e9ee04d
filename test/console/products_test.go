package console_test

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

const pdf = "%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n%%EOF\n"

var productLink = regexp.MustCompile(`<a class="clamp" href="/products/(\d+)"`)

// listedIDs returns the ids of the products on a list page, in order.
func listedIDs(a response) (ids []string) {
	for _, m := range productLink.FindAllStringSubmatch(a.body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

func TestProductList_FiltersSortsAndExports(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		first := u.open("/products").shows(200, "20 products", "Add product", ">Export as CSV</a>", ">Export as Excel</a>", `href="/api/product-lifecycle/products/export.csv"`, "Page 1 of 2")
		if got := len(listedIDs(first)); got != 12 {
			t.Errorf("%d cards", got)
		}
		if got := len(listedIDs(u.open("/products?page=2"))); got != 8 {
			t.Errorf("%d cards on the second page", got)
		}
		u.open("/products?page=9").shows(200, "The list has only 2 pages", `href="/products?page=2"`)
		table := u.open("/products?view=table&sort=-harga").shows(200, `aria-sort="descending"><a href="/products?sort=harga&amp;view=table">Price`, "export.csv?sort=-harga")
		if got := listedIDs(table); len(got) != 20 || got[0] != fmt.Sprint(kit.One[int](t, u.source, "SELECT id FROM tbl_produk WHERE harga IS NOT NULL ORDER BY harga DESC, id DESC LIMIT 1")) {
			t.Errorf("the table has %v", got)
		}

		stage := kit.One[string](t, u.source, "SELECT stage FROM tbl_stage WHERE id = 2")
		count := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_produk WHERE id_stage = 2")
		filtered := u.open("/products?search=&stageId=2&segmentId=&categoryId=&sort=&view=table").shows(200, fmt.Sprintf("%d product", count), "Stage: "+stage, "Reset filters",
			`<option value="2" selected>`, `export.xlsx?stageId=2"`, `href="/products?stageId=2"`)
		if strings.Count(filtered.body, "search=&amp;") > 1 { // one is the address of this page
			t.Error("empty filters are in the links")
		}
		missing := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_produk WHERE harga IS NULL")
		u.open("/products?missing=price&view=table&sort=id").shows(200, fmt.Sprintf("%d product", missing), `<option value="id" selected>`,
			`<input type="hidden" name="view" value="table">`, `href="/products?sort=id&amp;view=table">Reset filters`)
		overdue := listedIDs(u.open("/products?overdue=true&limit=100"))
		if got := strings.Count(u.open("/products?limit=100").body, ">Overdue</span>"); got != len(overdue) {
			t.Errorf("%d products are marked as overdue, but %d are listed", got, len(overdue))
		}
		u.open("/products?search=no+such+product").shows(200, "No products found", `<a class="button" href="/products">Show all</a>`)
		for _, query := range []string{"view=list", "sort=harga,id", "page=0", "stageId=x", "nama=1", "search=a&search=b"} {
			u.get("/products?"+query).shows(422, "Invalid filters")
		}
	})
}

// TestFilters_AgreeOnAllPages compares the products of the list, the exports, the dashboard and the console.
func TestFilters_AgreeOnAllPages(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		exec(t, u.source, "UPDATE tbl_produk SET tanggal_stage_end = '2030-01-31', tanggal_launch = '2030-01-31', harga = 1500000, id_stage = 1, updated_at = '2030-01-31 10:00:00.000001+00:00' WHERE id = 5",
			"UPDATE tbl_produk SET tanggal_stage_end = '"+time.Now().AddDate(0, 0, 30).Format(time.DateOnly)+"', id_stage = 2 WHERE id IN (6, 7)")
		u.Command("sync")
		found := 0
		for _, query := range []string{
			"", "stageId=1,2", "stageId=1,2&segmentId=1,2,3&categoryId=1,2,3,4", "stageId=&segmentId=&dueWithin=&priceFrom=&launchFrom=&updatedSince=", "dueWithin=31", "dueWithin=31&overdue=true",
			"priceFrom=1500000&priceTo=1500000", "priceFrom=1500001", "priceTo=1500000", "launchFrom=2030-01-31", "launchTo=2030-01-31", "launchFrom=2030-02-01", "launchWithin=nextQuarter",
			"stageEndFrom=2030-01-31&stageEndTo=2030-01-31", "stageEndTo=2030-01-30", "updatedSince=2030-01-31T10:00:00.000001Z", "updatedSince=2030-01-31", "updatedSince=2030-02-01", "missing=price&priceFrom=0",
		} {
			var list struct {
				Data       []struct{ ID json.Number }
				Pagination struct{ TotalItems int64 }
			}
			if err := json.Unmarshal([]byte(u.open(api+"/products?limit=100&"+query).body), &list); err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, p := range list.Data {
				ids = append(ids, p.ID.String())
			}
			n := list.Pagination.TotalItems
			found += int(n)
			page := u.open("/products?limit=100&"+query).shows(200, fmt.Sprintf("%d product", n))
			if got := listedIDs(page); !slices.Equal(got, ids) {
				t.Errorf("%s: the page has %v, the API %v", query, got, ids)
			}
			if got := strings.Count(u.open(api+"/products/export.csv?"+query).body, "\r\n") - 1; int64(got) != n {
				t.Errorf("%s: the export has %d products, the list %d", query, got, n)
			}
			if got := u.figures(query).Statistics.TotalProducts; got != n {
				t.Errorf("%s: the dashboard has %d products, the list %d", query, got, n)
			}
			if got := tiles(u.open("/?" + query).body)["products"].figure; n > 0 && got != strconv.FormatInt(n, 10) {
				t.Errorf("%s: the overview has %s products, the list %d", query, got, n)
			}
		}
		if found < 100 {
			t.Errorf("the filters find only %d products", found)
		}
		u.open("/products?stageId=1,2&priceTo=2000000&dueWithin=7&launchTo=2030-01-31").shows(200, "Stage: Introduction, Growth<", "Price to: 2,000,000<", "Due within days: 7<", "Launch date to: 31 Jan 2030<",
			`<option value="1,2" selected>Introduction, Growth</option>`, `<details class="whole" open>`)
		u.open("/products").lacks(`<details class="whole" open>`)
		u.get("/products?priceFrom=2&priceTo=1").shows(422, "Price from must not exceed Price to.", `<details class="whole" open>`, `href="#priceFrom"`)
	})
}

// remove deletes a product and confirms it.
func (u *user) remove(id string) response {
	u.Helper()
	return u.submit(u.open("/products/" + id + "/delete").form("/products/" + id + "/delete"))
}

// TestProducts_EscapeMarkup shows texts as they are.
func TestProducts_EscapeMarkup(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		const script = `<script>alert("1")</script>'"><img src=x onerror=alert(1)>`
		f := u.formAt("/products/1/edit")
		f = f.set("produk", script, "deskripsi", "</textarea>"+script+"\n"+strings.Repeat("panjang", 500), "pelanggan", "شركة \u202eمصر "+strings.Repeat("W", 200))
		u.follow(u.submit(f), "/products/1", "Product saved")
		for _, page := range []string{"/products?search=alert&view=table", "/products?search=" + "%3Cscript%3E", "/products/1", "/products/1/edit", "/products/1/delete"} {
			a := u.open(page).shows(200, html.EscapeString("<script>")[:4])
			if strings.Contains(a.body, "<script>") || strings.Contains(a.body, "<img src=x") {
				t.Errorf("%s: %s", page, a.body)
			}
		}
		if got := u.formAt("/products/1/edit"); got.values["produk"] != script || !strings.HasPrefix(got.values["deskripsi"], "</textarea>") {
			t.Errorf("%q", got.values)
		}
	})
}

func TestProducts_Create(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		empty := u.open("/products/new").form("/products")
		invalid := empty.set("produk", " ", "harga", "sepuluh", "pelanggan", "PT Tetap", "id_stage", "1", "deskripsi", "Satu\nDua")
		a := u.submit(invalid, upload{"a.pdf", pdf}).shows(422, "Nothing was saved", `<a href="#produk">Product name is required.</a>`, "Price must be whole rupiah, without decimals, and not negative",
			`aria-invalid="true"`, "Choose all files again")
		if strings.Contains(a.body, "harga must") {
			t.Error("a column name is shown")
		}
		redisplayed := a.form("/products")
		for name, want := range map[string]string{"produk": " ", "harga": "sepuluh", "pelanggan": "PT Tetap", "id_stage": "1", "deskripsi": "Satu\nDua"} {
			if redisplayed.values[name] != want {
				t.Errorf("%s is %q, want %q", name, redisplayed.values[name], want)
			}
		}
		valid := redisplayed.set("produk", "Kopi ☕", "harga", "Rp 1.250.000", "id_segmen", "1", "id_kategori", "1", "tanggal_launch", "2026-05-01")
		u.submit(valid, upload{"tool.exe", "MZ"}).shows(422, "The file tool.exe has an unsupported file type", "Choose all files again", `value="Kopi ☕"`)
		u.submit(valid, upload{"large.txt", strings.Repeat("a", 10<<20+1)}).shows(422, "The file large.txt is larger than 10 MiB")
		large := strings.Repeat("a", 9<<20) // each is accepted, but not all together
		tooMuch := u.submit(valid, upload{"1.txt", large}, upload{"2.txt", large}, upload{"3.txt", large}).shows(422, "The files are larger than 25 MiB in total", "Choose all files again")
		if redisplayed := tooMuch.form("/products"); redisplayed.values["produk"] != "Kopi ☕" || redisplayed.values["deskripsi"] != "Satu\nDua" {
			t.Errorf("kept: %v", redisplayed.values)
		}
		u.submit(valid.set("id_segmen", "999"), upload{"a.pdf", pdf}).shows(422, "does not exist", "999 (not in the list)")
		valid.set("id_segmen", "1")

		before := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_produk")
		created := u.submit(valid, upload{"a.pdf", pdf})
		page := u.follow(created, fmt.Sprintf("/products/%d", kit.One[int](t, u.source, "SELECT max(id) FROM tbl_produk")), "Product created")
		page.shows(200, "Kopi ☕", "Rp\u00a01,250,000", "1 May 2026", "a.pdf", "PT Tetap", "Satu\nDua")
		repeated := u.submit(valid, upload{"a.pdf", pdf}) // a double click
		if got := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_produk"); got != before+1 || repeated.Header.Get("Location") != created.Header.Get("Location") {
			t.Errorf("%d products became %d; %d", before, got, repeated.StatusCode)
		}
		resent := u.submit(valid.set("produk", "Susu"), upload{"a.pdf", pdf}).shows(409, "This form was already sent with other entries").form("/products")
		u.submit(resent).shows(303)
		if got := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_produk"); got != before+2 {
			t.Errorf("%d products became %d", before, got)
		}
	})
}

func TestProducts_Edit(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		exec(t, u.source, "UPDATE tbl_produk SET produk = 'Baris', deskripsi = 'a\nb', id_kategori = NULL, harga = -5 WHERE id = 3")
		u.Command("sync")
		f := u.formAt("/products/3/edit")
		updated := kit.One[string](t, u.source, "SELECT coalesce(CAST(updated_at AS text), '') FROM tbl_produk WHERE id = 3")
		u.follow(u.submit(f), "/products/3", "Nothing to save")
		if got := kit.One[string](t, u.source, "SELECT coalesce(CAST(updated_at AS text), '') FROM tbl_produk WHERE id = 3"); got != updated {
			t.Error("the product was written")
		}
		u.submit(f.set("harga", "-6")).shows(422, `<a href="#harga">`, `value="-6"`)
		u.submit(f.set("harga", "-5", "produk", "")).shows(422, "Product name is required")
		u.follow(u.submit(f.set("produk", "Kolom", "tanggal_stage_start", "2001-02-03", "tanggal_stage_end", "2001-02-03")), "/products/3", "Product saved").shows(200, "Kolom", "3 Feb 2001", "Rp\u00a0-5")
		if kit.One[string](t, u.source, "SELECT deskripsi FROM tbl_produk WHERE id = 3") != "a\nb" {
			t.Error("an untouched description was changed")
		}
		f = u.formAt("/products/3/edit")
		u.submit(f.set("tanggal_stage_start", "2001-02-04")).shows(422, `<a href="#tanggal_stage_end">Planned stage end must not be before the stage start.`)
		u.submit(f.set("version", "")).shows(400)
		u.submit(u.formAt("/products/3/edit").set("produk", "x"), upload{"a.pdf", pdf}).shows(422)
	})
}

// TestProducts_LongDescriptionStaysUnchanged, because no form can hold it.
func TestProducts_LongDescriptionStaysUnchanged(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		before := u.formAt("/products/3/edit")
		exec(t, u.source, "UPDATE tbl_produk SET deskripsi = '"+strings.Repeat("panjang ", 10_000)+"' WHERE id = 3")
		u.Command("sync")
		f := u.open("/products/3/edit").shows(200, "left unchanged: Description").form("/products/3/edit")
		u.follow(u.submit(f.set("produk", "Lain")), "/products/3", "Product saved")
		a := u.submit(before.set("deskripsi", "Pendek", "harga", "7")).shows(412, "Too long to show here", "Pendek")
		theirs := a.form("/products/3/edit").selectRadio("take_deskripsi", "theirs").selectRadio("take_produk", "theirs")
		u.follow(u.submit(theirs), "/products/3", "Product saved").shows(200, "Rp\u00a07", "Lain", "panjang ")
		if got := kit.One[int](t, u.source, "SELECT length(deskripsi) FROM tbl_produk WHERE id = 3"); got != 80_000 {
			t.Errorf("the description has %d characters", got)
		}
	})
}

// TestProducts_ConflictShowsBothVersions of a product that two people change.
func TestProducts_ConflictShowsBothVersions(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		edit := func() form { return u.formAt("/products/2/edit") }
		mine, theirs := edit(), edit()
		u.follow(u.submit(theirs.set("produk", "Nama mereka", "harga", "200", "deskripsi", "Sama")), "/products/2", "Product saved")
		mine = mine.set("produk", "Nama saya", "pelanggan", "Pelanggan saya", "deskripsi", "Sama")
		a := u.submit(mine).shows(412, "This product was changed in the meantime", "Nama saya", "Nama mereka", "Pelanggan saya", "Rp\u00a0200",
			"Only you changed it", "Only someone else changed it", "You and someone else changed it")
		if got := kit.One[string](t, u.source, "SELECT produk FROM tbl_produk WHERE id = 2"); got != "Nama mereka" {
			t.Errorf("the name is %s", got)
		}
		conflict := a.form("/products/2/edit")
		if conflict.values["take_harga"] != "theirs" || conflict.values["take_pelanggan"] != "mine" || conflict.values["take_produk"] != "" || conflict.values["take_deskripsi"] != "" {
			t.Errorf("selected: %v", conflict.values)
		}
		onward := u.submit(conflict.selectRadio("take_produk", "mine").selectRadio("go", "edit")).shows(200).form("/products/2/edit")
		if onward.values["produk"] != "Nama saya" || onward.values["harga"] != "200" || onward.values["pelanggan"] != "Pelanggan saya" {
			t.Errorf("the form continues with %v", onward.values)
		}
		u.follow(u.submit(a.form("/products/2/edit").selectRadio("take_produk", "mine")), "/products/2", "Product saved")
		u.open("/products/2").shows(200, "Nama saya", "Rp\u00a0200", "Pelanggan saya")
		u.follow(u.submit(onward), "/products/2", "Product saved") // without differences

		deletedEdit := edit().set("deskripsi", "Ketikan panjang")
		u.remove("2").shows(303)
		u.submit(deletedEdit).shows(404, "This product was deleted in the meantime", "Ketikan panjang")
	})
}

func TestProducts_DeleteAsksAgainAfterAChange(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		u.submit(u.open("/products/4").form("/products/4/attachments"), upload{"a.pdf", pdf}, upload{"b.txt", "b"}).shows(303)
		u.submit(u.open("/products/4").form("/products/4/transitions").set("stage_now", u.otherStage("4"))).shows(303)
		transitions := kit.One[int](t, u.source, "SELECT count(*) FROM tbl_stage_histori WHERE id_produk = 4")
		ask := u.open("/products/4/delete").shows(200, fmt.Sprintf("with %d stage history record", transitions), "and 2 files", "can be restored for 90 days")
		u.submit(u.formAt("/products/4/edit").set("produk", "Lain")).shows(303)
		changed := u.submit(ask.form("/products/4/delete")).shows(412, "It has been changed since you opened this page", "Delete Lain?")
		u.follow(u.submit(changed.form("/products/4/delete")), "/products", "Product deleted")
		for _, page := range []string{"/products/4", "/products/4/edit", "/products/4/delete"} {
			u.get(page).shows(404, "Page not found")
		}
	})
}

// stage returns the name of a stage.
func (u *user) stage(id string) string {
	u.Helper()
	return kit.One[string](u, u.source, "SELECT stage FROM tbl_stage WHERE id = "+id)
}

// otherStage returns a stage that a product is not in.
func (u *user) otherStage(id string) string {
	u.Helper()
	return fmt.Sprint(kit.One[int](u, u.source, "SELECT min(s.id) FROM tbl_stage s, tbl_produk p WHERE p.id = "+id+" AND s.id <> coalesce(p.id_stage, 0)"))
}

func TestProducts_AddAndDeleteFiles(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		f := u.open("/products/5").form("/products/5/attachments")
		u.submit(f).shows(422, "No file was added", "The form has no files")
		u.submit(f, upload{"a.pdf", pdf}, upload{"b.pdf", "<html>"}).shows(422, "The content of the file b.pdf does not match its name", "Choose all files again")
		u.follow(u.submit(f, upload{"a b.pdf", pdf}, upload{"<b>.txt", "b"}), "/products/5", "Files added").shows(200, "a b.pdf", "_b_.txt", "PDF", "2")
		u.submit(f, upload{"a b.pdf", pdf}, upload{"<b>.txt", "b"}).shows(303) // a double click
		if got := len(regexp.MustCompile(`/products/5/attachments/\d+/delete`).FindAllString(u.open("/products/5").body, -1)); got != 2 {
			t.Errorf("%d files", got)
		}

		body, kind := u.open("/products/5").form("/products/5/attachments").body(upload{"c.txt", "c"})
		if a := u.send(http.MethodPost, "/products/5/attachments", body, "Content-Type", kind, "Accept", "application/json").shows(201, `"success":true`); a.Header.Get("Set-Cookie") == "" {
			t.Error("no notice for the page that the script loads")
		}
		body, kind = f.body(upload{"c.exe", "c"})
		u.send(http.MethodPost, "/products/5/attachments", body, "Content-Type", kind, "Accept", "application/json").shows(415, `"message":"The file c.exe has an unsupported file type`)

		remove := regexp.MustCompile(`/products/5/attachments/\d+/delete`).FindString(u.open("/products/5").body)
		ask := u.open(remove).shows(200, "Delete a b.pdf?", "a b.pdf")
		u.follow(u.submit(ask.form(remove)), "/products/5", "File deleted")
		u.submit(ask.form(remove)).shows(404)
		u.get("/products/5/attachments/x/delete").shows(400)
		u.get("/products/99999").shows(404)
	})
}

// TestProducts_OfferOnlyWhatTheRoleMayDo, and refuse the rest.
func TestProducts_OfferOnlyWhatTheRoleMayDo(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	roles := []*user{u.signedIn("Staff"), u.signedIn("Project Manager"), u.signedIn("Admin")}
	for role, user := range roles {
		list, product := user.open("/products").body, user.open("/products/1").body
		for _, c := range []struct {
			page, offer string
			least       int
		}{
			{list, `/products/new"`, 1}, {list, `/products/selected/move"`, 1}, {list, `/products/selected/export.xlsx"`, 0}, {product, `/edit"`, 1}, {product, `<form method="post" action="/products/`, 1}, {product, `/delete"`, 2}, {product, `/sync/changes`, 2},
			{list, `/delete"`, 3}, {list, `/sync/changes`, 3},
		} {
			if got := strings.Contains(c.page, c.offer); got != (role >= c.least) {
				t.Errorf("role %d is offered %s: %t", role, c.offer, got)
			}
		}
	}
	for path, least := range map[string]int{
		"POST /products": 1, "POST /products/1/edit": 1, "POST /products/1/transitions": 1, "POST /products/1/attachments": 1, "POST /products/1/delete": 2,
		"POST /products/1/attachments/1/delete": 1, "POST /products/selected/move": 1, "POST /products/selected/edit": 1, "POST /products/bulk/move": 1, "POST /products/bulk/edit": 1,
		"GET /products/new": 1, "GET /products/1/edit": 1, "GET /products/1/delete": 2,
	} {
		method, target, _ := strings.Cut(path, " ")
		for role, user := range roles {
			a := user.send(method, target, nil, "Content-Type", "application/x-www-form-urlencoded")
			if (a.StatusCode == http.StatusForbidden) != (role < least) {
				t.Errorf("%s with role %d: %d", path, role, a.StatusCode)
			}
		}
	}
}

// TestProducts_PendingWritesSaySo and lead to an existing page.
func TestProducts_PendingWritesSaySo(t *testing.T) {
	t.Parallel()
	u := boot(t, testdb.Postgres, 20, 12, nil)
	exec(t, u.target, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'`,
		`CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON tbl_produk_lifecycle FOR EACH ROW EXECUTE FUNCTION refuse()`)
	f := u.open("/products/new").form("/products").set("produk", "Nanti", "id_segmen", "1", "id_stage", "1", "id_kategori", "1")
	u.follow(u.submit(f), "/products", "Product created. The console shows it after the next sync.")
	e := u.formAt("/products/1/edit").set("produk", "Nanti juga")
	u.follow(u.submit(e), "/products/1", "Product saved. The console shows it after the next sync.")
	u.submit(u.formAt("/products/1/edit").set("produk", "Lain")).shows(412, "Nanti juga", "Lain")
	u.follow(u.remove("2"), "/products", "Product deleted, with its stage history and files. It can be restored for 90 days. The console shows it after the next sync.")
}

// TestProducts_FormsKeepEntriesAfterServerErrors of the database.
func TestProducts_FormsKeepEntriesAfterServerErrors(t *testing.T) {
	t.Parallel()
	u := boot(t, testdb.Postgres, 20, 12, nil)
	create := u.open("/products/new").form("/products").set("produk", "Tetap", "id_segmen", "1", "id_stage", "1", "id_kategori", "1")
	edit := u.formAt("/products/1/edit").set("produk", "Tetap juga")
	move := u.open("/products/1").form("/products/1/transitions").set("stage_now", u.otherStage("1"), "catatan", "Tetap pula")
	exec(t, u.source, "ALTER TABLE tbl_produk RENAME TO hidden")
	for text, f := range map[string]form{"Tetap": create, "Tetap juga": edit, "Tetap pula": move} {
		a := u.submit(f).shows(500, "It may not have been saved", "Your entries are still here", text, "<title>Error: ")
		for name, value := range f.values {
			if got := a.form(f.action).values[name]; got != value {
				t.Errorf("%s: %s is %q, was %q", f.action, name, got, value)
			}
		}
	}
	exec(t, u.source, "ALTER TABLE hidden RENAME TO tbl_produk")
	u.submit(create).shows(303)
}

package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/test/kit/testdb"
)

var tableHeads = regexp.MustCompile(`<th scope="col"[^>]*>(?:<a [^>]*>)?([^<]*?)(?: <span[^>]*>.</span>)?(?:</a>)?</th>`)

// heads are the headings of the page's table.
func heads(a response) (names []string) {
	for _, m := range tableHeads.FindAllStringSubmatch(a.body, -1) {
		names = append(names, m[1])
	}
	return names
}

// current is the name of the view that the page shows.
func current(a response) string {
	if m := regexp.MustCompile(`aria-current="page"><bdi>([^<]*)</bdi>`).FindStringSubmatch(a.body); m != nil {
		return m[1]
	}
	return ""
}

// TestViews_OpenSaveShareAndDelete as a manager, while a reader sees what is shared only.
func TestViews_OpenSaveShareAndDelete(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, databaseURL func(testing.TB) string) {
		t.Parallel()
		guest := boot(t, databaseURL, 20, 12, []string{
			"UPDATE tbl_produk SET tanggal_stage_end = '2020-01-31', id_stage = 1 + id % 3 WHERE id < 10", "UPDATE tbl_produk SET harga = NULL WHERE id IN (4, 14)",
		}, "AUTH_JWT_SECRET="+secret)
		u, staff := guest.signedIn("Project Manager"), guest.signedIn("Staff")

		for id, query := range map[string]string{"-1": "overdue=true&sort=tanggal_stage_end", "-2": "dueWithin=90&sort=tanggal_stage_end", "-3": "missing=price", "-4": "launchWithin=nextQuarter&sort=tanggal_launch"} {
			saved, plain := u.open("/products?limit=100&saved="+id), u.open("/products?limit=100&"+query)
			if got, want := listedIDs(saved), listedIDs(plain); !slices.Equal(got, want) || current(saved) == "" || current(saved) != current(plain) {
				t.Errorf("view %s shows %v as %q, %s shows %v as %q", id, got, current(saved), query, want, current(plain))
			}
			if strings.Contains(saved.body, "saved="+id+"&") || strings.Contains(saved.body, "Edit view") {
				t.Errorf("view %s: %s", id, saved.body)
			}
		}
		if got := current(u.open("/products?view=table")); got != "All products" {
			t.Errorf("without filters: %q", got)
		}
		overdue := u.open("/products?saved=-1").shows(200, `<option value="true" selected>Overdue`, "Planned stage end: Overdue", `href="/products?sort=tanggal_stage_end"`)
		if len(listedIDs(overdue)) < 5 {
			t.Errorf("overdue: %v", listedIDs(overdue))
		}
		narrowed := u.open("/products?saved=-1&stageId=2&view=table&sort=id").shows(200, "Save this view")
		if got, want := listedIDs(narrowed), listedIDs(u.open("/products?overdue=true&stageId=2&sort=id&view=table")); !slices.Equal(got, want) || len(got) == 0 || current(narrowed) != "" {
			t.Errorf("a view with another filter shows %v as %q, want %v", got, current(narrowed), want)
		}
		u.get("/products?saved=77").shows(http.StatusNotFound, "View 77 does not exist.")
		u.get("/products?saved=x").shows(http.StatusUnprocessableEntity, "Saved view must be the id of a saved view.")
		u.get("/products?columns=nama").shows(http.StatusUnprocessableEntity, "Columns must be one of")

		// Save what the list shows.
		const address = "/views/new?sort=-harga&stageId=2"
		u.open("/products?stageId=2&sort=-harga&view=table&limit=10").shows(200, `href="/views/new?sort=-harga&amp;stageId=2">Save this view`)
		f := u.open(address).shows(200, "Stage: ", "Order: Price, highest first").form("/views")
		u.submit(f.set("name", "  ")).shows(http.StatusUnprocessableEntity, "Name is required.", "Price, highest first")
		f = f.set("name", "Growth <by> price").selectRadio("column_harga", "on").selectRadio("column_stage", "on")
		a := u.submit(f)
		saved := a.Header.Get("Location")
		if got := u.submit(f).Header.Get("Location"); got != saved {
			t.Errorf("sent again, the form leads to %q instead of %q", got, saved)
		}
		opened := u.follow(a, saved, "View saved.").shows(200, "Edit view", "/products?columns=stage%2Charga&amp;sort=harga&amp;stageId=2&amp;view=table", "export.csv?sort=-harga&amp;stageId=2\"")
		if got := heads(opened); !slices.Equal(got, []string{"Product", "Stage", "Price"}) || current(opened) != "Growth &lt;by&gt; price" {
			t.Errorf("the view %q has the columns %q", current(opened), got)
		}
		if got := heads(u.open("/products?columns=attachments_count,updated_at,id&view=table")); !slices.Equal(got, []string{"Product", "Files", "Updated", "ID"}) {
			t.Errorf("chosen columns: %q", got)
		}
		u.submit(u.open("/views/new?overdue=true").form("/views").set("name", "Growth <by> price")).shows(http.StatusConflict, "already exists", `value="Growth &lt;by&gt; price"`)

		// Only its owner sees it, until it is shared.
		id := strings.TrimPrefix(saved, "/products?saved=")
		edit := "/views/" + id + "/edit"
		for _, page := range []string{"/products?stageId=2", "/products"} {
			u.open(page).shows(200, "Growth &lt;by&gt; price")
			staff.open(page).lacks("Growth &lt;by&gt; price")
		}
		staff.get(saved).shows(http.StatusNotFound)
		staff.get(edit).shows(http.StatusNotFound)
		share := u.formAt(edit)
		if share.values["column_harga"] != "on" || share.values["column_id"] != "" || share.values["name"] != "Growth <by> price" {
			t.Errorf("the form has %v", share.values)
		}
		u.follow(u.submit(share.set("name", "Growth").selectRadio("shared", "on").selectRadio("column_id", "on")), saved, "View saved.")
		seen := staff.open(saved).shows(200, "<bdi>Growth</bdi>").lacks("Edit view")
		if got := heads(seen); !slices.Equal(got, []string{"Product", "Stage", "Price", "ID"}) {
			t.Errorf("the shared view has the columns %q", got)
		}
		staff.get(edit).shows(http.StatusForbidden, "can change this view.")
		staff.get("/views/" + id + "/delete").shows(http.StatusForbidden)
		staff.post("/views/"+id+"/delete", url.Values{}).shows(http.StatusForbidden)

		// A reader has personal views, and cannot share them.
		own := staff.open("/views/new?missing=price").lacks("Share with everyone").form("/views").set("name", "Growth")
		staff.submit(own.selectRadio("shared", "on")).shows(http.StatusForbidden, "Only Project Managers and Admins can share views.")
		delete(own.values, "shared")
		if got := staff.submit(own); !strings.HasPrefix(got.Header.Get("Location"), "/products?saved=") {
			t.Errorf("a reader's view: %d %s", got.StatusCode, got.body)
		}

		deletion := u.open("/views/"+id+"/delete").shows(200, "Delete view Growth?", "for everyone").form("/views/" + id + "/delete")
		u.follow(u.submit(deletion), "/products", "View deleted.").lacks("<bdi>Growth</bdi>")
		staff.get(saved).shows(http.StatusNotFound)
		u.get(edit).shows(http.StatusNotFound)
		staff.open("/products").shows(200, "<bdi>Growth</bdi>")
		guest.signedIn("Officer").open("/products").lacks("<bdi>Growth</bdi>") // another reader at the same address
	})
}

// TestProductList_ShowsDaysLeft next to the planned stage end.
func TestProductList_ShowsDaysLeft(t *testing.T) {
	t.Parallel()
	day := func(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format(time.DateOnly) }
	u := boot(t, testdb.SQLite, 6, 1, []string{
		"UPDATE tbl_produk SET id_stage = 2, tanggal_stage_end = NULL", "UPDATE tbl_produk SET tanggal_stage_end = '" + day(0) + "' WHERE id = 1", "UPDATE tbl_produk SET tanggal_stage_end = '" + day(1) + "' WHERE id = 2",
		"UPDATE tbl_produk SET tanggal_stage_end = '" + day(90) + "' WHERE id = 3", "UPDATE tbl_produk SET tanggal_stage_end = '" + day(-1) + "' WHERE id = 4", "UPDATE tbl_produk SET tanggal_stage_end = '" + day(5) + "', id_stage = 4 WHERE id = 5",
	}, "TIMEZONE=UTC")
	for _, view := range []string{"cards", "table"} {
		a := u.open("/products?view="+view).shows(200, ">due today</span>", ">1 day left</span>", ">90 days left</span>", `<span class="mark">Overdue</span>`)
		if n := strings.Count(a.body, " left</span>") + strings.Count(a.body, ">due today</span>") + strings.Count(a.body, ">Overdue</span>"); n != 4 && day(0) == time.Now().UTC().Format(time.DateOnly) {
			t.Errorf("%s: %d notes", view, n)
		}
	}
}

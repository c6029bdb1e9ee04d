package browser_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

// actions counts what a person does in a page: clicks, choices and selections of files. Typing does not count.
type actions struct {
	*page

	n int
}

func (a *actions) click(role, name string) {
	a.Helper()
	a.n++
	a.page.click(role, name)
}

func (a *actions) choose(label, option string) {
	a.Helper()
	a.n++
	a.page.choose(label, option)
}

func (a *actions) attach(label, name, content string) {
	a.Helper()
	a.n++
	a.page.attach(label, name, content)
}

// takes fails the test if there were more actions since the last call.
func (a *actions) takes(task string, limit int) {
	a.Helper()
	if a.n > limit {
		a.Errorf("%s takes %d actions, want at most %d", task, a.n, limit)
	}
	a.n = 0
}

// TestTasks_TakeFewActions counts the actions of frequent tasks of officers, from the overview.
func TestTasks_TakeFewActions(t *testing.T) {
	t.Parallel()
	s := demoSite(t, withTokens...)
	s.exec(s.source, `UPDATE tbl_produk SET produk = 'Lambat ' || id, tanggal_stage_end = '2025-01-02', id_stage = (SELECT id FROM tbl_stage WHERE stage = 'Growth'),
		id_segmen = (SELECT id FROM tbl_segmen WHERE segmen = 'Distribusi') WHERE id IN (5, 6, 7)`)
	s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id_produk IN (5, 6, 7)") // the newest record would name another stage
	s.Command("sync")
	inCell := kit.One[int](t, s.source, `SELECT count(*) FROM tbl_produk p JOIN tbl_stage s ON s.id = p.id_stage JOIN tbl_segmen m ON m.id = p.id_segmen
		WHERE stage = 'Growth' AND segmen = 'Distribusi'`)
	status, err := kit.Status(http.MethodPut, "http://"+s.Address+"/api/product-lifecycle/products/9", strings.NewReader(`{"pelanggan": "PT Rekan"}`),
		"Authorization", "Bearer "+s.Token("Admin"), "Content-Type", "application/json")
	if err != nil || status != http.StatusOK {
		t.Fatalf("%d (%v)", status, err)
	}

	a := &actions{page: browse(t, s.Address, viewer{})}
	a.open("/")
	a.fill("Token", s.Token("Project Manager"))
	a.page.click("button", "Sign in")
	a.wantPath("/")

	a.click("link", fmt.Sprintf("%d products: Distribusi, Growth", inCell))
	a.choose("Planned stage end", "Overdue")
	a.click("button", "Filter")
	for _, id := range []int{5, 6, 7} {
		a.click("checkbox", fmt.Sprintf("Select Lambat %d", id))
	}
	a.click("button", "Move")
	a.choose("New stage (required)", "Maturity")
	a.fill("Note", "Naik kelas")
	a.attach("Files", "keputusan.pdf", pdf)
	a.click("button", "Move 3 products")
	a.wantTexts("3 products moved to Maturity.")
	a.takes("moving three overdue products", 12)
	files := func() int {
		return kit.One[int](t, s.target, "SELECT count(*) FROM lifecycle_attachments WHERE state = 'stored' AND removed_at IS NULL AND id_produk IN (5, 6, 7)")
	}
	if records := kit.One[int](t, s.source, "SELECT count(*) FROM tbl_stage_histori WHERE catatan = 'Naik kelas'"); records != 3 || files() != 3 {
		t.Errorf("%d records and %d files", records, files())
	}

	a.click("button", "Undo")
	a.wantTexts("Undone.")
	a.takes("an undo", 1)
	if records := kit.One[int](t, s.source, "SELECT count(*) FROM tbl_stage_histori WHERE catatan = 'Naik kelas'"); records != 0 || files() != 0 {
		t.Errorf("%d records and %d files after the undo", records, files())
	}

	a.open("/")
	a.n++
	a.within("nav[aria-label=Main]").click("link", "Activity")
	a.click("link", "test of Admin")
	a.click("link", "Last 7 days")
	a.wantPath("/activity?*since=*")
	a.wantTexts("PT Rekan")
	a.takes("what a colleague changed last week", 3)
	if who := a.texts("tbody td:nth-child(2) a"); !slices.Equal(who, []string{"test of Admin"}) {
		t.Errorf("the list has activities of %q", who)
	}

	read, err := kit.NewRequest(http.MethodGet, "http://"+s.Address+"/api/product-lifecycle/products/export.csv?sort=id", nil, "Authorization", "Bearer "+s.Token("Admin"), "Accept-Language", "en")
	if err != nil {
		t.Fatal(err)
	}
	_, exported, err := kit.Send(read) //nolint:bodyclose // Send has closed it
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(exported, []byte("\ufeff")))).ReadAll()
	if err != nil || len(lines) < 41 {
		t.Fatalf("%d lines (%v)", len(lines), err)
	}
	var sheet strings.Builder
	price := slices.Index(lines[0], "Price")
	for i := range lines[1:41] {
		lines[i+1][price] = "Rp 7.000.001"
	}
	if err := csv.NewWriter(&sheet).WriteAll(lines[:41]); err != nil {
		t.Fatal(err)
	}
	a.open("/")
	a.n++
	a.within("nav[aria-label=Main]").click("link", "Products")
	a.click("link", "Import")
	a.attach("File", "harga.csv", sheet.String())
	a.click("button", "Show changes")
	a.click("button", "Apply 40 changes")
	a.wantTexts("40 products imported.")
	a.takes("applying 40 prices from a sheet", 6)
	if n := kit.One[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE harga = 7000001"); n != 40 {
		t.Errorf("%d prices were changed", n)
	}
}

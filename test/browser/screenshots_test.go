package browser_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var screenshots = flag.String("screenshots", "", "the folder for pictures of every page; without it, none are made")

// pictured are the pages of which pictures are made, besides the sign-in form and the page for an unknown address.
var pictured = []string{
	"/", "/products", "/products?view=table", "/products?saved=-1&priceFrom=1000000", "/views/new?overdue=true", "/products/new", "/products/1", "/products/1/edit", "/products/1/delete", "/stage-history", "/stage-history/matrix",
	"/stage-history/1/edit", "/stage-history/1/delete",
	"/sync", "/sync/runs", "/sync/runs/1", "/sync/runs/2", "/sync/runs/1/cancel",
	"/sync/quarantine", "/sync/changes", "/sync/changes?table=tbl_produk&id=1", "/sync/doctor",
}

// picturedRuns are the runs of makeRuns.
var picturedRuns = []string{"/sync/runs/3", "/sync/runs/4", "/sync/runs/5", "/sync/runs/6"}

// makeRuns creates a run that changed rows, a verification that found differences, a dry run, a run that failed, and one that
// the guard stopped.
func (s *site) makeRuns(t testing.TB) {
	t.Helper()
	s.exec(s.source, "UPDATE tbl_produk SET harga = 1250000, deskripsi = 'Changed for the picture' WHERE id = 1")
	s.exec(s.source, "UPDATE tbl_produk SET id_stage = 99 WHERE id = 2")
	s.Command("sync")
	p := browse(t, s.Address, viewer{})
	run := func(button, words string) {
		p.startRun(button)
		p.awaitEnd(words)
	}
	s.exec(s.target, "UPDATE tbl_produk_lifecycle SET harga = 1 WHERE id = 4")
	run("Verify", "1 row of the copy differs")
	s.exec(s.source, "UPDATE tbl_produk SET produk = 'Shown before it is done', pelanggan = NULL WHERE id = 5")
	s.exec(s.source, "DELETE FROM tbl_stage_histori WHERE id = 7")
	run("Dry run", "A full run would make these changes")
	s.exec(s.source, "ALTER TABLE tbl_produk RENAME COLUMN harga TO price")
	run("Full run", "The run failed")
	s.exec(s.source, "ALTER TABLE tbl_produk RENAME COLUMN price TO harga")
	s.exec(s.source, "CREATE TABLE kept AS SELECT * FROM tbl_stage_histori")
	s.exec(s.source, "DELETE FROM tbl_stage_histori")
	run("Incremental run", "The run failed")
	s.exec(s.source, "INSERT INTO tbl_stage_histori SELECT * FROM kept")
	run("Full run", "The run succeeded")
}

// TestScreenshots makes the pictures of make screenshots.
func TestScreenshots(t *testing.T) {
	t.Parallel()
	if *screenshots == "" {
		t.Skip("no -screenshots: run make screenshots")
	}
	if err := os.MkdirAll(*screenshots, 0o755); err != nil {
		t.Fatal(err)
	}
	s := demoSite(t)
	s.makeRuns(t)
	signIn := demoSite(t, withTokens...)
	for name, v := range map[string]viewer{"light": {}, "dark": {dark: true}, "phone": {phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			keep := func(p *page, what string) { p.picture(filepath.Join(*screenshots, fileOf(what)+"-"+name+".png")) }
			take := func(p *page, path string) {
				p.open(path)
				keep(p, path)
			}
			p := browse(t, s.Address, v)
			for _, path := range slices.Concat(pictured, picturedRuns) {
				take(p, path)
			}
			p.open("/products/3/edit")
			s.exec(s.source, "UPDATE tbl_produk SET harga = coalesce(harga, 0) + 1 WHERE id = 3")
			p.fill("Product name (required)", "A name that came too late")
			p.expectStatus(http.StatusPreconditionFailed)
			p.click("button", "Save")
			p.shows("heading", "This product was changed in the meantime")
			keep(p, "products/3/conflict")
			p.expectStatus(http.StatusNotFound)
			take(p, "/nothing")
			take(newWindow(t, signIn.Address, v), "/sign-in")
		})
	}
}

// fileOf returns a path as a file name.
func fileOf(path string) string {
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(path, "-"), "-")
	if name == "" {
		return "overview"
	}
	return name
}

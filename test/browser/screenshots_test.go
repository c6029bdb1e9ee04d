package browser_test

import (
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var screenshots = flag.String("screenshots", "", "the folder that takes pictures of every page; none are made without")

// pictured are the pages of which pictures are made, besides the form to sign in and that of an address where nothing is.
var pictured = []string{
	"/", "/products", "/products?view=table", "/products/new", "/products/1", "/products/1/edit", "/products/1/delete", "/stage-history", "/stage-history/matrix",
	"/stage-history/1/edit", "/stage-history/1/delete",
	"/sync", "/sync/runs", "/sync/runs/1", "/sync/quarantine", "/sync/changes?table=tbl_produk&id=1", "/sync/doctor",
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
	s.exec(s.source, "UPDATE tbl_produk SET harga = 1250000, deskripsi = 'Changed for the picture' WHERE id = 1")
	s.exec(s.source, "UPDATE tbl_produk SET id_stage = 99 WHERE id = 2")
	s.command("sync")
	signIn := demoSite(t, withTokens...)
	for name, v := range map[string]viewer{"light": {}, "dark": {dark: true}, "phone": {phone: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			take := func(p *page, path string) {
				p.open(path)
				p.picture(filepath.Join(*screenshots, fileOf(path)+"-"+name+".png"))
			}
			p := browse(t, s.address, v)
			for _, path := range pictured {
				take(p, path)
			}
			p.refused(http.StatusNotFound)
			take(p, "/nothing")
			take(newWindow(t, signIn.address, v), "/sign-in")
		})
	}
}

// fileOf is a path as the name of a file.
func fileOf(path string) string {
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(path, "-"), "-")
	if name == "" {
		return "overview"
	}
	return name
}

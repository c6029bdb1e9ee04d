package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/models"
)

// TestAttachments_BelongToAProductNotToANumber deletes products, by the API and in lifecycle_db. Others get their ids, and the first
// return.
func TestAttachments_BelongToAProductNotToANumber(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		s.eachDeletion(func(path string, f models.Attachment, remove func()) {
			inserted := 0
			insert := func(createdAt string) {
				t.Helper()
				inserted++
				exec(t, s.source, fmt.Sprintf("DELETE FROM tbl_produk WHERE id = %d", f.ProductID))
				exec(t, s.source, fmt.Sprintf("INSERT INTO tbl_produk (id, produk, created_at) %s VALUES (%d, 'again %d', %s)",
					map[bool]string{true: "OVERRIDING SYSTEM VALUE"}[s.onPostgres()], f.ProductID, inserted, createdAt))
				s.Command("sync")
				s.Eventually("mirrored", func() bool {
					return strings.Contains(string(s.do(http.MethodGet, base+path, nil).body), fmt.Sprint("again ", inserted))
				})
			}
			createdAt := queryOne[string](t, s.source, fmt.Sprintf("SELECT created_at FROM tbl_produk WHERE id = %d", f.ProductID))
			remove()
			s.Eventually("deleted", func() bool { return s.do(http.MethodGet, base+path, nil).StatusCode == http.StatusNotFound })
			s.do(http.MethodGet, f.Path, nil).want(t, http.StatusNotFound, "not_found")
			for _, other := range []string{"'2024-01-01T00:00:00Z'", "NULL"} {
				insert(other)
				got := decode[product](t, s.get(path))
				if len(got.Attachments) > 0 || got.AttachmentsCount > 0 || len(decode[[]models.Attachment](t, s.get(path+"/attachments"))) > 0 {
					t.Errorf("created at %s: %+v", other, got)
				}
				s.do(http.MethodGet, f.Path, nil).want(t, http.StatusNotFound, "not_found")
				s.do(http.MethodDelete, address(f), nil).want(t, http.StatusNotFound, "not_found")
				if csv := string(s.get("/products/export.csv?search=again").body); !strings.Contains(csv, ",0\r\n") {
					t.Errorf("exported as %s", csv)
				}
			}
			insert("'" + createdAt + "'")
			if got := decode[product](t, s.get(path)); len(got.Attachments) != 1 || got.AttachmentsCount != 1 {
				t.Errorf("returned as %+v", got)
			}
			s.wantDownload(f, pdf, `inline; filename="a.pdf"`)
			s.do(http.MethodDelete, base+path, nil).want(t, http.StatusOK)
		})
		s.wantFiles(0)
	})
}

// TestAttachments_UploadAfterTheIDWasReused uploads files for a product that lifecycle_db has replaced and then deleted since the last run.
func TestAttachments_UploadAfterTheIDWasReused(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		upload := func(status int, code string) {
			t.Helper()
			s.upload(http.MethodPost, "/products/3/attachments", nil, []file{{"a.txt", "x"}}).want(t, status, code)
		}
		before := queryOne[string](t, s.target, "SELECT produk FROM tbl_produk_lifecycle WHERE id = 3")
		exec(t, s.source, "UPDATE tbl_produk SET produk = 'another', created_at = '2024-01-02T00:00:00Z' WHERE id = 3")
		if got := decode[product](t, s.get("/products/3")); got.Name == nil || *got.Name != before {
			t.Errorf("already mirrored: %+v", got)
		}
		upload(http.StatusConflict, "conflict")
		s.wantFiles(0)
		if got := decode[product](t, s.get("/products/3")); got.Name == nil || *got.Name != "another" {
			t.Errorf("after the conflict: %+v", got)
		}
		s.upload(http.MethodPost, "/products/3/attachments", nil, []file{{"a.txt", "x"}}).want(t, http.StatusCreated)
		s.wantFiles(1)
		exec(t, s.source, "UPDATE tbl_produk SET created_at = NULL WHERE id = 3")
		upload(http.StatusConflict, "conflict")
		exec(t, s.source, "DELETE FROM tbl_produk WHERE id = 3")
		upload(http.StatusNotFound, "not_found")
		exec(t, s.source, "ALTER TABLE tbl_produk RENAME TO missing")
		s.upload(http.MethodPost, "/products/3/attachments", nil, []file{{"a.txt", "x"}}).want(t, http.StatusCreated)
	})
}

// eachDeletion calls fn with a new product's path, its file, and a function that deletes it.
func (s *site) eachDeletion(fn func(path string, f models.Attachment, remove func())) {
	s.t.Helper()
	for name, remove := range map[string]func(path string, id int64){
		"API": func(path string, _ int64) { s.do(http.MethodDelete, base+path, nil).want(s.t, http.StatusOK) },
		"run": func(_ string, id int64) {
			exec(s.t, s.source, fmt.Sprintf("DELETE FROM tbl_produk WHERE id = %d", id))
			s.Command("sync")
		},
	} {
		created := decode[product](s.t, s.upload(http.MethodPost, "/products", newProduct("by "+name), []file{{"a.pdf", pdf}}).want(s.t, http.StatusCreated))
		path := fmt.Sprintf("/products/%d", created.ID)
		fn(path, decode[[]models.Attachment](s.t, s.get(path+"/attachments"))[0], func() { remove(path, created.ID) })
	}
}

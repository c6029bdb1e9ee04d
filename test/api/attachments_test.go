package api_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/app"
	"lifecycle-sync/models"
	"lifecycle-sync/repositories/files"
	"lifecycle-sync/test/kit/testdb"
	"lifecycle-sync/test/kit/testfiles"
)

const pdf = "%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<</Type/Catalog>>\nendobj\n%%EOF\n"

// file is a file to upload.
type file struct{ name, content string }

// withFiles returns a form with fields and files, and its content type.
func withFiles(fields map[string]string, list ...file) (io.Reader, string) {
	var buf bytes.Buffer // writing to it never fails
	w := multipart.NewWriter(&buf)
	for name, value := range fields {
		_ = w.WriteField(name, value)
	}
	for _, f := range list {
		part, _ := w.CreateFormFile("files", f.name)
		_, _ = io.WriteString(part, f.content)
	}
	_ = w.Close()
	return &buf, w.FormDataContentType()
}

// upload sends files to a path.
func (s *site) upload(method, path string, fields map[string]string, list []file, headers ...string) apiResponse {
	s.t.Helper()
	body, kind := withFiles(fields, list...)
	return s.do(method, base+path, body, append(headers, "Content-Type", kind)...)
}

// contents returns the keys of all stored file contents, finished or not.
func (s *site) contents() (keys []string) {
	s.t.Helper()
	cfg, err := app.LoadConfig("none", s.Environ)
	if err != nil {
		s.t.Fatal(err)
	}
	store, err := files.Open(cfg.UploadsURL)
	if err != nil {
		s.t.Fatal(err)
	}
	for key, err := range store.Old(s.t.Context(), time.Now().Add(time.Hour)) {
		if err != nil {
			s.t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys
}

// wantFiles wants a number of stored attachments of existing products, without removed ones. Each attachment has its content.
func (s *site) wantFiles(want int) {
	s.t.Helper()
	rows, stored := queryOne[int](s.t, s.target, "SELECT count(*) FROM lifecycle_attachments"), queryOne[int](s.t, s.target, "SELECT count(*) FROM lifecycle_attachments WHERE state = 'stored' AND closed_at IS NULL AND removed_at IS NULL")
	if keys := s.contents(); stored != want || len(keys) != rows {
		s.t.Errorf("%d of %d rows, %d contents, want %d", stored, rows, len(keys), want)
	}
}

func newProduct(name string) map[string]string {
	return map[string]string{"produk": name, "id_kategori": "1", "id_segmen": "1", "id_stage": "1", "harga": "", "deskripsi": ""}
}

func TestProducts_CreateStoresFiles(t *testing.T) {
	t.Parallel()
	scenario := func(t *testing.T, s *site) {
		a := s.upload(http.MethodPost, "/products", newProduct("with files"), []file{{"../../spek é.pdf", pdf}, {"note.txt", "x"}}).want(t, http.StatusCreated)
		created := decode[product](t, a)
		path := fmt.Sprintf("/products/%d", created.ID)
		if created.AttachmentsCount != 2 {
			t.Errorf("created: %s", a.body)
		}
		s.wantFiles(2)
		if listed := decode[[]product](t, s.get("/products")); listed[0].ID != created.ID || listed[0].AttachmentsCount != 2 || listed[1].AttachmentsCount != 0 {
			t.Errorf("listed as %+v", listed[:2])
		}
		detail := s.get(path)
		list := s.get(path + "/attachments")
		got := decode[[]models.Attachment](t, list)
		if !slices.EqualFunc(got, decode[product](t, detail).Attachments, func(a, b models.Attachment) bool { return a.ID == b.ID }) || len(got) != 2 {
			t.Fatalf("%s and %s", list.body, detail.body)
		}
		f := got[0]
		if f.ProductID != created.ID || f.Name != "spek é.pdf" || f.Type != "application/pdf" || f.Size != int64(len(pdf)) || len(f.SHA256) != 64 || !strings.HasPrefix(f.Path, address(f)+"?") || f.Path != f.DownloadURL {
			t.Errorf("%+v", f)
		}

		s.wantDownload(f, pdf, `inline; filename="spek _.pdf"; filename*=UTF-8''spek%20%C3%A9.pdf`)
		s.wantDownload(got[1], "x", `attachment; filename="note.txt"`)

		more := s.upload(http.MethodPost, path+"/attachments", nil, []file{{"more.txt", "more"}}).want(t, http.StatusCreated)
		added := decode[[]models.Attachment](t, more)
		if len(added) != 1 || added[0].Name != "more.txt" || added[0].Path == "" {
			t.Errorf("added %s", more.body)
		}
		s.upload(http.MethodPut, path, map[string]string{"produk": "renamed"}, []file{{"put.txt", "put"}}).want(t, http.StatusOK)
		s.wantFiles(4)
		if again := s.get(path + "/attachments"); len(decode[[]models.Attachment](t, again)) != 4 || again.Header.Get("ETag") == list.Header.Get("ETag") {
			t.Errorf("%s", again.body)
		}

		deleted := s.do(http.MethodDelete, address(added[0]), nil).want(t, http.StatusOK)
		if file := decode[models.Attachment](t, deleted); file.ID != added[0].ID || file.Name != "more.txt" {
			t.Errorf("deleted %s", deleted.body)
		}
		s.do(http.MethodDelete, address(added[0]), nil).want(t, http.StatusNotFound, "not_found")
		s.do(http.MethodGet, added[0].Path, nil).want(t, http.StatusNotFound, "not_found")
		s.wantFiles(3)

		s.do(http.MethodDelete, base+path, nil).want(t, http.StatusOK)
		s.wantFiles(0)
		if kept := s.contents(); len(kept) != 4 {
			t.Errorf("%d contents are kept, for undoing the removal and for the product's return", len(kept))
		}
		s.do(http.MethodGet, f.Path, nil).want(t, http.StatusNotFound, "not_found")
		s.do(http.MethodGet, base+path+"/attachments", nil).want(t, http.StatusNotFound, "not_found")
		s.upload(http.MethodPost, path+"/attachments", nil, []file{{"a.txt", "x"}}).want(t, http.StatusNotFound, "not_found")
		s.wantFiles(0)
	}
	eachSite(t, scenario)
	t.Run("s3", func(t *testing.T) {
		t.Parallel()
		scenario(t, newSite(t, testdb.SQLite, "UPLOADS_URL="+testfiles.S3(t).URL))
	})
}

// address returns the API address of a file, without a signature.
func address(f models.Attachment) string {
	return fmt.Sprintf("%s/products/%d/attachments/%d", base, f.ProductID, f.ID)
}

// wantDownload sends GET, HEAD and a conditional GET for a file.
func (s *site) wantDownload(f models.Attachment, content, disposition string) {
	s.t.Helper()
	a := s.do(http.MethodGet, f.Path, nil).want(s.t, http.StatusOK)
	if string(a.body) != content {
		s.t.Errorf("%s: %d bytes", f.Name, len(a.body))
	}
	head := s.do(http.MethodHead, f.Path, nil).want(s.t, http.StatusOK)
	for name, want := range map[string]string{
		"Content-Type": f.Type, "Content-Length": fmt.Sprint(len(content)), "Content-Disposition": disposition, "X-Content-Type-Options": "nosniff",
		"Content-Security-Policy": "sandbox; default-src 'none'", "Cache-Control": "private, no-cache", "ETag": `"` + f.SHA256 + `"`,
	} {
		if got := a.Header.Get(name); got != want || head.Header.Get(name) != want {
			s.t.Errorf("%s: %s: %q (HEAD: %q), want %q", f.Name, name, got, head.Header.Get(name), want)
		}
	}
	if again := s.do(http.MethodGet, f.Path, nil, "If-None-Match", a.Header.Get("ETag")).want(s.t, http.StatusNotModified); len(again.body) > 0 || again.Header.Get("ETag") == "" {
		s.t.Errorf("%s: 304 with %q", f.Name, again.body)
	}
}

func TestAttachments_RejectInvalidUploads(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		good := file{"good.pdf", pdf}
		id := decode[[]product](t, s.get("/products"))[0].ID
		attach := fmt.Sprintf("/products/%d/attachments", id)
		for _, c := range []struct {
			list   []file
			status int
			code   string
		}{
			{[]file{good, {"x.pdf", "<html><script>alert(1)</script>"}}, 415, "unsupported_type"},
			{[]file{good, {"x.svg", `<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>`}}, 415, "unsupported_type"},
			{[]file{good, {"x.exe", "MZ"}}, 415, "unsupported_type"},
			{[]file{good, {"empty.pdf", ""}}, 400, "validation_failed"},
			{[]file{good, {"\xff.pdf", pdf}}, 400, "validation_failed"},
			{[]file{good, {"large.txt", strings.Repeat("a", 3000)}}, 413, "too_large"},
			{[]file{good, {"huge.txt", strings.Repeat("a", 30<<20)}}, 413, "too_large"}, // the client is still sending
			{[]file{good, good, good, good}, 413, "too_large"},
			{[]file{good, {"a.txt", strings.Repeat("a", 2000)}, {"b.txt", strings.Repeat("b", 2000)}}, 413, "too_large"},
		} {
			name := c.list[len(c.list)-1].name
			for _, path := range []string{"/products", attach} {
				fields := newProduct("never")
				if path == attach {
					fields = nil
				}
				a := s.upload(http.MethodPost, path, fields, c.list)
				if a.StatusCode != c.status || a.json.Code != c.code || a.json.RequestID == "" {
					t.Errorf("%s to %s: %d %s, want %d %s", name, path, a.StatusCode, a.body, c.status, c.code)
				}
			}
			if left := s.contents(); len(left) != 0 {
				t.Fatalf("%s: %d files were left", name, len(left))
			}
		}
		wrong := newProduct("never")
		wrong["id_stage"] = "99" // known only when the files are here
		s.upload(http.MethodPost, "/products", wrong, []file{good}).want(t, http.StatusBadRequest, "validation_failed")
		wrong["id_stage"] = "x"
		s.upload(http.MethodPost, "/products", wrong, []file{good}).want(t, http.StatusBadRequest, "validation_failed")
		s.upload(http.MethodPost, attach, nil, nil).want(t, http.StatusBadRequest, "validation_failed")
		s.upload(http.MethodPost, attach, map[string]string{"produk": "x"}, []file{good}).want(t, http.StatusBadRequest, "validation_failed")
		s.upload(http.MethodPost, "/products/4711/attachments", nil, []file{good}).want(t, http.StatusNotFound, "not_found")
		s.send(http.MethodPost, attach, "{}").want(t, http.StatusUnsupportedMediaType, "unsupported_type")
		for _, path := range []string{"/0", "/-1", "/x", "/+1", "/9223372036854775808", "/..%2f..%2fetc"} {
			s.do(http.MethodGet, base+attach+path, nil).want(t, http.StatusBadRequest, "validation_failed")
		}
		s.do(http.MethodGet, base+attach+"/1", nil).want(t, http.StatusNotFound, "not_found")
		s.wantFiles(0)
		if n := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'never'"); n != 0 {
			t.Errorf("%d products were made", n)
		}
	}, "UPLOAD_FILE_LIMIT=2500", "UPLOAD_FILES=3", "UPLOAD_REQUEST_LIMIT=4500")
}

func TestAttachments_RetryStoresFilesOnce(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		products := decode[[]product](t, s.get("/products"))
		attach := fmt.Sprintf("/products/%d/attachments", products[0].ID)
		first := s.upload(http.MethodPost, attach, nil, []file{{"a.pdf", pdf}}, "Idempotency-Key", "k").want(t, http.StatusCreated)
		for i, a := range s.concurrently(16, func(i int) (apiResponse, error) {
			key, name := "k", "a.pdf"
			if i%2 == 1 {
				key, name = "new", "b.pdf"
			}
			body, kind := withFiles(nil, file{name, pdf})
			return s.try(http.MethodPost, base+attach, body, "Content-Type", kind, "Idempotency-Key", key)
		}) {
			got, want := decode[[]models.Attachment](t, a.want(t, http.StatusCreated)), decode[[]models.Attachment](t, first)
			if !strings.Contains(got[0].Path, "signature=") || i%2 == 0 && got[0].ID != want[0].ID {
				t.Errorf("%s, want %s", a.body, first.body)
			}
		}
		if n := queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_writes WHERE body LIKE '%signature=%'"); n != 0 {
			t.Errorf("%d stored responses have links that will expire", n)
		}
		s.upload(http.MethodPost, attach, nil, []file{{"a.pdf", pdf + "changed"}}, "Idempotency-Key", "k").want(t, http.StatusConflict, "conflict")
		other := fmt.Sprintf("/products/%d/attachments", products[1].ID)
		s.upload(http.MethodPost, other, nil, []file{{"a.pdf", pdf}}, "Idempotency-Key", "k").want(t, http.StatusConflict, "conflict")
		s.wantFiles(2)

		list := []file{{"put.pdf", pdf}}
		put := s.upload(http.MethodPut, "/products/11", map[string]string{"pelanggan": "PLN"}, list, "Idempotency-Key", "p").want(t, http.StatusOK)
		again := s.upload(http.MethodPut, "/products/11", map[string]string{"pelanggan": "PLN"}, list, "Idempotency-Key", "p").want(t, http.StatusOK)
		if string(put.json.Data) != string(again.json.Data) || put.Header.Get("ETag") != again.Header.Get("ETag") {
			t.Errorf("first %s, again %s", put.body, again.body)
		}
		if n := len(decode[[]models.Attachment](t, s.get("/products/11/attachments"))); n != 1 {
			t.Errorf("%d files", n)
		}
		s.upload(http.MethodPut, "/products/12", map[string]string{"pelanggan": "PLN"}, list, "Idempotency-Key", "p").want(t, http.StatusConflict, "conflict")
		s.upload(http.MethodPut, "/products/11", nil, list, "Idempotency-Key", "files alone").want(t, http.StatusOK)
		if n := len(decode[[]models.Attachment](t, s.get("/products/11/attachments"))); n != 2 {
			t.Errorf("%d files", n)
		}
	})
}

func TestAttachments_SurviveQuarantine(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		created := decode[product](t, s.upload(http.MethodPost, "/products", newProduct("sick"), []file{{"a.pdf", pdf}}).want(t, http.StatusCreated))
		path := fmt.Sprintf("/products/%d", created.ID)
		f := decode[[]models.Attachment](t, s.get(path+"/attachments"))[0]
		exec(t, s.source, fmt.Sprintf("UPDATE tbl_produk SET id_segmen = 99 WHERE id = %d", created.ID))
		s.Command("sync")
		s.Eventually("quarantined", func() bool { return s.do(http.MethodGet, base+path, nil).StatusCode == http.StatusNotFound })
		s.do(http.MethodGet, f.Path, nil).want(t, http.StatusNotFound, "quarantined")
		exec(t, s.source, fmt.Sprintf("UPDATE tbl_produk SET id_segmen = 1 WHERE id = %d", created.ID))
		s.Command("sync")
		s.Eventually("released", func() bool { return s.do(http.MethodGet, base+path, nil).StatusCode == http.StatusOK })
		s.wantDownload(f, pdf, `inline; filename="a.pdf"`)
	})
}

func TestAttachments_FullDiskIsUnavailable(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite, "UPLOADS_URL=file:"+testfiles.SmallDisk(t))
	large := file{"large.txt", strings.Repeat("a", 2<<20)}
	for range 2 {
		a := s.upload(http.MethodPost, "/products", newProduct("never"), []file{{"a.pdf", pdf}, large}).want(t, http.StatusServiceUnavailable, "unavailable")
		if a.Header.Get("Retry-After") == "" || !strings.Contains(a.json.Message, "full") {
			t.Errorf("%v %s", a.Header, a.body)
		}
		s.wantFiles(0)
	}
	s.upload(http.MethodPost, "/products", newProduct("now"), []file{{"a.pdf", pdf}}).want(t, http.StatusCreated)
	s.wantFiles(1)
}

func TestAttachments_MissingStorageIsUnavailable(t *testing.T) {
	t.Parallel()
	server := testfiles.S3(t)
	s := newSite(t, testdb.SQLite, "UPLOADS_URL="+server.URL)
	created := decode[product](t, s.upload(http.MethodPost, "/products", newProduct("before"), []file{{"a.pdf", pdf}}).want(t, http.StatusCreated))
	f := decode[[]models.Attachment](t, s.get(fmt.Sprintf("/products/%d/attachments", created.ID)))[0]
	server.Stop()
	s.do(http.MethodGet, f.Path, nil).want(t, http.StatusServiceUnavailable, "unavailable")
	s.upload(http.MethodPost, "/products", newProduct("never"), []file{{"a.pdf", pdf}}).want(t, http.StatusServiceUnavailable, "unavailable")
	s.send(http.MethodPost, "/products", `{"produk":"without files","id_kategori":1,"id_segmen":1,"id_stage":1}`).want(t, http.StatusCreated)
	if n := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'never'"); n != 0 {
		t.Errorf("%d products were made", n)
	}
	if s.Logs.Contains("s3cret") {
		t.Error("the secret is in the log")
	}
}

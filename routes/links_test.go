package routes_test

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"lifecycle-sync/handlers"
	"lifecycle-sync/models"
	attachmentsdb "lifecycle-sync/repositories/pmo/attachments"
	"lifecycle-sync/routes"
	"lifecycle-sync/services/attachments"
	"lifecycle-sync/services/cache"
	"lifecycle-sync/test/kit/databases"
	"lifecycle-sync/test/kit/testdb"
)

// TestAttachments_CachedResponsesHaveFreshLinks reads the files of a product until the links of the first response have expired.
func TestAttachments_CachedResponsesHaveFreshLinks(t *testing.T) {
	t.Parallel()
	db, store := databases.PMO(t, testdb.SQLite(t))
	responses := cache.New(store, cache.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	known, ready := make(chan struct{}), sync.Once{}
	var following sync.WaitGroup
	following.Go(func() { responses.Follow(ctx, func(error) { ready.Do(func() { close(known) }) }) })
	t.Cleanup(func() { cancel(); following.Wait() })
	<-known

	var s *site
	links := attachments.NewLinks(attachmentsdb.New(store.Session), func() time.Time { return s.now })
	h := &handlers.Products{Responses: responses, Links: links, Files: &attachments.Files{Store: store}}
	s = newCustomSite(t, routes.Options{Links: links},
		routes.Route{Method: "GET", Path: base + "/products/:id/attachments", Role: models.Reader, Handle: h.ListFiles},
		routes.Route{Method: "GET", Path: base + "/products/:id/attachments/:attachmentId", Role: models.Reader, Handle: h.Download},
	)
	s.db = db
	s.exec("INSERT INTO tbl_produk_lifecycle (id) VALUES (7)")
	s.exec("INSERT INTO lifecycle_attachments (id_produk, nama_file, tipe_file, ukuran_file, sha256, object_key, state, created_at) VALUES (7, 'a.txt', 'text/plain', 1, 'x', 'key', 'stored', '2025-01-01T00:00:00.000000Z')")
	s.now = time.Date(2026, 3, 1, 9, 34, 58, 0, time.UTC)
	first := s.get(http.StatusOK, "/products/7/attachments")
	s.now = s.now.Add(time.Second)
	etag := first.Header.Get("ETag")
	s.get(http.StatusNotModified, "/products/7/attachments", "If-None-Match", etag)
	s.now = s.now.Add(time.Second)
	second := s.get(http.StatusOK, "/products/7/attachments", "If-None-Match", etag)
	if string(first.body) == string(second.body) {
		t.Errorf("the links are not renewed: %s", second.body)
	}
	if stats := responses.Stats(); stats.Hits != 1 || stats.Misses != 2 {
		t.Errorf("%+v", stats)
	}
	s.now = s.now.Add(5*time.Minute - time.Second)
	for _, a := range []apiResponse{first, second} {
		link := decodeFiles(t, a)[0].DownloadURL
		if got := s.do(http.MethodGet, link, "If-None-Match", `"x"`).StatusCode; got != http.StatusNotModified {
			t.Errorf("%s: %d", link, got)
		}
	}
	s.now = s.now.Add(time.Second)
	if got := s.do(http.MethodGet, decodeFiles(t, first)[0].DownloadURL).StatusCode; got != http.StatusUnauthorized {
		t.Errorf("an expired link: %d", got)
	}
}

func decodeFiles(t *testing.T, a apiResponse) (files []models.Attachment) {
	t.Helper()
	if err := json.Unmarshal(a.json.Data, &files); err != nil || len(files) != 1 {
		t.Fatalf("%v in %s", err, a.body)
	}
	return files
}

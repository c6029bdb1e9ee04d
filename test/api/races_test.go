package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestAttachments_UploadRacesWithDelete(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		for round := range 12 {
			created := into[withShownFiles](t, s.upload(http.MethodPost, "/products", newProduct("short-lived"), []file{{"a.txt", "first"}}).want(t, http.StatusCreated))
			path := fmt.Sprintf("%s/products/%d", base, created.ID)
			var clients sync.WaitGroup
			send := func(method, target string, allowed ...int) {
				body, kind := withFiles(t, nil, file{"b.txt", fmt.Sprint("of round ", round)})
				if method == http.MethodDelete {
					body, kind = strings.NewReader(""), ""
				}
				clients.Go(func() {
					if a, err := s.try(method, target, body, "Content-Type", kind); err != nil || !slices.Contains(allowed, a.StatusCode) {
						t.Errorf("%s %s: %v %s", method, target, err, a.body)
					}
				})
			}
			for range 2 {
				send(http.MethodPost, path+"/attachments", http.StatusCreated, http.StatusNotFound)
				send(http.MethodPut, path, http.StatusOK, http.StatusNotFound)
			}
			send(http.MethodDelete, path, http.StatusOK)
			clients.Wait()
		}
		s.Eventually("the mirror follows", func() bool {
			return one[int](t, s.target, "SELECT count(*) FROM tbl_produk_lifecycle WHERE produk = 'short-lived'") == 0
		})
		if n := one[int](t, s.target, "SELECT count(*) FROM lifecycle_writes"); n != 0 {
			t.Errorf("%d writes are open", n)
		}
		s.wantFiles(0)
		if n := one[int](t, s.target, "SELECT count(*) FROM lifecycle_attachments"); n != 0 {
			t.Errorf("%d attachments of products that are gone", n)
		}
	})
}

func TestProducts_ConcurrentRetriesCreateOneProduct(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		answers := make(chan answer, 10)
		for range 10 {
			body, kind := withFiles(t, newProduct("ten"), file{"a.pdf", pdf}, file{"b.txt", "b"})
			go func() {
				a, err := s.try(http.MethodPost, base+"/products", body, "Content-Type", kind, "Idempotency-Key", "ten")
				if err != nil {
					t.Error(err)
				}
				answers <- a
			}()
		}
		seen := map[string]bool{}
		for range 10 {
			a := (<-answers).want(t, http.StatusCreated)
			seen[string(a.json.Data)+a.Header.Get("ETag")+a.Header.Get("Location")] = true
		}
		if n := one[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'ten'"); n != 1 || len(seen) != 1 {
			t.Errorf("%d products, and the answers %v", n, seen)
		}
		s.wantFiles(2)
	})
}

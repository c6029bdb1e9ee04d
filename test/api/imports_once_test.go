package api_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
)

// TestImport_AppliesAPreviewOnce imports a new product, which has no version that would change with the first import.
func TestImport_AppliesAPreviewOnce(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		exec(t, s.source, "UPDATE tbl_produk SET id_stage = 1, id_segmen = 1, id_kategori = 1 WHERE id = 1")
		s.Command("sync")
		first := decode[product](t, s.get("/products/1"))
		file := csvOf(t, [][]string{{"Product name", "Segment", "Stage", "Category"}, {"Baru", *first.Segment, *first.Stage, *first.Category}}, ',')
		want := func(products int) {
			t.Helper()
			if got := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'Baru'"); got != products {
				t.Fatalf("%d products, want %d", got, products)
			}
		}
		// parallel applies a digest four times at once, and counts the responses by status.
		parallel := func(digest string, headers func(i int) []string) map[int]int {
			var wg sync.WaitGroup
			var mu sync.Mutex
			statuses := map[int]int{}
			for i := range 4 {
				wg.Go(func() {
					a := s.importForm(nil, headers(i), "digest", digest)
					mu.Lock()
					defer mu.Unlock()
					statuses[a.StatusCode]++
				})
			}
			wg.Wait()
			return statuses
		}
		digest := *s.preview(file).Digest
		if got := parallel(digest, func(int) []string { return nil }); got[http.StatusOK] != 4 {
			t.Errorf("without keys: %v", got)
		}
		want(1)
		if again := s.importForm(nil, nil, "digest", digest).want(t, http.StatusOK); string(again.json.Data) != `{"created":1,"changed":0}` {
			t.Errorf("again: %s", again.body)
		}
		s.importForm(append(file, "Lain,,,\n"...), nil, "digest", digest).want(t, http.StatusConflict, "conflict")
		s.importForm(nil, []string{"Idempotency-Key", "lain"}, "digest", digest).want(t, http.StatusConflict, "conflict")
		want(1)

		// The same file again is a new preview, also for an earlier one's key.
		if digest = *s.preview(file).Digest; digest == "" {
			t.Fatal("no digest")
		}
		got := parallel(digest, func(i int) []string { return []string{"Idempotency-Key", fmt.Sprint("kunci", i)} })
		if got[http.StatusOK] != 1 || got[http.StatusConflict] != 3 {
			t.Errorf("with different keys: %v", got)
		}
		want(2)
		s.importForm(nil, nil, "digest", digest).want(t, http.StatusConflict, "conflict")
		want(2)
		s.preview(file)
		s.importForm(nil, nil, "digest", digest).want(t, http.StatusOK)
		want(3)
		s.Command("verify")
	})
}

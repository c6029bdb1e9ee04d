package api_test

import "testing"

func TestProducts_ListAfterStart(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		a := s.get("/products?limit=7")
		if p := a.json.Pagination; p == nil || p.TotalItems != 20 || p.TotalPages != 3 || p.Limit != 7 {
			t.Errorf("got %s", a.body)
		}
		if products := into[[]map[string]any](t, a); len(products) != 7 {
			t.Errorf("%d products", len(products))
		}
	})
}

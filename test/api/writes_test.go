package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lifecycle-sync/models"
)

// product is a product of the list, and what only its own address shows.
type product struct {
	models.ListedProduct

	Attachments []models.Attachment   `json:"attachments"`
	History     []models.ListedRecord `json:"stage_history"`
}

// form sends a product as the React form does: every field, "" for what was left empty.
func (s *site) form(method, path string, fields map[string]string, headers ...string) apiResponse {
	s.t.Helper()
	all := map[string]string{}
	for _, f := range models.ProductFields() {
		all[f.Column] = fields[f.Column]
	}
	return s.upload(method, path, all, nil, headers...)
}

func TestProducts_CreateFromTheTeamsForm(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		a := s.form(http.MethodPost, "/products", map[string]string{"produk": "Kabel Baru", "id_kategori": "1", "id_segmen": "1", "id_stage": "1"}).want(t, http.StatusCreated)
		created := decode[product](t, a)
		if want := fmt.Sprintf("%s/products/%d", base, created.ID); a.Header.Get("Location") != want {
			t.Errorf("Location %q, want %q", a.Header.Get("Location"), want)
		}
		slash := s.do(http.MethodPost, base+"/products/", strings.NewReader(uji), "Content-Type", "application/json").want(t, http.StatusCreated)
		if want := fmt.Sprintf("/products/%d", decode[product](t, slash).ID); slash.location() != want {
			t.Errorf("with a trailing slash: Location %q, want %q", slash.location(), want)
		}
		s.do(http.MethodDelete, base+slash.location(), nil).want(t, http.StatusOK)
		if first := decode[[]product](t, s.get("/products"))[0]; first.ID != created.ID || *first.Name != "Kabel Baru" {
			t.Errorf("first on page 1 is %+v", first)
		}
		if name := queryOne[string](t, s.source, fmt.Sprintf("SELECT produk FROM tbl_produk WHERE id = %d AND harga IS NULL AND deskripsi IS NULL", created.ID)); name != "Kabel Baru" {
			t.Errorf("lifecycle_db has %q", name)
		}
		if name := queryOne[string](t, s.target, fmt.Sprintf("SELECT produk FROM tbl_produk_lifecycle WHERE id = %d", created.ID)); name != "Kabel Baru" {
			t.Errorf("the mirror has %q", name)
		}
		detail := s.get(fmt.Sprintf("/products/%d", created.ID))
		if row, _, _ := strings.Cut(strings.Trim(detail.Header.Get("ETag"), `"`), "."); `"`+row+`"` != a.Header.Get("ETag") {
			t.Errorf("ETag of the write %s, of the read %s", a.Header.Get("ETag"), detail.Header.Get("ETag"))
		}
		s.Command("verify")
	})
}

func TestProducts_UpdateAndDelete(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		created := s.send(http.MethodPost, "/products", `{"produk":"Gardu","id_kategori":1,"id_segmen":"2","id_stage":1,"harga":"1500.00","pelanggan":"PLN"}`).want(t, http.StatusCreated)
		path := fmt.Sprintf("/products/%d", decode[product](t, created).ID)
		etag := s.get(path).Header.Get("ETag")

		changed := s.send(http.MethodPut, path, `{"harga":9223372036854775807,"pelanggan":""}`, "If-Match", etag).want(t, http.StatusOK)
		p := decode[product](t, changed)
		if *p.Price != 1<<63-1 || p.Customer != nil || *p.Name != "Gardu" {
			t.Errorf("changed to %s", changed.body)
		}
		response := s.send(http.MethodPut, path, `{"harga":1}`, "If-Match", etag).want(t, http.StatusPreconditionFailed, "precondition_failed")
		if current := decode[product](t, response); *current.Price != 1<<63-1 || response.Header.Get("ETag") != changed.Header.Get("ETag") {
			t.Errorf("412 shows %s %s", response.Header.Get("ETag"), response.body)
		}
		s.send(http.MethodPut, path, `{"harga":1}`, "If-Match", changed.Header.Get("ETag")).want(t, http.StatusOK)
		s.send(http.MethodPut, path, `{"produk":""}`).want(t, http.StatusBadRequest, "validation_failed")

		moved := decode[product](t, s.send(http.MethodPut, path, `{"id_stage":2}`).want(t, http.StatusOK))
		if *moved.StageID != 2 || moved.StageStart == nil {
			t.Errorf("moved to %+v", moved)
		}
		history := decode[[]map[string]any](t, s.get(fmt.Sprintf("/stage-history?productId=%d", moved.ID)))
		if len(history) != 1 || history[0]["stage_previous"] != 1.0 || history[0]["stage_now"] != 2.0 {
			t.Errorf("the history is %v", history)
		}
		s.Command("verify")
		deleted := s.do(http.MethodDelete, base+path, nil).want(t, http.StatusOK)
		if got := decode[product](t, deleted); got.ID != moved.ID || *got.Name != "Gardu" {
			t.Errorf("deleted %s", deleted.body)
		}
		s.do(http.MethodGet, base+path, nil).want(t, http.StatusNotFound)
		s.do(http.MethodDelete, base+path, nil).want(t, http.StatusNotFound, "not_found")
		if n := queryOne[int](t, s.source, fmt.Sprintf("SELECT count(*) FROM tbl_stage_histori WHERE id_produk = %d", moved.ID)); n != 0 {
			t.Errorf("%d stage history records are left", n)
		}
		s.Command("verify")
	})
}

// TestProducts_EmptyPriceOfAForm: the team's form shows a price of 0 as empty.
func TestProducts_EmptyPriceOfAForm(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		fields := map[string]string{"produk": "Gardu", "id_kategori": "1", "id_segmen": "1", "id_stage": "1", "harga": "0"}
		path := s.form(http.MethodPost, "/products", fields).want(t, http.StatusCreated).location()
		fields["harga"], fields["pelanggan"] = "", "PLN"
		kept := decode[product](t, s.form(http.MethodPut, path, fields).want(t, http.StatusOK))
		if kept.Price == nil || *kept.Price != 0 || kept.Customer == nil || *kept.Customer != "PLN" {
			t.Errorf("%+v", kept)
		}
		if cleared := decode[product](t, s.send(http.MethodPut, path, `{"harga":null}`).want(t, http.StatusOK)); cleared.Price != nil {
			t.Errorf("the price is %d", *cleared.Price)
		}
		s.send(http.MethodPut, path, `{"harga":5}`).want(t, http.StatusOK)
		if cleared := decode[product](t, s.form(http.MethodPut, path, fields).want(t, http.StatusOK)); cleared.Price != nil {
			t.Errorf("the price is %d", *cleared.Price)
		}
	})
}

func TestStageHistory_RecordsAndCorrectsMoves(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		id := decode[product](t, s.send(http.MethodPost, "/products", `{"produk":"Trafo","id_kategori":1,"id_segmen":1,"id_stage":1}`).want(t, http.StatusCreated)).ID
		path := fmt.Sprintf("/products/%d", id)
		body := func(rest string) string { return fmt.Sprintf(`{"id_produk":%d,%s}`, id, rest) }

		a := s.send(http.MethodPost, "/stage-history", body(`"stage_now":2,"catatan":"siap","tanggal_perubahan":"2025-06-30T23:30:00+07:00","performance_metrics":{"omzet":12345678901234567890.10}`)).want(t, http.StatusCreated)
		if !strings.Contains(string(a.body), "12345678901234567890.10") {
			t.Errorf("the number has changed: %s", a.body)
		}
		p := decode[product](t, s.get(path))
		if *p.StageID != 2 || p.StageStart.String() != "2025-06-30" {
			t.Errorf("the product is %+v", p)
		}
		s.send(http.MethodPost, "/stage-history", body(`"stage_now":3,"stage_previous":1`)).want(t, http.StatusConflict, "conflict")
		s.send(http.MethodPost, "/stage-history", body(`"stage_now":2`)).want(t, http.StatusConflict, "conflict")
		s.send(http.MethodPost, "/stage-history", body(`"stage_now":1,"tanggal_perubahan":"2024-01-01T00:00:00Z"`)).want(t, http.StatusCreated)
		if p := decode[product](t, s.get(path)); *p.StageID != 2 {
			t.Errorf("a back-dated move changed the stage: %+v", p)
		}
		recordPath := a.location()
		s.send(http.MethodPut, recordPath, `{"catatan":"","performance_metrics":{"a":1}}`).want(t, http.StatusOK)
		if got := decode[map[string]any](t, s.get(recordPath)); got["catatan"] != nil || fmt.Sprint(got["performance_metrics"]) != "map[a:1]" {
			t.Errorf("corrected to %v", got)
		}
		s.do(http.MethodDelete, base+recordPath, nil).want(t, http.StatusOK)
		s.do(http.MethodGet, base+recordPath, nil).want(t, http.StatusNotFound)
		s.send(http.MethodPost, "/stage-history", body(`"stage_now":99`)).want(t, http.StatusBadRequest, "validation_failed")
		s.send(http.MethodPost, "/stage-history", `{"id_produk":99999,"stage_now":1}`).want(t, http.StatusBadRequest, "validation_failed")
		s.Command("verify")

		id = decode[product](t, s.send(http.MethodPost, "/products", uji).want(t, http.StatusCreated)).ID
		timed := func(stage int, at string) string {
			return fmt.Sprintf(`{"id_produk":%d,"stage_now":%d,"tanggal_perubahan":%q}`, id, stage, at)
		}
		unorderedTime := "infinity"
		if !s.onPostgres() {
			unorderedTime = "zzz"
		}
		exec(t, s.source, fmt.Sprintf("INSERT INTO tbl_stage_histori (id_produk, stage_now, tanggal_perubahan) VALUES (%d, 1, '%s')", id, unorderedTime))
		s.send(http.MethodPost, "/stage-history", timed(2, "2026-01-01T00:00:00Z")).want(t, http.StatusCreated)
		if p := decode[product](t, s.get(fmt.Sprintf("/products/%d", id))); *p.StageID != 2 {
			t.Errorf("the product is in stage %d", *p.StageID)
		}
		s.send(http.MethodPost, "/stage-history", timed(3, "9999-12-31T16:59:59Z")).want(t, http.StatusBadRequest, "validation_failed")
	})
}

func TestWrites_HonourIdempotencyKey(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		const body = `{"produk":"Sekali","id_kategori":1,"id_segmen":1,"id_stage":1}`
		first := s.send(http.MethodPost, "/products", body, "Idempotency-Key", "k1").want(t, http.StatusCreated)
		again := s.send(http.MethodPost, "/products", body, "Idempotency-Key", "k1").want(t, http.StatusCreated)
		if string(first.json.Data) != string(again.json.Data) || first.Header.Get("Location") != again.Header.Get("Location") || first.Header.Get("ETag") != again.Header.Get("ETag") {
			t.Errorf("first %s, again %s", first.body, again.body)
		}
		s.send(http.MethodPost, "/products", strings.Replace(body, "Sekali", "Lain", 1), "Idempotency-Key", "k1").want(t, http.StatusConflict, "conflict")
		if n := queryOne[int](t, s.source, "SELECT count(*) FROM tbl_produk WHERE produk = 'Sekali'"); n != 1 {
			t.Errorf("%d products", n)
		}
		const query = "SELECT version FROM lifecycle_mirror_version"
		before := queryOne[int](t, s.target, query) // of the cache
		s.send(http.MethodPost, "/products", strings.Replace(uji, `"id_stage":1`, `"id_stage":99`, 1), "Idempotency-Key", "k2").want(t, http.StatusBadRequest, "validation_failed")
		if after := queryOne[int](t, s.target, query); after != before {
			t.Errorf("version %d became %d", before, after)
		}
		s.send(http.MethodPost, "/products", uji, "Idempotency-Key", "k2").want(t, http.StatusCreated)
		if after := queryOne[int](t, s.target, query); after != before+1 {
			t.Errorf("version %d became %d", before, after)
		}
		s.Command("verify")
	})
}

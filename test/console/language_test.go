package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

// TestLanguage_FollowsTheReader: pages, their cached parts and API messages are in the language that the user chose, else in the
// browser's, else in DEFAULT_LANGUAGE. Numbers, dates and month names follow it, names of stages do not.
func TestLanguage_FollowsTheReader(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		exec(t, u.source, "UPDATE tbl_produk SET harga = 1250000, tanggal_launch = '2026-05-01', id_stage = 4 WHERE id = 1")
		u.Command("sync")
		indonesian := []string{`<html lang="id">`, "Ringkasan", "Rp\u00a01.250.000", "1 Mei 2026", "Decline", "Ubah", "Tambah berkas"}
		english := []string{`<html lang="en">`, "Overview", "Rp\u00a01,250,000", "1 May 2026", "Decline", "Edit", "Add files"}
		for range 2 { // the second time from the cache
			u.open("/products/1").shows(http.StatusOK, english...)
			u.get("/products/1", "Accept-Language", "id-ID,id;q=0.9,en;q=0.8").shows(http.StatusOK, indonesian...)
			u.get("/products/1", "Accept-Language", "fr").shows(http.StatusOK, english...)
			u.get("/", "Accept-Language", "id").shows(http.StatusOK, "Produk per tahap", "Nilai per tahap")
			u.open("/").shows(http.StatusOK, "Products by stage", "Value by stage")
		}

		u.post("/language", url.Values{"language": {"id"}, "next": {"/products/1"}}).redirects("/products/1")
		u.get("/products/1", "Accept-Language", "en").shows(http.StatusOK, indonesian...)
		u.get("/nothing").shows(http.StatusNotFound, "Halaman tidak ditemukan", "Tidak ada apa pun di alamat ini.")
		u.submit(u.open("/products/new").form("/products")).shows(http.StatusUnprocessableEntity, "Tidak ada yang disimpan", "Nama produk wajib diisi.")
		u.post("/language", url.Values{"language": {"fr"}}).shows(http.StatusBadRequest)
		u.post("/language", url.Values{"language": {"en"}, "next": {"//evil.example"}}).redirects("/")
		u.open("/products/1").shows(http.StatusOK, english...)

		for accept, text := range map[string]string{"id": "Produk 999 tidak ada.", "en": "There is no product 999.", "": "There is no product 999."} {
			a := u.newVisitor().get(api+"/products/999", "Accept-Language", accept)
			if !strings.Contains(a.body, text) || a.Header.Get("Content-Language") == "" || !strings.Contains(a.Header.Get("Vary"), "Accept-Language") {
				t.Errorf("Accept-Language %q: %v %s", accept, a.Header, a.body)
			}
		}
		if stage := kit.One[string](t, u.source, "SELECT stage FROM tbl_stage WHERE id = 4"); stage != "Decline" {
			t.Fatal(stage)
		}
	})
}

// TestLanguage_DefaultIsBahasa: without a setting, a browser whose languages are unknown gets Bahasa Indonesia.
func TestLanguage_DefaultIsBahasa(t *testing.T) {
	t.Parallel()
	u := boot(t, testdb.SQLite, 20, 12, nil, "DEFAULT_LANGUAGE=")
	u.open("/").shows(http.StatusOK, `<html lang="id">`, "Ringkasan")
	u.get("/", "Accept-Language", "ja").shows(http.StatusOK, `<html lang="id">`)
	u.get("/", "Accept-Language", "en-GB").shows(http.StatusOK, `<html lang="en">`)
}

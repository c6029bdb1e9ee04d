package console_test

import (
	"database/sql"
	"net/http"
	"strings"
	"testing"
)

// TestQuarantine says of every reason what is wrong and what to do.
func TestQuarantine(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(source *sql.DB) {
		exec(t, source,
			"UPDATE tbl_produk SET id_segmen = 77 WHERE id = 3",
			"UPDATE tbl_produk SET tanggal_launch = 'infinity', deskripsi = '<script>alert(1)</script>' || hex(zeroblob(50000)) WHERE id = 5",
			"UPDATE tbl_produk SET produk = CAST(x'41ff42' AS text) WHERE id = 6",
			"DELETE FROM tbl_stage_histori", "INSERT INTO tbl_stage_histori (id, id_produk, stage_now) VALUES (1, 3, 2), (2, 4, 99)")
	})
	p := s.person()
	a := p.get("/sync/quarantine").sees(t, http.StatusOK,
		"id_segmen is 77, but tbl_segmen has no such row.", "insert row 77 into tbl_segmen",
		"tanggal_launch has an unsupported value: infinity.", "or set it to NULL",
		"id_produk is 3, and that row of tbl_produk is held back, too.", "Fix that row",
		"stage_now is 99, but tbl_stage has no such row.",
		"<code>tbl_stage_histori</code> row 2", `href="/sync/runs/1"`, `href="/sync/changes?table=tbl_produk&amp;id=3"`, "5 in total", "&lt;script&gt;", "the API returns the rest")
	checkPage(t, a)
	if len(a.body) > 60_000 || strings.Contains(a.body, "<script>alert") {
		t.Errorf("%d bytes", len(a.body))
	}
	p.get("/sync/quarantine?limit=2&page=2").sees(t, http.StatusOK, "Page 2 of 3", `href="/sync/quarantine?limit=2&amp;page=3"`)
	p.get("/sync/quarantine?limit=2&page=9").sees(t, http.StatusOK, "The list has only")
	p.get("/sync/quarantine?table=x").sees(t, http.StatusBadRequest)
	exec(t, s.source, "UPDATE tbl_produk SET id_segmen = 1 WHERE id = 3", "DELETE FROM tbl_produk WHERE id IN (5, 6)", "DELETE FROM tbl_stage_histori WHERE id = 2")
	s.Command("sync")
	checkPage(t, p.get("/sync/quarantine").sees(t, http.StatusOK, "No rows are held back"))
}

// TestARowsHistory shows what runs overwrote, before and after, and rows that left whole.
func TestARowsHistory(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(source *sql.DB) {
		exec(t, source, "UPDATE tbl_produk SET produk = 'Lama <i>', harga = NULL, pelanggan = '' WHERE id = 7", "DELETE FROM tbl_stage_histori WHERE id_produk = 9")
	})
	exec(t, s.source, "UPDATE tbl_produk SET produk = 'Baru', harga = 9007199254740993, pelanggan = 'PT X' WHERE id = 7", "DELETE FROM tbl_produk WHERE id = 9")
	s.Command("sync")
	p := s.person()
	checkPage(t, p.get("/sync/changes").sees(t, http.StatusOK, "Choose a table", `<option value="tbl_produk">`))
	a := p.get("/sync/changes?table=tbl_produk&id=7").sees(t, http.StatusOK, "Full run 2</a>", `href="/sync/runs/2"`, "<code>harga</code>", "9007199254740993", "Lama &lt;i&gt;", "Baru", "none", "empty text",
		`<option value="tbl_produk" selected>`, `value="7"`, "1 in total", "<del>", "<ins>")
	checkPage(t, a)
	if strings.Contains(a.body, "<code>deskripsi</code>") {
		t.Error("what did not change is shown")
	}
	left := p.get("/sync/changes?table=tbl_produk&id=9").sees(t, http.StatusOK, "deleted", "<code>deskripsi</code>", "<code>id</code>")
	if checkPage(t, left); strings.Contains(left.body, "<ins>") {
		t.Error("of a row that left there is something after")
	}
	p.get("/sync/changes?table=tbl_segmen&id=1").sees(t, http.StatusOK, "No changes in the change log")
	for _, wrong := range []string{"table=pg_shadow", "table=tbl_produk&id=0", "table=tbl_produk&id=", "table=tbl_produk", "table=tbl_produk&id=x", "row=1"} {
		p.get("/sync/changes?"+wrong).sees(t, http.StatusBadRequest, "Invalid request")
	}
}

// TestDoctorPage shows what must be done first, with statements to be copied.
func TestDoctorPage(t *testing.T) {
	t.Parallel()
	p := newSite(t, func(source *sql.DB) {
		exec(t, source, "UPDATE tbl_produk SET id_segmen = NULL WHERE id = 3")
	}).person()
	a := p.get("/sync/doctor").sees(t, http.StatusOK, "Notes", "Healthy", "<code>source.required_values</code>", "Run diagnostics again",
		`<pre class="statement" tabindex="0">SELECT id FROM tbl_produk WHERE id_segmen IS NULL</pre>`, "Set ALERT_WEBHOOK_URL, unless exit codes")
	checkPage(t, a)
	p.get("/sync/doctor?x=1").sees(t, http.StatusBadRequest)
}

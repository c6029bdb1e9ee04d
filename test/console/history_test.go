package console_test

import (
	"database/sql"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

// rowOf is what the list shows of the only transition with some notes.
func rowOf(t *testing.T, body, notes string) string {
	t.Helper()
	at := strings.Index(body, notes)
	if at < 0 {
		t.Fatalf("there is no %q in\n%s", notes, body)
	}
	start, end := strings.LastIndex(body[:at], "<tr>"), strings.Index(body[at:], "</tr>")
	return body[start : at+end]
}

func TestStageHistory(t *testing.T) {
	t.Parallel()
	p := newSite(t, func(source *sql.DB) {
		exec(t, source, "DELETE FROM tbl_stage_histori",
			"UPDATE tbl_produk SET produk = 'Panel <b>Surya</b>' WHERE id = 7", "UPDATE tbl_produk SET produk = NULL WHERE id = 8",
			`INSERT INTO tbl_stage_histori (id, id_produk, stage_previous, stage_now, tanggal_perubahan, catatan, performance_metrics) VALUES
			(1, 7, 1, 2, '2026-03-01 01:30:00+00:00', 'pertama', '{"pendapatan": 87890589386.050, "rinci": {"a": [1, null]}, "kosong": null}'),
			(2, 7, 2, 3, '2026-05-01 01:30:00+00:00', 'kedua', NULL),
			(3, 8, NULL, 1, NULL, 'tanpa waktu', '[1, 2]')`)
	}).person()
	list := p.get("/stage-history").sees(t, http.StatusOK, "3 in total", `href="/stage-history/1/edit"`, `href="/stage-history/1/delete"`)
	if strings.Index(list.body, "kedua") > strings.Index(list.body, "pertama") || strings.Index(list.body, "pertama") > strings.Index(list.body, "tanpa waktu") {
		t.Error("the newest is not the first")
	}
	for notes, texts := range map[string][]string{
		"pertama":     {"1 Mar 2026 08.30 WIB", `datetime="2026-03-01T01:30:00Z"`, `href="/products/7"`, "Panel &lt;b&gt;Surya&lt;/b&gt;", "Introduction", "Growth", "87.890.589.386,050", `{&#34;a&#34;:[1,null]}`, "none"},
		"tanpa waktu": {"–", "#8", "No stage", "Introduction", "[1,2]"},
	} {
		row := rowOf(t, list.body, notes)
		for _, text := range texts {
			if !strings.Contains(row, text) {
				t.Errorf("%s: there is no %q in\n%s", notes, text, row)
			}
		}
	}
	for query, c := range map[string]struct{ has, lacks string }{
		"search=surya":                {"pertama", "tanpa waktu"},
		"fromStageId=2":               {"kedua", "pertama"},
		"toStageId=2":                 {"pertama", "kedua"},
		"since=2026-03-02":            {"kedua", "pertama"},
		"until=2026-03-01":            {"pertama", "kedua"},
		"productId=7&search=&since=":  {"kedua", "tanpa waktu"},
		"limit=1&page=2":              {"pertama", "kedua"},
		"fromStageId=1&toStageId=2":   {"pertama", "kedua"},
		"since=2027-01-01":            {"No matching moves", "pertama"},
		"productId=2147483647":        {"No matching moves", "pertama"},
		"page=9":                      {"The list has only", "pertama"},
		"search=%3Cscript%3E&limit=1": {"&lt;script&gt;", "<script>"},
	} {
		if a := p.get("/stage-history?"+query).sees(t, http.StatusOK, c.has); strings.Contains(a.body, c.lacks) {
			t.Errorf("%s: %q in\n%s", query, c.lacks, a.body)
		}
	}
	chip := p.get("/stage-history?productId=7&fromStageId=1&page=1").sees(t, http.StatusOK, "Panel &lt;b&gt;Surya&lt;/b&gt;", `href="/stage-history?fromStageId=1"`, `name="productId" value="7"`, `<option value="1" selected>`)
	checkPage(t, chip)
	for wrong, says := range map[string][]string{
		"page=0":        {"page must be a whole number"},
		"since=gestern": {`href="#since"`, `value="gestern"`, `aria-describedby="since-error"`},
		"since=2026-02-01&until=2026-01-01&search=kabel": {"Until must not be before since.", `value="2026-02-01"`, `value="2026-01-01"`, `value="kabel"`, `aria-describedby="until-error"`},
		"stage=1":                            {"is not a known parameter"},
		"productId=x&toStageId=2":            {"productId must be a whole number", `<option value="2" selected>`, `href="/stage-history?toStageId=2"`},
		"fromStageId=x":                      {"Previous stage must be a whole number", `aria-describedby="fromStageId-error"`},
		"search=" + strings.Repeat("x", 201): {"Search has 201 characters", `aria-describedby="search-error"`},
	} {
		a := p.get("/stage-history?"+wrong).sees(t, http.StatusUnprocessableEntity, append(says, "Invalid filters", `role="alert"`, "<h1>Stage history</h1>")...)
		checkPage(t, a)
	}
	for _, page := range []string{"/?", "/products?", "/products?view=table&"} {
		a := p.get(page+"stageId=x&segmentId=1").sees(t, http.StatusUnprocessableEntity, "Stage must be a whole number", `aria-describedby="stageId-error"`, `<option value="1" selected>`)
		checkPage(t, a)
	}
	matrix := p.get("/stage-history/matrix").sees(t, http.StatusOK, "3 moves", `href="/stage-history?fromStageId=2&amp;toStageId=3"`, "61 days", "No stage")
	checkPage(t, matrix)
}

func TestStageHistoryIsEmpty(t *testing.T) {
	t.Parallel()
	p := newSite(t, func(source *sql.DB) { exec(t, source, "DELETE FROM tbl_stage_histori") }).person()
	for _, path := range []string{"/stage-history", "/stage-history/matrix"} {
		checkPage(t, p.get(path).sees(t, http.StatusOK, "No product has moved yet"))
	}
}

func TestCorrectingATransition(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(source *sql.DB) {
		exec(t, source, `UPDATE tbl_stage_histori SET id_produk = 7, tanggal_perubahan = '2026-03-01 01:30:15.123456+00:00', catatan = 'satu' || char(13) || char(10) || 'dua', performance_metrics = '{"nilai": 12345678901234567890.10}' WHERE id = 1`,
			"UPDATE tbl_stage_histori SET performance_metrics = '{\"teks\": \"' || hex(zeroblob(50000)) || '\"}' WHERE id = 2")
	}, withTokens()...)
	p := s.signedIn("Project Manager")
	form := p.get("/stage-history/1/edit").sees(t, http.StatusOK, `value="2026-03-01T08:30"`, "satu\r\ndua", "12345678901234567890.10", "Edit stage record")
	checkPage(t, form)
	was := url.Values{
		"was_tanggal_perubahan": {"2026-03-01T08:30"}, "was_catatan": {"satu\r\ndua"}, "was_performance_metrics": {"{\r\n  \"nilai\": 12345678901234567890.10\r\n}"},
		"tanggal_perubahan": {"2026-03-01T08:30"}, "catatan": {"satu\r\ndua"}, "performance_metrics": {"{\r\n  \"nilai\": 12345678901234567890.10\r\n}"},
	}
	with := func(name, value string) url.Values {
		changed := maps.Clone(was)
		changed.Set(name, value)
		return changed
	}
	stored := func(column string) string {
		return kit.One[string](t, s.source, "SELECT coalesce(CAST("+column+" AS text), 'NULL') FROM tbl_stage_histori WHERE id = 1")
	}
	at, updated := stored("tanggal_perubahan"), stored("updated_at")
	p.post("/stage-history/1/edit", was).leads(t, "/stage-history?productId=7")
	p.get("/stage-history?productId=7").sees(t, http.StatusOK, "Nothing to save: no field was changed.")
	if stored("updated_at") != updated {
		t.Error("what was not touched was written")
	}
	// Somebody else changes the notes meanwhile; who changes the metrics leaves them alone.
	exec(t, s.source, "UPDATE tbl_stage_histori SET catatan = 'dari orang lain' WHERE id = 1")
	p.post("/stage-history/1/edit", with("performance_metrics", `{"nilai": 1.50, "baru": [1]}`)).leads(t, "/stage-history?productId=7")
	p.get("/stage-history?productId=7").sees(t, http.StatusOK, "Stage record saved.", "1,50", "[1]", "dari orang lain")
	if got := stored("catatan") + stored("performance_metrics"); got != `dari orang lain{"nilai": 1.50, "baru": [1]}` || stored("tanggal_perubahan") != at {
		t.Errorf("%s at %s", got, stored("tanggal_perubahan"))
	}
	was.Set("was_performance_metrics", "{\n  \"nilai\": 1.50,\n  \"baru\": [\n    1\n  ]\n}")
	was.Set("performance_metrics", was.Get("was_performance_metrics"))
	was.Set("was_catatan", "dari orang lain")
	was.Set("catatan", "dari orang lain")
	p.post("/stage-history/1/edit", with("performance_metrics", " ")).leads(t, "/stage-history?productId=7")
	p.post("/stage-history/1/edit", with("tanggal_perubahan", "2026-03-02T09:00")).leads(t, "/stage-history?productId=7")
	p.post("/stage-history/1/edit", with("catatan", "baris\r\nlain")).leads(t, "/stage-history?productId=7")
	if got := stored("performance_metrics") + stored("catatan"); got != "NULLbaris\nlain" || !strings.HasPrefix(stored("tanggal_perubahan"), "2026-03-02") {
		t.Errorf("%q at %s", got, stored("tanggal_perubahan"))
	}
	for _, c := range []struct{ field, value, says string }{
		{"performance_metrics", "[1]", "Metrics must be a JSON object"},
		{"performance_metrics", `{"a": 1`, "Metrics must be a JSON object such as"},
		{"performance_metrics", `{"a":1}, "performance_metrics": {}`, "Metrics must be a JSON object such as"},
		{"performance_metrics", `{"a":1,"a":2}`, "more than once"},
		{"performance_metrics", `{"a":"\u0000"}`, "must be UTF-8 text without NUL"},
		{"tanggal_perubahan", "", "When is required."},
		{"tanggal_perubahan", "kemarin", "When must be a date and a time."},
	} {
		a := p.post("/stage-history/1/edit", with(c.field, c.value)).sees(t, http.StatusUnprocessableEntity, c.says, `role="alert"`, `href="#`+c.field+`"`, `aria-invalid="true"`, "dari orang lain")
		checkPage(t, a)
	}
	checkPage(t, p.get("/stage-history/2/edit").sees(t, http.StatusOK, "left unchanged: Metrics"))
	p.post("/stage-history/1/edit", url.Values{"id_produk": {"1"}}).sees(t, http.StatusBadRequest)
	for _, path := range []string{"/stage-history/2147483647/edit", "/stage-history/0/edit"} {
		if a := p.get(path); a.StatusCode != http.StatusNotFound && a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d", path, a.StatusCode)
		}
	}
	p.get("/stage-history/1/delete").sees(t, http.StatusForbidden, "Admin access is required")
	admin := s.signedIn("Admin")
	ask := admin.get("/stage-history/1/delete").sees(t, http.StatusOK, "Delete this stage record?", "the product stays in its stage", "baris")
	checkPage(t, ask)
	if stored("id") != "1" {
		t.Error("asking deletes")
	}
	admin.post("/stage-history/1/delete", nil).sees(t, http.StatusBadRequest, "does not say which version")
	version := url.Values{"version": {ask.form(t, "/stage-history/1/delete").values["version"]}}
	admin.post("/stage-history/1/delete", version).leads(t, "/stage-history?productId=7")
	if a := admin.get("/stage-history?productId=7").sees(t, http.StatusOK, "Stage record deleted"); strings.Contains(a.body, "baris") {
		t.Error("it is still shown")
	}
	admin.post("/stage-history/1/delete", version).sees(t, http.StatusNotFound)
}

// TestTwoCorrectOneTransition lets nobody overwrite or delete what they have not seen.
func TestTwoCorrectOneTransition(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		exec(t, d.source, `UPDATE tbl_stage_histori SET id_produk = 7, catatan = 'Awal', performance_metrics = '{"b": 1, "a": 2.50}' WHERE id = 1`)
		d.Command("sync")
		const edit, remove, list = "/stage-history/1/edit", "/stage-history/1/delete", "/stage-history?productId=7"
		mine, theirs := d.open(edit).form(t, edit), d.open(edit).form(t, edit)
		doomed := d.open(remove).form(t, remove)
		d.to(d.submit(theirs.set(t, "catatan", "Dari <mereka>")), list, "Stage record saved")
		again := d.submit(mine.set(t, "catatan", "Dari saya").set(t, "performance_metrics", `{"a": 3}`)).want(t, http.StatusPreconditionFailed,
			"This stage record was changed in the meantime", "Note is now “Dari &lt;mereka&gt;”", "Dari saya", `href="#catatan"`)
		if got := one[string](t, d.source, "SELECT catatan || CAST(performance_metrics AS text) FROM tbl_stage_histori WHERE id = 1"); strings.Contains(got, "saya") || strings.Contains(got, "3") {
			t.Errorf("%s was written", got)
		}
		// Who only changes something else, or the same, is in nobody's way; and who sends it again means it.
		d.to(d.submit(d.open(edit).form(t, edit).set(t, "was_catatan", "Awal").set(t, "catatan", "Dari <mereka>")), list, "Stage record saved")
		d.to(d.submit(again.form(t, edit)), list, "Stage record saved").want(t, http.StatusOK, "Dari saya")
		asked := d.submit(doomed).want(t, http.StatusPreconditionFailed, "It has been changed since you opened this page", "nothing was deleted", "Dari saya")
		d.to(d.submit(asked.form(t, remove)), list, "Stage record deleted")
	})
}

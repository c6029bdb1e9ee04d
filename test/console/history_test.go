package console_test

import (
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

// rowOf returns the list's row with a note.
func rowOf(t *testing.T, body, notes string) string {
	t.Helper()
	at := strings.Index(body, notes)
	if at < 0 {
		t.Fatalf("no %q in\n%s", notes, body)
	}
	start, end := strings.LastIndex(body[:at], "<tr>"), strings.Index(body[at:], "</tr>")
	return body[start : at+end]
}

func TestStageHistory_FiltersRecords(t *testing.T) {
	t.Parallel()
	p := newSite(t, "DELETE FROM tbl_stage_histori",
		"UPDATE tbl_produk SET produk = 'Panel <b>Surya</b>' WHERE id = 7", "UPDATE tbl_produk SET produk = NULL WHERE id = 8",
		`INSERT INTO tbl_stage_histori (id, id_produk, stage_previous, stage_now, tanggal_perubahan, catatan, performance_metrics) VALUES
			(1, 7, 1, 2, '2026-03-01 01:30:00+00:00', 'pertama', '{"pendapatan": 87890589386.050, "rinci": {"a": [1, null]}, "kosong": null}'),
			(2, 7, 2, 3, '2026-05-01 01:30:00+00:00', 'kedua', NULL),
			(3, 8, NULL, 1, NULL, 'tanpa waktu', '[1, 2]')`)
	list := p.get("/stage-history").shows(http.StatusOK, "3 in total", `href="/stage-history/1/edit"`, `href="/stage-history/1/delete"`)
	if strings.Index(list.body, "kedua") > strings.Index(list.body, "pertama") || strings.Index(list.body, "pertama") > strings.Index(list.body, "tanpa waktu") {
		t.Error("the newest record is not first")
	}
	for notes, texts := range map[string][]string{
		"pertama":     {"1 Mar 2026 08:30 WIB", `datetime="2026-03-01T01:30:00Z"`, `href="/products/7"`, "Panel &lt;b&gt;Surya&lt;/b&gt;", "Introduction", "Growth", "87,890,589,386.050", `{&#34;a&#34;:[1,null]}`, "none"},
		"tanpa waktu": {"–", "#8", "No stage", "Introduction", "[1,2]"},
	} {
		row := rowOf(t, list.body, notes)
		for _, text := range texts {
			if !strings.Contains(row, text) {
				t.Errorf("%s: no %q in\n%s", notes, text, row)
			}
		}
	}
	for filter, c := range map[string]struct{ shows, lacks string }{
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
		p.get("/stage-history?"+filter).shows(http.StatusOK, c.shows).lacks(c.lacks)
	}
	p.get("/stage-history?productId=7&fromStageId=1&page=1").shows(http.StatusOK, "Panel &lt;b&gt;Surya&lt;/b&gt;", `href="/stage-history?fromStageId=1"`, `name="productId" value="7"`, `<option value="1" selected>`)
	for query, says := range map[string][]string{
		"page=0":        {"page must be a whole number"},
		"since=gestern": {`href="#since"`, `value="gestern"`, `aria-describedby="since-error"`},
		"since=2026-02-01&until=2026-01-01&search=kabel": {"Until must not be before Since.", `value="2026-02-01"`, `value="2026-01-01"`, `value="kabel"`, `aria-describedby="until-error"`},
		"stage=1":                            {"is not a known parameter"},
		"productId=x&toStageId=2":            {"Product must be a whole number", `<option value="2" selected>`, `href="/stage-history?toStageId=2"`},
		"fromStageId=x":                      {"Previous stage must be a whole number", `aria-describedby="fromStageId-error"`},
		"search=" + strings.Repeat("x", 201): {"Search has 201 characters", `aria-describedby="search-error"`},
	} {
		p.get("/stage-history?"+query).shows(http.StatusUnprocessableEntity, append(says, "Invalid filters", `role="alert"`, "<h1>Stage history</h1>")...)
	}
	for _, page := range []string{"/?", "/products?", "/products?view=table&"} {
		p.get(page+"stageId=x&segmentId=1").shows(http.StatusUnprocessableEntity, "Stage must be whole numbers", `aria-describedby="stageId-error"`, `<option value="1" selected>`)
	}
	p.get("/stage-history/matrix").shows(http.StatusOK, "3 moves", `href="/stage-history?fromStageId=2&amp;toStageId=3"`, "61 days", "No stage")
}

func TestStageHistory_CorrectsAndDeletesARecord(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t, `UPDATE tbl_stage_histori SET id_produk = 7, tanggal_perubahan = '2026-03-01 01:30:15.123456+00:00', catatan = 'satu' || char(13) || char(10) || 'dua', performance_metrics = '{"nilai": 12345678901234567890.10}' WHERE id = 1`,
		"UPDATE tbl_stage_histori SET performance_metrics = '{\"teks\": \"' || hex(zeroblob(50000)) || '\"}' WHERE id = 2")
	p := u.signedIn("Project Manager")
	p.get("/stage-history/1/edit").shows(http.StatusOK, `value="2026-03-01T08:30"`, "satu\r\ndua", "12345678901234567890.10", "Edit stage history record")
	unchanged := url.Values{
		"was_tanggal_perubahan": {"2026-03-01T08:30"}, "was_catatan": {"satu\r\ndua"}, "was_performance_metrics": {"{\r\n  \"nilai\": 12345678901234567890.10\r\n}"},
		"tanggal_perubahan": {"2026-03-01T08:30"}, "catatan": {"satu\r\ndua"}, "performance_metrics": {"{\r\n  \"nilai\": 12345678901234567890.10\r\n}"},
	}
	edited := func(name, value string) url.Values {
		values := maps.Clone(unchanged)
		values.Set(name, value)
		return values
	}
	column := func(name string) string {
		return kit.One[string](t, u.source, "SELECT coalesce(CAST("+name+" AS text), 'NULL') FROM tbl_stage_histori WHERE id = 1")
	}
	at, updated := column("tanggal_perubahan"), column("updated_at")
	p.post("/stage-history/1/edit", unchanged).redirects("/stage-history?productId=7")
	p.get("/stage-history?productId=7").shows(http.StatusOK, "Nothing to save: no field was changed.")
	if column("updated_at") != updated {
		t.Error("an unchanged record was written")
	}
	// A change of the metrics keeps the note that someone else has changed since.
	exec(t, u.source, "UPDATE tbl_stage_histori SET catatan = 'dari orang lain' WHERE id = 1")
	p.post("/stage-history/1/edit", edited("performance_metrics", `{"nilai": 1.50, "baru": [1]}`)).redirects("/stage-history?productId=7")
	p.get("/stage-history?productId=7").shows(http.StatusOK, "Stage history record saved.", "1.50", "[1]", "dari orang lain")
	if got := column("catatan") + column("performance_metrics"); got != `dari orang lain{"nilai": 1.50, "baru": [1]}` || column("tanggal_perubahan") != at {
		t.Errorf("%s at %s", got, column("tanggal_perubahan"))
	}
	unchanged.Set("was_performance_metrics", "{\n  \"nilai\": 1.50,\n  \"baru\": [\n    1\n  ]\n}")
	unchanged.Set("performance_metrics", unchanged.Get("was_performance_metrics"))
	unchanged.Set("was_catatan", "dari orang lain")
	unchanged.Set("catatan", "dari orang lain")
	p.post("/stage-history/1/edit", edited("performance_metrics", " ")).redirects("/stage-history?productId=7")
	p.post("/stage-history/1/edit", edited("tanggal_perubahan", "2026-03-02T09:00")).redirects("/stage-history?productId=7")
	p.post("/stage-history/1/edit", edited("catatan", "baris\r\nlain")).redirects("/stage-history?productId=7")
	if got := column("performance_metrics") + column("catatan"); got != "NULLbaris\nlain" || !strings.HasPrefix(column("tanggal_perubahan"), "2026-03-02") {
		t.Errorf("%q at %s", got, column("tanggal_perubahan"))
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
		p.post("/stage-history/1/edit", edited(c.field, c.value)).shows(http.StatusUnprocessableEntity, c.says, `role="alert"`, `href="#`+c.field+`"`, `aria-invalid="true"`, "dari orang lain")
	}
	p.get("/stage-history/2/edit").shows(http.StatusOK, "left unchanged: Metrics")
	p.post("/stage-history/1/edit", url.Values{"id_produk": {"1"}}).shows(http.StatusBadRequest)
	p.get("/stage-history/2147483647/edit").shows(http.StatusNotFound)
	p.get("/stage-history/0/edit").shows(http.StatusBadRequest)
	p.get("/stage-history/1/delete").shows(http.StatusForbidden, "Only Admin or System Admin can do this.")
	admin := u.signedIn("Admin")
	ask := admin.get("/stage-history/1/delete").shows(http.StatusOK, "Delete this stage history record?", "the product returns to the stage of the record before it", "baris")
	if column("id") != "1" {
		t.Error("asking deleted the record")
	}
	admin.post("/stage-history/1/delete", nil).shows(http.StatusBadRequest, "lacks the row version")
	version := url.Values{"version": {ask.form("/stage-history/1/delete").values["version"]}}
	admin.post("/stage-history/1/delete", version).redirects("/stage-history?productId=7")
	admin.open("/stage-history?productId=7").shows(http.StatusOK, "Stage history record deleted").lacks("baris")
	admin.post("/stage-history/1/delete", version).shows(http.StatusNotFound)
}

// TestStageHistory_DetectsConflictingEdits and deletes of a record that has changed.
func TestStageHistory_DetectsConflictingEdits(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		exec(t, u.source, `UPDATE tbl_stage_histori SET id_produk = 7, catatan = 'Awal', performance_metrics = '{"b": 1, "a": 2.50}' WHERE id = 1`)
		u.Command("sync")
		const edit, remove, list = "/stage-history/1/edit", "/stage-history/1/delete", "/stage-history?productId=7"
		mine, theirs := u.formAt(edit), u.formAt(edit)
		deletion := u.formAt(remove)
		u.follow(u.submit(theirs.set("catatan", "Dari <mereka>")), list, "Stage history record saved")
		again := u.submit(mine.set("catatan", "Dari saya", "performance_metrics", `{"a": 3}`)).shows(http.StatusPreconditionFailed,
			"This stage history record was changed in the meantime", "Note is now “Dari &lt;mereka&gt;”", "Dari saya", `href="#catatan"`)
		if got := kit.One[string](t, u.source, "SELECT catatan || CAST(performance_metrics AS text) FROM tbl_stage_histori WHERE id = 1"); strings.Contains(got, "saya") || strings.Contains(got, "3") {
			t.Errorf("%s was written", got)
		}
		// Changes of other fields and equal changes do not conflict; sending the form again overwrites.
		u.follow(u.submit(u.formAt(edit).set("was_catatan", "Awal", "catatan", "Dari <mereka>")), list, "Stage history record saved")
		u.follow(u.submit(again.form(edit)), list, "Stage history record saved").shows(http.StatusOK, "Dari saya")
		again = u.submit(deletion).shows(http.StatusPreconditionFailed, "It has been changed since you opened this page", "nothing was deleted", "Dari saya")
		u.follow(u.submit(again.form(remove)), list, "Stage history record deleted")
	})
}

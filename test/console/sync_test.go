package console_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"lifecycle-sync/test/kit"
)

// start sends the form of a page that requests a run; mode is "" for a dry run and a verification.
func (u *user) start(page response, action, mode string) response {
	u.Helper()
	f := page.form(action)
	if mode != "" {
		f.set("mode", mode)
	}
	return u.submit(f)
}

// waitForRun waits until the run whose page a response redirects to has ended, and returns that page.
func (u *user) waitForRun(a response) response {
	u.Helper()
	return u.await(a.shows(http.StatusSeeOther).Header.Get("Location"), func(page response) bool { return !strings.Contains(page.body, "data-live") })
}

// status waits until no run is in progress, and returns the page of the sync status.
func (u *user) status() response {
	u.Helper()
	return u.await("/sync", func(page response) bool { return strings.Contains(page.body, `data-live="0"`) })
}

// await waits until a page meets a condition, and returns it.
func (u *user) await(address string, holds func(page response) bool) (page response) {
	u.Helper()
	u.Eventually(address, func() bool {
		page = u.open(address)
		return holds(page)
	})
	return page
}

func TestSync_StartsAndListsRuns(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		status := u.status().shows(http.StatusOK, "Healthy", "In sync · checked", "No schedule in this process", "Full run", "Verify", `href="/sync/runs/1"`, "assets/live.js")
		exec(t, u.source, "UPDATE tbl_produk SET produk = 'Nama <baru>' WHERE id = 2", "DELETE FROM tbl_stage_histori WHERE id = 3")
		full := u.waitForRun(u.start(status, "/sync/runs", "full")).shows(http.StatusOK, "Full run 2", "Succeeded", "1 row updated, 1 row deleted", "Overwritten and deleted rows", "2 in total",
			"<code>tbl_produk</code> row 2", "Nama &lt;baru&gt;", "<del>", "<ins>", `href="/sync/changes?table=tbl_produk&amp;id=2"`, "<code>tbl_stage_histori</code> row 3")
		full.lacks("Apply exactly these changes", "What went wrong")
		u.open("/sync/runs/2?limit=1&page=2").shows(http.StatusOK, "Page 2 of 2", `href="/sync/runs/2?limit=1&amp;page=1"`)
		u.waitForRun(u.start(status, "/sync/runs", "incremental")).shows(http.StatusOK, "no changes")
		u.open("/sync/runs?limit=2").shows(http.StatusOK, "3 in total", "Page 1 of 2", `<a href="/sync/runs/3">3</a>`, `<svg class="bar"`, "Succeeded").lacks(`<a href="/sync/runs/1">`)
		u.open("/sync/runs?limit=2&page=9").shows(http.StatusOK, "The list has only")
		for _, missing := range []string{"/sync/runs/99", "/sync/runs/99/cancel"} {
			u.get(missing).shows(http.StatusNotFound, "Run 99 does not exist")
		}
		for _, invalid := range []string{"/sync?x=1", "/sync/runs?page=0", "/sync/runs/0", "/sync/runs/1?x=1"} {
			u.get(invalid).shows(http.StatusBadRequest)
		}
		for _, invalid := range []url.Values{{"mode": {"fast"}}, {"digest": {"abc"}}, {"allowDeletes": {"x"}}, {"force": {"1"}}} {
			u.post("/sync/runs", invalid).shows(http.StatusBadRequest)
		}
	})
}

func TestSync_AppliesExactlyTheDryRun(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		status := u.status()
		exec(t, u.source, "UPDATE tbl_produk SET harga = 7000001 WHERE id = 4", "DELETE FROM tbl_stage_histori WHERE id = 3",
			"INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Datang', 1, 1)", "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Menggantung', 987, 1)")
		dryRun := u.waitForRun(u.start(status, "/sync/dry-run", "")).shows(http.StatusOK, "Dry run 2", "Nothing was written", "1 row inserted, 1 row updated, 1 row deleted", "Planned changes", "4 in total",
			"<code>harga</code>", "7000001", "Datang", "would be held back", "id_segmen is 987, but tbl_segmen has no such row.", "The row in lifecycle_db", "Menggantung", "would be deleted", "would be updated", "would be inserted", "Apply exactly these changes", "Digest")
		apply := dryRun.form("/sync/runs")
		if n := u.total("search=Datang"); n != 0 {
			t.Fatal("the dry run wrote")
		}

		exec(t, u.source, "UPDATE tbl_produk SET harga = 7000002 WHERE id = 4")
		mismatch := u.waitForRun(u.submit(apply)).shows(http.StatusOK, "Refused", "the changes no longer match the dry run", "7000002", "Planned changes", "Apply exactly these changes").lacks("7000001")
		u.status().shows(http.StatusOK, "Healthy", "Refused", `<span class="muted">would be</span> 3`) // it does not count for the sync status
		newForm := mismatch.form("/sync/runs")
		if newForm.values["digest"] == apply.values["digest"] || len(newForm.values["digest"]) != 32 {
			t.Fatalf("%v, then %v", apply.values, newForm.values)
		}
		u.waitForRun(u.submit(newForm)).shows(http.StatusOK, "Full run 4", "Succeeded", "1 row inserted, 1 row updated, 1 row deleted", "1 row held back", "7000002").lacks("Apply exactly these changes")
		if n := u.total("search=Datang"); n != 1 {
			t.Error("the dry run was not applied")
		}
		u.waitForRun(u.start(status, "/sync/dry-run", "")).shows(http.StatusOK, "A full run would change nothing").lacks("Apply exactly these changes", `action="/sync/runs"`)
	})
}

func TestSync_AllowsMassDeleteByItsNumber(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		status := u.status()
		exec(t, u.source, "DELETE FROM tbl_stage_histori")
		guardedRun := u.waitForRun(u.start(status, "/sync/runs", "full")).shows(http.StatusOK, "Stopped by the mass-delete guard", "Mass-delete guard", "tbl_stage_histori_lifecycle would become empty", "12 of 12 rows", "Delete 12 rows from the copy",
			"Nothing was changed", "Number of rows to delete", `inputmode="numeric"`, "Show the deletes (dry run)")
		u.status().shows(http.StatusOK, "Failed", "would become empty", "Number of rows to delete")
		f := guardedRun.form("/sync/runs")
		if f.values["allowDeletes"] != "" {
			t.Errorf("the number is already filled in: %v", f.values)
		}
		for _, mistyped := range []string{"", "twelve", "-12", "1,2", "1.2", "0.12", "1..2"} {
			u.submit(f.set("allowDeletes", mistyped)).shows(http.StatusUnprocessableEntity, "Enter a whole number", `aria-invalid="true"`, "would become empty")
		}
		for _, mistyped := range []string{"0", "11", "1,200"} {
			u.submit(f.set("allowDeletes", mistyped)).shows(http.StatusUnprocessableEntity, "The run would delete 12 rows, but you entered "+mistyped+". Nothing was started.", `value="`+mistyped+`" aria-invalid="true"`, "would become empty")
		}
		u.waitForRun(u.submit(f.set("allowDeletes", "12"))).shows(http.StatusOK, "Full run 3", "Succeeded", "12 rows deleted")

		// With a dry run, exactly the rows that it showed are deleted.
		exec(t, u.source, "DELETE FROM tbl_produk WHERE id > 5")
		dryRun := u.waitForRun(u.start(status, "/sync/dry-run", "")).shows(http.StatusOK, "Dry run 4", "Too many rows would be deleted", "Planned changes", "15 in total", "Exactly the changes shown are made").lacks("Apply exactly these changes")
		allowed := dryRun.form("/sync/runs").set("allowDeletes", "15")
		exec(t, u.source, "UPDATE tbl_produk SET produk = 'Lain' WHERE id = 2")
		mismatch := u.waitForRun(u.submit(allowed)).shows(http.StatusOK, "Refused", "Apply exactly these changes", "Lain", "16 in total")
		guarded := u.waitForRun(u.submit(mismatch.form("/sync/runs"))).shows(http.StatusOK, "Mass-delete guard", "Number of rows to delete")
		u.waitForRun(u.submit(guarded.form("/sync/runs").set("allowDeletes", "15"))).shows(http.StatusOK, "Succeeded", "1 row updated, 15 rows deleted")
	})
}

func TestSync_VerificationSaysWhyRowsDiffer(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		status := u.status()
		u.waitForRun(u.start(status, "/sync/verify", "")).shows(http.StatusOK, "Verification 2", "The copy is in sync with lifecycle_db").lacks("Why rows differ")
		exec(t, u.target, "UPDATE tbl_produk_lifecycle SET harga = 1 WHERE id = 2")
		verification := u.waitForRun(u.start(status, "/sync/verify", "")).shows(http.StatusOK, "Differs", "1 row of the copy differs from lifecycle_db", "Why rows differ")
		if strings.HasPrefix(u.SourceURL, "postgres:") {
			verification.shows(http.StatusOK, "1 row edited in the copy")
			status = u.status().shows(http.StatusOK, "Drift", "One row was edited in the copy", "Start a full run")
		}
		u.waitForRun(u.start(verification, "/sync/dry-run", "")).shows(http.StatusOK, "<code>harga</code>")
		u.waitForRun(u.start(status, "/sync/runs", "full")).shows(http.StatusOK, "1 row updated")
		u.status().shows(http.StatusOK, "Healthy", "all differences have since been corrected").lacks("1 row edited in the copy", "1 row differs")
	})
}

func TestSync_FailedRunSaysWhatToDo(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		status := u.status()
		exec(t, u.source, "ALTER TABLE tbl_produk RENAME COLUMN harga TO price")
		failedRun := u.waitForRun(u.start(status, "/sync/runs", "full")).shows(http.StatusOK, "Failed", ">Tables do not match<", "harga", "ADD COLUMN", "Run again", `href="/sync/doctor"`)
		u.status().shows(http.StatusOK, "Failed", "The last run failed, so the copy is unchanged", ">Tables do not match<", "harga", "Run again").lacks("In sync")
		u.start(status, "/sync/dry-run", "").shows(http.StatusInternalServerError, "harga", "ADD COLUMN", "Go to Sync")
		exec(t, u.source, "ALTER TABLE tbl_produk RENAME COLUMN price TO harga")
		u.waitForRun(u.start(failedRun, "/sync/runs", "")).shows(http.StatusOK, "Succeeded")
		u.status().shows(http.StatusOK, "Healthy")
	})
}

// TestSync_ShowsAndCancelsARun makes a run wait for another session's lock.
func TestSync_ShowsAndCancelsARun(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, u *user) {
		status := u.status()
		u.open("/sync/runs/1/cancel").shows(http.StatusOK, "has already ended")
		u.post("/sync/runs/1/cancel", nil).shows(http.StatusConflict, "Run 1 has already ended")
		if !strings.HasPrefix(u.SourceURL, "postgres:") {
			return // a run cannot be made long from outside
		}
		release, _ := kit.Lock(t, u.target, "LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE")
		address := u.start(status, "/sync/runs", "full").shows(http.StatusSeeOther).Header.Get("Location")
		u.open(address).shows(http.StatusOK, "In progress", `data-live="2"`, "Reload", "Started", "Waiting for the first table", "Cancel run", "<template>").lacks("http-equiv")
		u.open("/sync").shows(http.StatusOK, `data-live="2" data-state="running" data-realtime="" data-attempts="1"`, "Run 2 in progress", "Reload", "Cancel run", "Start another run")
		u.start(status, "/sync/runs", "full").shows(http.StatusConflict, "Another run is in progress: run 2.", `href="/sync/runs/2"`, "Go to run 2")
		confirmation := u.open(address+"/cancel").shows(http.StatusOK, "Cancel run 2?", "Let it continue")
		canceled := u.start(confirmation, address+"/cancel", "")
		u.follow(canceled, address, "The run was asked to stop.")
		u.waitForRun(canceled).shows(http.StatusOK, "Canceled", "Nothing was changed", "Run again")
		u.status().shows(http.StatusOK, "Healthy", "Canceled")
		release()
		u.waitForRun(u.start(status, "/sync/runs", "full")).shows(http.StatusOK, "Succeeded")
	})
}

// TestSync_RequiresAdmin checks the page for other roles, and that forms of other sites are rejected.
func TestSync_RequiresAdmin(t *testing.T) {
	t.Parallel()
	u := newSiteWithTokens(t)
	posts := []string{"/sync/runs", "/sync/dry-run", "/sync/verify", "/sync/runs/1/cancel"}
	for _, role := range []string{"Staff", "Project Manager"} {
		p := u.signedIn(role)
		p.get("/").shows(http.StatusOK)
		for _, target := range []string{"/sync", "/sync/runs", "/sync/runs/1", "/sync/runs/1/cancel"} {
			p.get(target).shows(http.StatusForbidden, "Access denied", "Only Admin or System Admin can do this.").lacks(`href="/sync"`)
		}
		for _, target := range posts {
			p.post(target, nil).shows(http.StatusForbidden, "Access denied")
		}
	}
	u.newVisitor().get("/sync").redirects("/sign-in?next=%2Fsync")
	admin := u.signedIn("Admin")
	for _, target := range posts {
		admin.post(target, nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://elsewhere.example").shows(http.StatusForbidden)
	}
	runs := regexp.MustCompile(`href="/sync/runs/\d+"`)
	if page := admin.get("/sync/runs").shows(http.StatusOK); len(runs.FindAllString(page.body, -1)) != 1 {
		t.Errorf("a run was started\n%s", page.body)
	}
	admin.send(http.MethodPost, "/sync/verify", strings.NewReader("{}"), "Content-Type", "application/json").shows(http.StatusUnsupportedMediaType)
}

// TestSync_QuarantineExplainsEveryReason and says what to do.
func TestSync_QuarantineExplainsEveryReason(t *testing.T) {
	t.Parallel()
	u := newSite(t, "UPDATE tbl_produk SET id_segmen = 77 WHERE id = 3",
		"UPDATE tbl_produk SET tanggal_launch = 'infinity', deskripsi = '<script>alert(1)</script>' || hex(zeroblob(50000)) WHERE id = 5",
		"UPDATE tbl_produk SET produk = CAST(x'41ff42' AS text) WHERE id = 6",
		"DELETE FROM tbl_stage_histori", "INSERT INTO tbl_stage_histori (id, id_produk, stage_now) VALUES (1, 3, 2), (2, 4, 99)")
	a := u.get("/sync/quarantine").shows(http.StatusOK,
		"id_segmen is 77, but tbl_segmen has no such row.", "insert row 77 into tbl_segmen",
		"tanggal_launch has an unsupported value: infinity.", "or set it to NULL",
		"id_produk is 3, and that row of tbl_produk is held back, too.", "Fix that row",
		"stage_now is 99, but tbl_stage has no such row.",
		"<code>tbl_stage_histori</code> row 2", `href="/sync/runs/1"`, `href="/sync/changes?table=tbl_produk&amp;id=3"`, "5 in total", "&lt;script&gt;", "the API returns the rest").lacks("<script>alert")
	if len(a.body) > 60_000 {
		t.Errorf("%d bytes", len(a.body))
	}
	u.get("/products/3").shows(http.StatusNotFound, "<h1>Held back</h1>", "Product 3 is held back: Segment refers to a row that does not exist.", "Fix the row, or the row that it refers to, in lifecycle_db", `href="/sync/quarantine"`)
	u.get("/products/3/edit").shows(http.StatusNotFound, "<h1>Held back</h1>")
	u.get("/stage-history?productId=3").shows(http.StatusOK, "No matching moves")
	u.get("/sync/quarantine?limit=2&page=2").shows(http.StatusOK, "Page 2 of 3", `href="/sync/quarantine?limit=2&amp;page=3"`)
	u.get("/sync/quarantine?limit=2&page=9").shows(http.StatusOK, "The list has only")
	u.get("/sync/quarantine?table=x").shows(http.StatusBadRequest)
	exec(t, u.source, "UPDATE tbl_produk SET id_segmen = 1 WHERE id = 3", "DELETE FROM tbl_produk WHERE id IN (5, 6)", "DELETE FROM tbl_stage_histori WHERE id = 2")
	u.Command("sync")
	u.get("/sync/quarantine").shows(http.StatusOK, "No rows are held back")
}

// TestSync_RowHistoryShowsOverwrittenValues before and after, and deleted rows as a whole.
func TestSync_RowHistoryShowsOverwrittenValues(t *testing.T) {
	t.Parallel()
	u := newSite(t, "UPDATE tbl_produk SET produk = 'Lama <i>', harga = NULL, pelanggan = '' WHERE id = 7", "DELETE FROM tbl_stage_histori WHERE id_produk = 9")
	exec(t, u.source, "UPDATE tbl_produk SET produk = 'Baru', harga = 9007199254740993, pelanggan = 'PT X' WHERE id = 7", "DELETE FROM tbl_produk WHERE id = 9")
	u.Command("sync")
	u.get("/sync/changes").shows(http.StatusOK, "Choose a table", `<option value="tbl_produk">`)
	u.get("/sync/changes?table=tbl_produk&id=7").shows(http.StatusOK, "Full run 2</a>", `href="/sync/runs/2"`, "<code>harga</code>", "9007199254740993", "Lama &lt;i&gt;", "Baru", "none", "empty text",
		`<option value="tbl_produk" selected>`, `value="7"`, "1 in total", "<del>", "<ins>").lacks("<code>deskripsi</code>")
	u.get("/sync/changes?table=tbl_produk&id=9").shows(http.StatusOK, "deleted", "<code>deskripsi</code>", "<code>id</code>").lacks("<ins>")
	u.get("/sync/changes?table=tbl_segmen&id=1").shows(http.StatusOK, "No changes in the change log")
	for query, problem := range map[string]string{"0": "ID must be a whole number from 1 to", "x": "ID must be a whole number from 1 to", "": "ID is required."} {
		u.get("/sync/changes?table=tbl_produk&id="+query).shows(http.StatusUnprocessableEntity, `<p class="field-error" id="id-error">`+problem, `aria-describedby="id-error"`, `<option value="tbl_produk" selected>`)
	}
	for _, query := range []string{"table=pg_shadow", "table=pg_shadow&id=1", "row=1"} {
		u.get("/sync/changes?"+query).shows(http.StatusBadRequest, "Invalid request")
	}
}

// TestSync_DoctorShowsStatements to copy.
func TestSync_DoctorShowsStatements(t *testing.T) {
	t.Parallel()
	u := newSite(t, "UPDATE tbl_produk SET id_segmen = NULL WHERE id = 3")
	u.get("/sync/doctor").shows(http.StatusOK, "Notes", "Healthy", "<code>source.required_values</code>", "Run diagnostics again",
		`<pre class="statement" tabindex="0">SELECT id FROM tbl_produk WHERE id_segmen IS NULL</pre>`, "Set ALERT_WEBHOOK_URL, unless exit codes")
	u.get("/sync/doctor?x=1").shows(http.StatusBadRequest)
}

package console_test

import (
	"database/sql"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// postgres reports whether the desk is at PostgreSQL.
func (d *desk) postgres() bool { return strings.HasPrefix(d.SourceURL, "postgres:") }

// mirror is a connection to pmo_db.
func (d *desk) mirror() *sql.DB { return d.target }

// press sends the form with an action and a mode, "" for none, on a page.
func (d *desk) press(page answer, action, mode string) answer {
	d.t.Helper()
	f := page.form(d.t, action)
	if mode != "" {
		f = f.set(d.t, "mode", mode)
	}
	return d.submit(f)
}

// run waits until the run that an answer leads to has ended, and returns its page.
func (d *desk) run(a answer) answer {
	d.t.Helper()
	address := a.want(d.t, http.StatusSeeOther).Header.Get("Location")
	if !strings.HasPrefix(address, "/sync/runs/") {
		d.t.Fatalf("leads to %s", address)
	}
	return d.settled(address, func(page answer) bool { return !strings.Contains(page.body, "data-live") })
}

// state waits until no run is under way, and returns the page that says how the mirror stands.
func (d *desk) state() answer {
	d.t.Helper()
	return d.settled("/sync", func(page answer) bool { return strings.Contains(page.body, `data-live="0"`) })
}

// settled waits until a page is as it must be, and returns it.
func (d *desk) settled(address string, is func(page answer) bool) (page answer) {
	d.t.Helper()
	d.Eventually(address, func() bool {
		page = d.open(address)
		return is(page)
	})
	checkPage(d.t, page)
	return page
}

// lacks fails the test when a page contains one of some texts.
func (a answer) lacks(t *testing.T, texts ...string) answer {
	t.Helper()
	for _, text := range texts {
		if strings.Contains(a.body, text) {
			t.Errorf("%s: there is %q in\n%s", a.Request.URL, text, a.body)
		}
	}
	return a
}

func TestRunsAreStartedAndListed(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		state := d.state().want(t, http.StatusOK, "Healthy", "In sync · checked", "No schedule in this process", "Full run", "Verify", `href="/sync/runs/1"`, "assets/live.js")
		exec(t, d.source, "UPDATE tbl_produk SET produk = 'Nama <baru>' WHERE id = 2", "DELETE FROM tbl_stage_histori WHERE id = 3")
		full := d.run(d.press(state, "/sync/runs", "full")).want(t, http.StatusOK, "Full run 2", "Succeeded", "1 row updated, 1 row deleted", "Overwritten and deleted rows", "2 in total",
			"<code>tbl_produk</code> row 2", "Nama &lt;baru&gt;", "<del>", "<ins>", `href="/sync/changes?table=tbl_produk&amp;id=2"`, "<code>tbl_stage_histori</code> row 3")
		full.lacks(t, "Apply exactly these changes", "What went wrong")
		d.open("/sync/runs/2?limit=1&page=2").want(t, http.StatusOK, "Page 2 of 2", `href="/sync/runs/2?limit=1&amp;page=1"`)
		d.run(d.press(state, "/sync/runs", "incremental")).want(t, http.StatusOK, "no changes")
		list := d.open("/sync/runs?limit=2").want(t, http.StatusOK, "3 in total", "Page 1 of 2", `<a href="/sync/runs/3">3</a>`, `<svg class="bar"`, "Succeeded").lacks(t, `<a href="/sync/runs/1">`)
		checkPage(t, list)
		d.open("/sync/runs?limit=2&page=9").want(t, http.StatusOK, "The list has only")
		for _, missing := range []string{"/sync/runs/99", "/sync/runs/99/cancel"} {
			d.send(http.MethodGet, missing, "", nil).want(t, http.StatusNotFound, "Run 99 does not exist")
		}
		for _, wrong := range []string{"/sync?x=1", "/sync/runs?page=0", "/sync/runs/0", "/sync/runs/1?x=1"} {
			d.send(http.MethodGet, wrong, "", nil).want(t, http.StatusBadRequest)
		}
		for _, wrong := range []url.Values{{"mode": {"fast"}}, {"digest": {"abc"}}, {"allowDeletes": {"x"}}, {"force": {"1"}}} {
			d.send(http.MethodPost, "/sync/runs", "application/x-www-form-urlencoded", strings.NewReader(wrong.Encode())).want(t, http.StatusBadRequest)
		}
	})
}

func TestPreviewIsApplied(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		state := d.state()
		exec(t, d.source, "UPDATE tbl_produk SET harga = 7000001 WHERE id = 4", "DELETE FROM tbl_stage_histori WHERE id = 3",
			"INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Datang', 1, 1)", "INSERT INTO tbl_produk (produk, id_segmen, id_stage) VALUES ('Menggantung', 987, 1)")
		preview := d.run(d.press(state, "/sync/dry-run", "")).want(t, http.StatusOK, "Dry run 2", "Nothing was written", "1 row inserted, 1 row updated, 1 row deleted", "Preview", "4 in total",
			"<code>harga</code>", "7000001", "Datang", "would be held back", "id_segmen is 987, but tbl_segmen has no such row.", "The row in lifecycle_db", "Menggantung", "would be deleted", "would be updated", "would be inserted", "Apply exactly these changes", "Digest")
		apply := preview.form(t, "/sync/runs")
		if n := d.total("search=Datang"); n != 0 {
			t.Fatal("the dry run has written")
		}

		exec(t, d.source, "UPDATE tbl_produk SET harga = 7000002 WHERE id = 4")
		refused := d.run(d.submit(apply)).want(t, http.StatusOK, "Refused", "no longer make the changes of the preview", "7000002", "Preview", "Apply exactly these changes").lacks(t, "7000001")
		d.state().want(t, http.StatusOK, "Healthy", "Refused", `<span class="muted">would be</span> 3`) // it says nothing of how the mirror stands
		again := refused.form(t, "/sync/runs")
		if again.values["digest"] == apply.values["digest"] || len(again.values["digest"]) != 32 {
			t.Fatalf("%v, then %v", apply.values, again.values)
		}
		d.run(d.submit(again)).want(t, http.StatusOK, "Full run 4", "Succeeded", "1 row inserted, 1 row updated, 1 row deleted", "1 row held back", "7000002").lacks(t, "Apply exactly these changes")
		if n := d.total("search=Datang"); n != 1 {
			t.Error("what was shown was not applied")
		}
		d.run(d.press(state, "/sync/dry-run", "")).want(t, http.StatusOK, "A full run would change nothing").lacks(t, "Apply exactly these changes", `action="/sync/runs"`)
	})
}

func TestMassDeleteIsAllowedByItsNumber(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		state := d.state()
		exec(t, d.source, "DELETE FROM tbl_stage_histori")
		stopped := d.run(d.press(state, "/sync/runs", "full")).want(t, http.StatusOK, "Stopped by the mass-delete guard", "Mass-delete guard", "tbl_stage_histori_lifecycle would become empty", "12 of 12 rows", "Delete 12 rows from the copy",
			"Nothing was changed", "Number of rows to delete", `inputmode="numeric"`, "Preview the deletes")
		d.state().want(t, http.StatusOK, "Failed", "would become empty", "Number of rows to delete")
		f := stopped.form(t, "/sync/runs")
		if f.values["allowDeletes"] != "" {
			t.Errorf("the number is filled in: %v", f.values)
		}
		for _, mistyped := range []string{"", "twelve", "-12", "1,2", "1.2", "0.12", "1..2"} {
			page := d.submit(f.set(t, "allowDeletes", mistyped)).want(t, http.StatusUnprocessableEntity, "Enter a whole number", `aria-invalid="true"`, "would become empty")
			checkPage(t, page)
		}
		wrong := d.run(d.submit(f.set(t, "allowDeletes", "11"))).want(t, http.StatusOK, "Full run 3", "11 rows were allowed to leave the mirror, but 12 would", "Number of rows to delete")
		d.run(d.submit(wrong.form(t, "/sync/runs").set(t, "allowDeletes", "12"))).want(t, http.StatusOK, "Full run 4", "Succeeded", "12 rows deleted")

		// Together with a dry run, exactly the rows leave that it has shown.
		exec(t, d.source, "DELETE FROM tbl_produk WHERE id > 5")
		preview := d.run(d.press(state, "/sync/dry-run", "")).want(t, http.StatusOK, "Dry run 5", "Too many rows would be deleted", "Preview", "15 in total", "Exactly the changes shown are made").lacks(t, "Apply exactly these changes")
		allowed := preview.form(t, "/sync/runs").set(t, "allowDeletes", "15")
		exec(t, d.source, "UPDATE tbl_produk SET produk = 'Lain' WHERE id = 2")
		changed := d.run(d.submit(allowed)).want(t, http.StatusOK, "Refused", "Apply exactly these changes", "Lain", "16 in total")
		guarded := d.run(d.submit(changed.form(t, "/sync/runs"))).want(t, http.StatusOK, "Mass-delete guard", "Number of rows to delete")
		d.run(d.submit(guarded.form(t, "/sync/runs").set(t, "allowDeletes", "15"))).want(t, http.StatusOK, "Succeeded", "1 row updated, 15 rows deleted")
	})
}

func TestVerificationSaysWhyRowsDiffer(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		state := d.state()
		d.run(d.press(state, "/sync/verify", "")).want(t, http.StatusOK, "Verification 2", "The copy is in sync with lifecycle_db").lacks(t, "Why rows differ")
		exec(t, d.mirror(), "UPDATE tbl_produk_lifecycle SET harga = 1 WHERE id = 2")
		found := d.run(d.press(state, "/sync/verify", "")).want(t, http.StatusOK, "Differs", "1 row of the copy differs from lifecycle_db", "Why rows differ")
		if d.postgres() {
			found.want(t, http.StatusOK, "1 row edited in the copy")
			state = d.state().want(t, http.StatusOK, "Drift", "One row was edited in the copy", "Start a full run")
		}
		d.run(d.press(found, "/sync/dry-run", "")).want(t, http.StatusOK, "<code>harga</code>")
		d.run(d.press(state, "/sync/runs", "full")).want(t, http.StatusOK, "1 row updated")
		d.state().want(t, http.StatusOK, "Healthy")
	})
}

func TestFailedRunSaysWhatToDo(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		state := d.state()
		exec(t, d.source, "ALTER TABLE tbl_produk RENAME COLUMN harga TO price")
		failed := d.run(d.press(state, "/sync/runs", "full")).want(t, http.StatusOK, "Failed", ">Tables do not match<", "harga", "ADD COLUMN", "Run again", `href="/sync/doctor"`)
		d.state().want(t, http.StatusOK, "Failed", "The last run failed, so the copy is unchanged", ">Tables do not match<", "harga", "Run again")
		refused := d.press(state, "/sync/dry-run", "").want(t, http.StatusInternalServerError, "harga", "ADD COLUMN", "Go to Sync")
		checkPage(t, refused)
		exec(t, d.source, "ALTER TABLE tbl_produk RENAME COLUMN price TO harga")
		d.run(d.press(failed, "/sync/runs", "")).want(t, http.StatusOK, "Succeeded")
		d.state().want(t, http.StatusOK, "Healthy")
	})
}

// TestRunIsWatchedAndCanceled holds a run where it waits for another session's lock.
func TestRunIsWatchedAndCanceled(t *testing.T) {
	t.Parallel()
	eachDesk(t, func(t *testing.T, d *desk) {
		state := d.state()
		checkPage(t, d.open("/sync/runs/1/cancel").want(t, http.StatusOK, "has already ended"))
		d.send(http.MethodPost, "/sync/runs/1/cancel", "application/x-www-form-urlencoded", strings.NewReader("")).want(t, http.StatusConflict, "Run 1 has already ended")
		if !d.postgres() {
			return // a run cannot be made long from outside
		}
		tx, err := d.mirror().Begin()
		if err != nil {
			t.Fatal(err)
		}
		release := sync.OnceFunc(func() { _ = tx.Rollback() })
		defer release()
		if _, err := tx.Exec("LOCK TABLE tbl_produk_lifecycle IN ROW EXCLUSIVE MODE"); err != nil {
			t.Fatal(err)
		}
		begun := d.press(state, "/sync/runs", "full")
		address := begun.want(t, http.StatusSeeOther).Header.Get("Location")
		watched := d.open(address).want(t, http.StatusOK, "In progress", `data-live="2"`, "Reload", "Started", "Waiting for the first table", "Cancel run", "<template>").lacks(t, "http-equiv")
		checkPage(t, watched)
		checkPage(t, d.open("/sync").want(t, http.StatusOK, `data-live="2" data-state="running" data-realtime="" data-attempts="1"`, "Run 2 in progress", "Reload", "Cancel run", "Start another run"))
		busy := d.press(state, "/sync/runs", "full").want(t, http.StatusConflict, "Another run is in progress: run 2.", `href="/sync/runs/2"`, "Go to run 2")
		checkPage(t, busy)
		asked := d.open(address+"/cancel").want(t, http.StatusOK, "Cancel run 2?", "Let it continue")
		checkPage(t, asked)
		canceled := d.press(asked, address+"/cancel", "")
		d.to(canceled, address, "The run was asked to stop.")
		d.run(canceled).want(t, http.StatusOK, "Canceled", "Nothing was changed", "Run again")
		d.state().want(t, http.StatusOK, "Healthy", "Canceled")
		release()
		d.run(d.press(state, "/sync/runs", "full")).want(t, http.StatusOK, "Succeeded")
	})
}

// TestSyncIsForAdministrators shows everybody else a page that says so, and nobody's forms of other sites do anything.
func TestSyncIsForAdministrators(t *testing.T) {
	t.Parallel()
	s := newSite(t, unchanged[*sql.DB], withTokens()...)
	posts := []string{"/sync/runs", "/sync/dry-run", "/sync/verify", "/sync/runs/1/cancel"}
	for _, role := range []string{"Staff", "Project Manager"} {
		p := s.signedIn(role)
		p.get("/").sees(t, http.StatusOK)
		for _, target := range []string{"/sync", "/sync/runs", "/sync/runs/1", "/sync/runs/1/cancel"} {
			checkPage(t, p.get(target).sees(t, http.StatusForbidden, "Access denied", "access is required").lacks(t, `href="/sync"`))
		}
		for _, target := range posts {
			checkPage(t, p.post(target, nil).sees(t, http.StatusForbidden, "Access denied"))
		}
	}
	s.person().get("/sync").leads(t, "/sign-in?next=%2Fsync")
	admin := s.signedIn("Admin")
	for _, target := range posts {
		admin.post(target, nil, "Sec-Fetch-Site", "cross-site", "Origin", "https://elsewhere.example").sees(t, http.StatusForbidden)
	}
	runs := regexp.MustCompile(`href="/sync/runs/\d+"`)
	if page := admin.get("/sync/runs").sees(t, http.StatusOK); len(runs.FindAllString(page.body, -1)) != 1 {
		t.Errorf("something was started\n%s", page.body)
	}
	if a := admin.send(http.MethodPost, "/sync/verify", io.NopCloser(strings.NewReader("{}")), "Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"); a.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d", a.StatusCode)
	}
}

package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/access"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/program"
	"lifecycle-sync/test/kit/testdb"
)

// everything is the null of an event that tells clients to reload every product.
var everything = []int64{-1}

// changeEvent is an event of /events.
type changeEvent struct {
	Version  int64
	Products []int64 // everything if null
}

// nextChange reads one event of /events.
func (s *stream) nextChange() (c changeEvent) {
	s.t.Helper()
	e, ok := s.next()
	if err := json.Unmarshal(e.data, &c); !ok || err != nil || e.name != "change" || e.id != strconv.FormatInt(c.Version, 10) {
		s.t.Fatalf("%+v, %v, %v", e, err, s.lines.Err())
	}
	if c.Products == nil {
		c.Products = everything
	}
	return c
}

// mirrorVersion returns the mirror's version.
func (s *site) mirrorVersion() int64 {
	s.t.Helper()
	return queryOne[int64](s.t, s.target, "SELECT version FROM lifecycle_mirror_version")
}

// wantChanged reads the events up to the mirror's version. Each must follow after's, and together they must name the products.
func (s *stream) wantChanged(at *site, what string, after *int64, want ...int64) {
	s.t.Helper()
	got, current := []int64{}, at.mirrorVersion()
	if *after >= current {
		s.t.Errorf("%s: the mirror has had version %d before", what, current)
	}
	for *after < current {
		c := s.nextChange()
		if c.Version <= *after {
			s.t.Fatalf("%s: version %d after %d", what, c.Version, *after)
		}
		*after = c.Version
		got = append(got, c.Products...)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(slices.Compact(got), slices.Compact(want)) {
		s.t.Errorf("%s: products %v, want %v", what, got, want)
	}
}

// insertProducts inserts products into lifecycle_db, with ids from one to another.
func (s *site) insertProducts(from, to int64) {
	s.t.Helper()
	override := ""
	if s.onPostgres() {
		override = "OVERRIDING SYSTEM VALUE"
	}
	exec(s.t, s.source, fmt.Sprintf(`INSERT INTO tbl_produk (id, produk, id_segmen, id_stage, id_kategori) `+override+`
		WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, 'many', 1, 1, 1 FROM n`, from, to))
}

// TestEvents_NameChangedProducts: each kind of change reaches the stream of another client with the products that it concerns.
func TestEvents_NameChangedProducts(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		if rows := queryOne[int64](t, s.target, "SELECT count(*) FROM lifecycle_mirror_changes WHERE CAST(products AS text) = 'null'"); rows != 1 {
			t.Errorf("the first load recorded %d times everything", rows)
		}
		s.token = s.Token("Admin")
		live := s.as("Staff").stream("/events", "")
		first := live.nextChange()
		if len(first.Products) != 0 || first.Version != s.mirrorVersion() {
			t.Errorf("first %+v", first)
		}
		version := first.Version
		did := func(what string, want ...int64) {
			t.Helper()
			live.wantChanged(s, what, &version, want...)
		}
		undo := func(want ...int64) {
			t.Helper()
			s.undo(s.activities("limit=1")[0].ID)
			did("undo", want...)
		}
		s.send(http.MethodPut, "/products/1", `{"harga":123456}`).want(t, http.StatusOK)
		did("update", 1)
		created := decode[product](t, s.upload(http.MethodPost, "/products", newProduct("new"), []file{{"a.pdf", pdf}}).want(t, http.StatusCreated)).ID
		did("create", created)
		if rows := queryOne[int64](t, s.target, "SELECT count(*) FROM lifecycle_mirror_changes WHERE version > (SELECT version - 2 FROM lifecycle_mirror_version) AND CAST(products AS text) = "+fmt.Sprintf("'[%d]'", created)); rows != 2 {
			t.Errorf("%d versions name the created product: its row and its file do", rows)
		}
		undo(created)
		undo(created)
		s.send(http.MethodPost, "/stage-history", `{"id_produk":3,"stage_now":2}`).want(t, http.StatusCreated)
		did("move", 3)
		record := decode[[]struct{ ID int64 }](t, s.get("/stage-history?productId=3"))[0].ID
		s.send(http.MethodPut, fmt.Sprintf("/stage-history/%d", record), `{"catatan":"second"}`).want(t, http.StatusOK)
		did("correct", 3)
		s.upload(http.MethodPost, "/products/4/attachments", nil, []file{{"a.pdf", pdf}}).want(t, http.StatusCreated)
		did("upload", 4)
		s.do(http.MethodDelete, fmt.Sprintf("%s/products/4/attachments/%d", base, decode[[]models.Attachment](t, s.get("/products/4/attachments"))[0].ID), nil).want(t, http.StatusOK)
		did("delete a file", 4)
		undo(4)
		s.bulk(s.targets(7, 9), `"set":{"pelanggan":"x"}`).want(t, http.StatusOK)
		did("bulk", 7, 9)
		undo(7, 9)
		s.do(http.MethodDelete, base+"/products/6", nil).want(t, http.StatusOK)
		did("delete", 6)
		undo(6)
		s.createView(`{"name":"x","query":""}`)
		did("save a view")

		exec(t, s.source, fmt.Sprintf("UPDATE tbl_stage_histori SET id_produk = 10 WHERE id = %d", record))
		s.runSync("")
		did("another product's record", 3, 10)
		exec(t, s.source, "UPDATE tbl_produk SET id_segmen = 99 WHERE id = 8")
		s.runSync("")
		did("quarantine", 8)
		exec(t, s.source, "UPDATE tbl_produk SET id_segmen = 1 WHERE id = 8")
		s.runSync("")
		did("release", 8)
		exec(t, s.source, "DELETE FROM tbl_stage_histori WHERE id_produk = 11")
		exec(t, s.source, "DELETE FROM tbl_produk WHERE id = 11")
		s.runSync("")
		did("delete in lifecycle_db", 11)
		s.runSync("")
		did("no change")
		exec(t, s.source, "UPDATE tbl_segmen SET segmen = 'renamed' WHERE id = 1")
		s.runSync("")
		did("dropdowns", everything...)
		s.insertProducts(5001, 5000+models.MaxNamedProducts)
		s.runSync("")
		var named []int64
		for id := range int64(models.MaxNamedProducts) {
			named = append(named, 5001+id)
		}
		did("as many as are named", named...)
		s.insertProducts(7001, 7001+models.MaxNamedProducts)
		s.runSync("")
		did("more than are named", everything...)
		s.send(http.MethodPut, "/products/1", `{"harga":7}`).want(t, http.StatusOK)
		did("update after everything", 1)
	}, withTokens...)
}

// TestEvents_ResumeOnAnyServer: a client that reconnects, also to another server of the same databases, misses and repeats nothing.
func TestEvents_ResumeOnAnyServer(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		other := &site{t: t, Program: program.New(t), source: s.source, target: s.target}
		other.UseDatabases(s.SourceURL, s.TargetURL)
		other.Start()
		price := 1000
		change := func(id int64) {
			t.Helper()
			price++
			s.send(http.MethodPut, fmt.Sprintf("/products/%d", id), fmt.Sprintf(`{"harga":%d}`, price)).want(t, http.StatusOK)
		}
		live := other.stream("/events", "")
		version := live.nextChange().Version
		change(1)
		live.wantChanged(s, "a write through another server", &version, 1)
		live.close()
		start := version
		change(2)
		change(3)
		change(2)
		for _, at := range []*site{s, other} {
			version = start
			live = at.stream("/events", strconv.FormatInt(version, 10))
			live.wantChanged(s, "while no one was connected", &version, 2, 3)
			change(4)
			live.wantChanged(s, "after resuming", &version, 4)
			live.close()
			live = at.stream("/events", strconv.FormatInt(version, 10))
			change(5)
			live.wantChanged(s, "after resuming with the newest version", &version, 5)
			live.close()
			start = version
			change(2)
			change(3)
		}
		// More versions than one event combines: none is lost.
		var want []int64
		for n := range 230 {
			exec(t, s.target, "UPDATE lifecycle_mirror_version SET version = version + 1")
			exec(t, s.target, fmt.Sprintf("INSERT INTO lifecycle_mirror_changes (version, products) SELECT version, '[%d]' FROM lifecycle_mirror_version", 100+n))
			want = append(want, int64(100+n))
		}
		version = start
		s.stream("/events", strconv.FormatInt(version, 10)).wantChanged(s, "after many versions", &version, append(want, 2, 3)...)

		old := strconv.FormatInt(start, 10)
		const recorded, age = "SELECT count(*) FROM lifecycle_mirror_changes", "UPDATE lifecycle_mirror_changes SET at = "
		ago := map[bool]string{true: "now() - interval '25 hours'", false: "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now', '-25 hours')"}[s.onPostgres()]
		exec(t, s.target, age+ago)
		s.runSync("")
		if kept := queryOne[int](t, s.target, recorded); kept != 1 { // its own
			t.Errorf("a run keeps %d old versions", kept-1)
		}
		for _, id := range []string{old, "0", "1", "-1", "x", strconv.FormatInt(s.mirrorVersion()+1, 10), "99999999999999999999"} {
			live = s.stream("/events", id)
			if c := live.nextChange(); !slices.Equal(c.Products, everything) || c.Version != s.mirrorVersion() {
				t.Errorf("after %s: %+v", id, c)
			}
			live.close()
		}
		live = s.stream("/events", "x")
		version = live.nextChange().Version
		change(6)
		live.wantChanged(s, "after an unknown id", &version, 6)

		exec(t, s.target, age+ago)
		exec(t, s.source, "ALTER TABLE tbl_segmen RENAME TO tbl_gone") // no run succeeds
		other.Stop()
		other.Start()
		s.Eventually("a server without runs keeps no old versions", func() bool { return queryOne[int](t, s.target, recorded) == 0 })
	})
}

// TestEvents_NameProductsOfRealTimeSteps: changes made directly in lifecycle_db reach the stream without a request or a run.
func TestEvents_NameProductsOfRealTimeSteps(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.Postgres, "SYNC_REALTIME=true")
	s.Eventually("real-time sync follows", func() bool {
		return decode[struct{ Realtime struct{ State string } }](t, s.get("/sync")).Realtime.State == "following"
	})
	live := s.stream("/events", "")
	version := live.nextChange().Version
	for _, c := range []struct {
		statements string
		want       []int64
	}{
		{"UPDATE tbl_produk SET harga = 4711 WHERE id = 7", []int64{7}},
		{"UPDATE tbl_produk SET harga = 4711 WHERE id IN (1, 2)", []int64{1, 2}},
		{"INSERT INTO tbl_stage_histori (id_produk, stage_now) VALUES (3, 1)", []int64{3}},
		{"UPDATE tbl_stage_histori SET id_produk = 10 WHERE id = (SELECT max(id) FROM tbl_stage_histori)", []int64{3, 10}},
		{"DELETE FROM tbl_stage_histori WHERE id_produk = 11; DELETE FROM tbl_produk WHERE id = 11", []int64{11}},
		{"UPDATE tbl_segmen SET segmen = 'renamed' WHERE id = 1", everything},
	} {
		exec(t, s.source, c.statements)
		change := live.nextChange() // one transaction is one step
		if !slices.Equal(change.Products, c.want) || change.Version != version+1 {
			t.Errorf("%s: %+v, want %v after version %d", c.statements, change, c.want, version)
		}
		version = change.Version
	}
	if runs := queryOne[int](t, s.target, "SELECT count(*) FROM lifecycle_sync_runs WHERE mode = 'incremental' AND started_at > (SELECT min(started_at) FROM lifecycle_sync_runs WHERE mode = 'realtime')"); runs > 0 {
		t.Errorf("%d runs have done what steps should", runs)
	}
}

func TestEvents_AreBoundedPerCaller(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		staff, other := s.as("Staff"), s.as("Project Manager")
		var open []*stream
		for range 5 {
			open = append(open, staff.stream("/events", ""))
		}
		if a := staff.do(http.MethodGet, base+"/events", nil).want(t, http.StatusTooManyRequests, "rate_limited"); a.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		other.stream("/events", "").nextChange()
		admin := s.as("Admin")
		for range 6 { // which has a limit of its own
			admin.stream("/sync/events", "").until("state")
		}
		open[0].close()
		freed := staff.stream("/events", "")
		version := freed.nextChange().Version
		other.send(http.MethodPut, "/products/2", `{"harga":5}`).want(t, http.StatusOK)
		freed.wantChanged(s, "with many streams", &version, 2)
		if head := other.do(http.MethodHead, base+"/events", nil); head.StatusCode != http.StatusOK || len(head.body) != 0 {
			t.Errorf("HEAD: %d %s", head.StatusCode, head.body)
		}
		if kit.IsLong() {
			for freed.lines.Scan() {
				if freed.lines.Text() == ": heartbeat" {
					break
				}
			}
			if err := freed.lines.Err(); err != nil {
				t.Error("no heartbeat", err)
			}
		}
	}, withTokens...)
}

// TestEvents_EndWhenTheTokenExpires uses tokens in the last moments in which they are accepted.
func TestEvents_EndWhenTheTokenExpires(t *testing.T) {
	t.Parallel()
	eachSite(t, func(t *testing.T, s *site) {
		for _, path := range []string{"/events", "/sync/events"} {
			s.Eventually("a token that has not expired before its stream is open", func() (opened bool) {
				now := time.Now()
				secret, _ := strings.CutPrefix(withTokens[0], "AUTH_JWT_SECRET=")
				token, err := access.Sign(secret, access.Claims{
					Role: "Admin", Subject: "short", Issuer: "pmo", Audience: "lifecycle", IssuedAt: now.Add(-time.Minute), Expires: time.Minute - 28*time.Second,
				})
				if err != nil {
					t.Fatal(err)
				}
				short := *s
				short.token = token
				if short.do(http.MethodHead, base+path, nil).StatusCode == http.StatusUnauthorized {
					return false
				}
				live := short.stream(path, "")
				for live.lines.Scan() {
				}
				if err := live.lines.Err(); err != nil {
					t.Errorf("%s did not end with its token: %v", path, err)
				}
				short.do(http.MethodGet, base+path, nil).want(t, http.StatusUnauthorized, "unauthenticated")
				return true
			})
		}
	}, withTokens...)
}

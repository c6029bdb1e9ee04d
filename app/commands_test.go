package app_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lifecycle-sync/models"
	"lifecycle-sync/services/access"
	"lifecycle-sync/services/doctor"
	"lifecycle-sync/test/kit"
	"lifecycle-sync/test/kit/testdb"
)

func TestSync_PrintsTheKnownLinesWithoutConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	for _, action := range []string{"inserted", "unchanged"} {
		want := strings.ReplaceAll(`🔄 Starting data synchronization from lifecycle_db to pmo_db...
✅ Connected to lifecycle_db
📋 Creating tables if they don't exist...
✅ Tables created/verified
🔄 Syncing segments...
✅ Synced 5 segments (5 ACTION)
🔄 Syncing stages...
✅ Synced 4 stages (4 ACTION)
🔄 Syncing categories...
✅ Synced 5 categories (5 ACTION)
🔄 Syncing products...
✅ Synced 211 products (211 ACTION)
🔄 Syncing stage history...
✅ Synced 45 stage history records (45 ACTION)
🎉 Data synchronization completed successfully!
`, "ACTION", action)
		if e := s.must(0, "sync"); e.stdout != want || e.stderr != "" {
			t.Errorf("printed %s\nwant\n%s", e, want)
		}
	}
}

func TestMain_ExitCodes(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, url func(testing.TB) string) {
		t.Parallel()
		s := newSite(t, url)
		s.must(1, "verify") // not migrated
		s.must(0, "seed")
		s.must(1, "seed") // not empty
		s.must(0, "migrate")
		s.must(3, "verify")
		s.must(0, "sync", "--dry-run")
		s.must(3, "verify", "--json")
		s.must(0, "sync")
		s.must(0, "verify")
		s.must(0, "version")
		s.must(0, "--help")
		for _, args := range []string{"nothing", "sync --mode partial", "sync --allow-deletes many", "sync --allow-deletes -1", "sync extra", "seed --products x", "doctor --whatever"} {
			s.must(2, strings.Fields(args)...)
		}
		for _, command := range []string{"sync", "doctor --json"} {
			if e := s.runAs([]string{"PORT=99999"}, strings.Fields(command)...); e.code != 2 || e.stdout != "" || !strings.Contains(e.stderr, "PORT") {
				t.Errorf("%s with an invalid port: %s", command, e)
			}
		}
		s.exec(s.source, "DELETE FROM tbl_produk WHERE id > 100")
		o := s.syncJSON(1)
		if o.Error == nil || o.Error.Class != models.MassDelete || o.State != models.Failed || o.Run == nil || !strings.Contains(o.Error.Remedy, "--allow-deletes") {
			t.Errorf("%+v", o)
		}
		s.must(0, "sync", "--dry-run") // says so, and succeeds
		s.must(3, "verify")
	})
}

func TestSync_JSONHasTheDocumentedFields(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, s *site) {
		for _, args := range []string{"sync --json", "sync --json --dry-run", "sync --json --allow-deletes 7"} {
			e := s.runAs(nil, strings.Fields(args)...)
			lines := strings.Split(strings.TrimSuffix(e.stdout, "\n"), "\n")
			var o map[string]json.RawMessage
			if err := json.Unmarshal([]byte(lines[len(lines)-1]), &o); err != nil || len(lines) != 1 {
				t.Fatalf("%v: %v, %d lines on standard output: %s", args, err, len(lines), e)
			}
			for _, field := range []string{"run", "mode", "state", "reason", "reason_details", "digest", "started_at", "finished_at", "tables", "error"} {
				if o[field] == nil {
					t.Errorf("%v: %s is missing: %s", args, field, e.stdout)
				}
				delete(o, field)
			}
			if len(o) > 0 {
				t.Errorf("%v: unknown fields %v", args, o)
			}
		}
		o := s.syncJSON(0)
		if o.State != models.Succeeded || o.Mode != "full" || o.Error != nil || len(o.Tables) != 5 || o.Tables[3].Table != "products" || o.Tables[3].Unchanged != 20 {
			t.Errorf("%+v", o)
		}
	})
}

func TestSync_DigestAppliesExactlyTheDryRun(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, s *site) {
		shown := s.syncJSON(0, "--dry-run") // pmo_db has no tables yet
		if shown.Digest == nil {
			t.Fatalf("%+v", shown)
		}
		if e := s.must(0, "sync", "--dry-run"); !strings.Contains(e.stdout, "sync --digest "+*shown.Digest) {
			t.Errorf("%s", e)
		}
		s.exec(s.source, "UPDATE tbl_produk SET harga = 7 WHERE id = 3")
		refused := s.syncJSON(1, "--digest", *shown.Digest)
		if refused.Error == nil || refused.Error.Class != models.Conflict || refused.Digest == nil || *refused.Digest == *shown.Digest || len(refused.Tables) != 5 ||
			!strings.Contains(refused.Error.Message, *refused.Digest) {
			t.Fatalf("%+v", refused)
		}
		if e := s.must(1, "sync", "--digest", *shown.Digest); strings.Contains(e.stdout, "Synced") || !strings.Contains(e.stderr, *refused.Digest) {
			t.Errorf("%s", e)
		}
		if n := kit.One[int64](t, s.target, "SELECT count(*) FROM tbl_produk_lifecycle"); n != 0 {
			t.Errorf("%d products were applied", n)
		}
		if e := s.must(0, "sync", "--digest", *refused.Digest); !strings.Contains(e.stdout, "Synced 20 products") {
			t.Errorf("%s", e)
		}
		s.must(0, "verify")
		if o := s.syncJSON(0); o.Digest != nil {
			t.Errorf("%+v", o)
		}
		for _, wrong := range []string{"7", strings.ToUpper(*shown.Digest) + "A", *shown.Digest + " --dry-run", *shown.Digest + " --mode incremental"} {
			s.must(2, strings.Fields("sync --digest "+wrong)...)
		}
	})
}

func TestSync_IncrementalModeAndDryRun(t *testing.T) {
	t.Parallel()
	s := seeded(t, testdb.Postgres)
	// Rows count as new until every older transaction on the server has ended, those of other tests included.
	written := kit.One[int64](t, s.source, "SELECT pg_current_xact_id()::text::bigint")
	s.Eventually("no older transaction", func() bool {
		return kit.One[int64](t, s.source, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint") > written
	})
	if o := s.syncJSON(0, "--mode", "incremental"); o.Mode != "full" || o.Tables[3].Inserted != 20 {
		t.Errorf("the first: %+v", o)
	}
	s.exec(s.source, "UPDATE tbl_produk SET harga = 7 WHERE id = 3")
	s.exec(s.target, "UPDATE tbl_produk_lifecycle SET harga = 8 WHERE id = 4")
	if o := s.syncJSON(0, "--mode", "incremental"); o.Mode != "incremental" || o.Tables[3].Updated != 1 || o.Tables[3].Unchanged != 19 {
		t.Errorf("the second: %+v", o)
	}
	if o := s.syncJSON(0, "--mode", "incremental", "--dry-run"); o.Mode != "dry-run" || o.Tables[3].Updated != 1 {
		t.Errorf("a dry run must find manual edits: %+v", o)
	}
	if o := s.syncJSON(0); o.Mode != "full" || o.Tables[3].Updated != 1 {
		t.Errorf("the full one: %+v", o)
	}
	if e := s.must(2, "sync", "--mode", "fast"); !strings.Contains(e.stderr, "full,incremental") && !strings.Contains(e.stderr, `"full","incremental"`) {
		t.Errorf("%s", e)
	}
}

func TestServe_FirstRunIsFullLaterOnesIncremental(t *testing.T) {
	t.Parallel()
	s := seeded(t, testdb.Postgres)
	s.Set("PORT=0")
	for range 3 {
		v := s.Begin("serve")
		v.Says("Serving http://")
		if out := v.Out.String(); !strings.Contains(out, "completed successfully") || strings.Contains(out, "every row was compared") {
			t.Errorf("%s", out)
		}
		v.Cancel()
		v.Ends(0)
	}
	modes := "SELECT string_agg(mode || coalesce(CAST(reasons AS text), ''), '+' ORDER BY id) FROM lifecycle_sync_runs"
	if got := kit.One[string](t, s.target, modes); got != "full+incremental+incremental" {
		t.Error(got)
	}
}

// diagnosis is the output of doctor --json.
type diagnosis struct {
	Checks []struct {
		Name, Message, Remedy string
		Status                doctor.Status
		BlocksRuns            bool           `json:"blocks_runs"`
		MessageDetail         models.Text    `json:"message_detail"`
		RemedyDetail          *models.Remedy `json:"remedy_detail"`
	}
	OK *bool
}

// doctorJSON runs doctor --json and parses the one line on standard output.
func (s *site) doctorJSON(code int, env ...string) (d diagnosis) {
	s.Helper()
	e := s.runAs(env, "doctor", "--json")
	if err := json.Unmarshal([]byte(e.stdout), &d); e.code != code || err != nil || strings.Count(e.stdout, "\n") != 1 {
		s.Fatalf("exit %d expected, %v: %s", code, err, e)
	}
	if d.OK == nil || *d.OK != (code == 0) || len(d.Checks) == 0 {
		s.Fatalf("%s", e)
	}
	for _, f := range d.Checks {
		needsRemedy := f.Status == doctor.Note || f.Status == doctor.Problem
		if f.Name == "" || f.Status == "" || f.Message == "" || f.MessageDetail.Code == "" || needsRemedy && (f.Remedy == "" || f.RemedyDetail == nil) {
			s.Errorf("%+v", f)
		}
	}
	return d
}

// status is the worst finding of a check.
func (d diagnosis) status(name string) (worst doctor.Status) {
	for _, f := range d.Checks {
		if f.Name == name && worst != doctor.Problem {
			worst = f.Status
		}
	}
	return worst
}

func TestDoctor_ExitCodesAndOutput(t *testing.T) {
	t.Parallel()
	eachSeeded(t, func(t *testing.T, s *site) {
		s.must(0, "migrate")
		if d := s.doctorJSON(1); d.status("sync.last_success") != doctor.Problem {
			t.Errorf("never synchronized: %+v", d)
		}
		s.must(0, "sync")
		s.doctorJSON(0)
		e := s.must(0, "doctor")
		for _, part := range []string{"✅ source.tables: Every table exists.\n", "🎉 No problems found\n", "⚠️ source.required_values: tbl_produk.id_kategori is NULL", "\n   These rows are mirrored", "\n   SELECT id FROM tbl_produk"} {
			if !strings.Contains(e.stdout, part) {
				t.Errorf("%q is not in %s", part, e)
			}
		}
		s.exec(s.source, "ALTER TABLE tbl_produk DROP COLUMN harga")
		if d := s.doctorJSON(1); d.status("source.columns") != doctor.Problem {
			t.Errorf("a missing column: %+v", d)
		}
		if e := s.must(1, "doctor"); !strings.Contains(e.stdout, "❌ source.columns (blocks runs): tbl_produk.harga is missing.\n   Run in lifecycle_db:\n   ALTER TABLE tbl_produk ADD COLUMN harga bigint\n") ||
			!strings.Contains(e.stdout, "❌ Problems need action\n") || e.stderr != "" {
			t.Errorf("%s", e)
		}
		if n := kit.One[int64](t, s.target, "SELECT count(*) FROM lifecycle_sync_runs"); n != 1 {
			t.Errorf("doctor has made %d runs", n-1)
		}
	})
}

func TestDoctor_ChecksTheRestWithoutDatabases(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil)
	s.UseDatabases("postgres://u:p@127.0.0.1:1/db", "postgres://u:p@127.0.0.1:1/db")
	d := s.doctorJSON(1, "SYNC_REALTIME=true")
	for name, want := range map[string]doctor.Status{
		"lifecycle_db.reachable": doctor.Problem, "pmo_db.reachable": doctor.Problem, "source.tables": doctor.Skipped, "sync.last_success": doctor.Skipped,
		"replication.connection": doctor.Skipped, "machine.uploads": doctor.OK, "machine.data": doctor.OK,
	} {
		if got := d.status(name); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestToken_PrintsOnlyAToken(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("rahasia.", 4)
	s := newSite(t, nil)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	a, err := access.New(t.Context(), access.Options{Secret: secret, Issuer: "pmo", Audience: "lifecycle", ManagerRoles: []string{"Project Manager"}, Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"AUTH_JWT_SECRET=" + secret, "AUTH_JWT_SECRET_FILE=" + file} {
		e := s.runAs([]string{env, "AUTH_ISSUER=pmo", "AUTH_AUDIENCE=lifecycle", "LOG_LEVEL=DEBUG"}, "token", "--role", "Project Manager", "--subject", "Budi", "--expires", "90s")
		token, ok := strings.CutSuffix(e.stdout, "\n")
		caller, err := a.Caller(t.Context(), token)
		if e.code != 0 || !ok || e.stderr != "" || err != nil || caller != (models.Caller{Subject: "Budi", Role: models.Manager, Expires: caller.Expires}) || caller.Expires.IsZero() {
			t.Errorf("%s: %+v, %v", e, caller, err)
		}
	}
	for _, c := range []struct{ names, env, args string }{
		{"AUTH_JWT_SECRET", "", "--role Admin"},
		{"AUTH_JWT_SECRET", "AUTH_JWKS_URL=https://id.example.com/keys", "--role Admin"},
		{"AUTH_JWT_SECRET", "AUTH_JWT_SECRET=rahasia", "--role Admin"},
		{"--role", "AUTH_JWT_SECRET=" + secret, ""},
		{"--expires", "AUTH_JWT_SECRET=" + secret, "--role Admin --expires 0s"},
		{"--expires", "AUTH_JWT_SECRET=" + secret, "--role Admin --expires=-1h"},
		{"--expires", "AUTH_JWT_SECRET=" + secret, "--role Admin --expires soon"},
	} {
		e := s.runAs(strings.Fields(c.env), append([]string{"token"}, strings.Fields(c.args)...)...)
		if e.code != 2 || e.stdout != "" || !strings.Contains(e.stderr, c.names) || strings.Contains(e.stderr, "rahasia") {
			t.Errorf("%v %v: %s", c.env, c.args, e)
		}
	}
}

func TestFollow_RefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	s := newSite(t, testdb.SQLite)
	if e := s.must(2, "sync", "--follow"); !strings.Contains(e.stderr, "needs PostgreSQL") {
		t.Errorf("%s", e)
	}
	s.must(2, "sync", "--follow", "--dry-run")
	s.must(2, "sync", "--follow", "--digest", strings.Repeat("a", 32))
	postgres := seeded(t, testdb.Postgres)
	postgres.exec(postgres.source, "ALTER TABLE tbl_produk REPLICA IDENTITY NOTHING")
	if e := postgres.must(1, "sync", "--follow"); !strings.Contains(e.stdout+e.stderr, "REPLICA IDENTITY DEFAULT") {
		t.Errorf("%s", e)
	}
}
